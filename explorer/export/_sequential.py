"""The form for teaching: one nn.Sequential of torch's own layers, with small modules where it branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..architecture import Architecture
from ._code import Argument, Call, Code, call, lay_out, write_number
from ._pytorch import finish_source, select_parts, write_imports
from ._source_layers import ConvForm, Leaf, LinearForm, activation_behind, norm_leaf, projection_leaf, simplify
from ._source_tree import SourceTree

if TYPE_CHECKING:
    from ._subject import Subject

_JOINTS = {"concat": "Concat", "add": "Add", "multiply": "Multiply"}


def write_sequential_of(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    """Write the network as one nn.Sequential.

    Args:
        subject: The design.

    Returns:
        The file, and what it does not say.

    Raises:
        ValueError: A kind of node has no form in source.
    """
    text, left_out = write_sequential(subject.architecture)
    notes = ["For teaching: layers of torch.nn in order; their weights are numbered, in the order of the state dict."]
    return text.encode(), (*notes, *left_out)


def write_sequential(architecture: Architecture) -> tuple[str, tuple[str, ...]]:
    """Write a network as one nn.Sequential. Where it branches there are small modules: Concat, Add, Multiply, Residual.

    Args:
        architecture: The network.

    Returns:
        (Python, a sentence for each thing that a Sequential cannot say and that was left out or fixed).

    Raises:
        ArchitectureError: The layers do not fit together.
        ValueError: A kind of node has no form in source.
    """
    tree = SourceTree(architecture)
    layers = _Writer(tree).write_children("", "")
    body = ["network = nn.Sequential()"]
    if layers:
        lines = [line for each in layers for line in lay_out(each.value, 1, "", ",", each.comment)]
        body = ["network = nn.Sequential(", *lines, ")"]
    size = ", ".join(map(str, ("1", *architecture.input_shape)))
    main = [
        'if __name__ == "__main__":',
        f"    x = torch.zeros({size})",
        "    for layer in network.eval():",
        "        x = layer(x)",
        '        print(f"{type(layer).__name__:20} {tuple(x.shape)}")',
    ]
    code = "\n".join(body)
    helpers = select_parts(code)
    left_out = _find_left_out(tree)
    parts = "\n\n\n".join(helpers)
    whole = f"{parts}\n\n\n{code}" if parts else code
    whole = f"{whole}\n\n{chr(10).join(main)}\n"
    whole = f"{write_imports(whole)}\n\n{chr(10) if parts else ''}{whole}"
    return finish_source(architecture, tree.analysis.totals, left_out, whole), tuple(left_out)


def _find_left_out(tree: SourceTree) -> list[str]:
    heads = [path for path, place in tree.places.items() if place.node.op == "auxiliary"]
    sized = [path for path, place in tree.places.items() if getattr(place.node, "is_sized", False)]
    told = []
    if heads:
        more = f" and {len(heads) - 1} more" if len(heads) > 1 else ""
        told.append(
            f"The auxiliary head {heads[0]}{more}, which only training runs, is left out: a Sequential has one output."
        )
    if sized:
        size = " × ".join(map(str, tree.architecture.input_shape[1:]))
        told.append(f"Padding as TensorFlow's SAME, of {sized[0]} first, is that of images of {size}.")
    return told


class _Writer:
    """Writes nodes as layers of a Sequential."""

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree

    def write_children(self, path: str, name: str) -> list[Argument]:
        """The layers of a sequence, one after another."""
        found = []
        for child in self.tree.children(path):
            place = self.tree.places[child]
            found += self.write(child, f"{name}{place.node.name}")
        return found

    def write(self, path: str, name: str) -> list[Argument]:
        """The layers of a node; the last tells its name and the shape behind it."""
        place = self.tree.places[path]
        node = place.node
        shape = " × ".join(map(str, place.after))
        if place.leaf:
            *codes, last = self._write_leaf(node, place.leaf, place.before)
            return [*map(Argument, codes), Argument(last, "", f"{name}: {shape}")]
        if node.op == "auxiliary":
            return []
        if node.op == "sequence":
            return self.write_children(path, f"{name}.")
        if node.op == "parallel":
            branches = [self._write_branch(child) for child in self.tree.children(path)]
            if len(branches) == 1:
                return self.write(self.tree.children(path)[0], f"{name}.{node.nodes[0].name}")
            listed = Call("[", tuple(branches), "]")
            return [Argument(call(_JOINTS[node.fuse], listed), "", f"{name}: {shape}")]
        settings: dict[str, Code] = {}
        if place.projects:
            projection = self._write_leaf(node, projection_leaf(node, place.before, place.after), place.before)
            settings["projection"] = _chain([Argument(code) for code in projection])
        if node.scale != 1:
            settings["scale"] = write_number(float(node.scale))
        if node.drop_path:
            settings["drop_path"] = write_number(float(node.drop_path))
        body = self._write_branch(self.tree.children(path)[0]).value
        found = [Argument(call("Residual", body, **settings), "", f"{name}: {shape}")]
        if node.activation != "none":
            found.append(Argument(activation_behind(node.activation)))
        return found

    def _write_branch(self, path: str) -> Argument:
        place = self.tree.places[path]
        shape = " × ".join(map(str, place.after))
        told = f"{place.node.name}: {shape}"
        if place.node.op == "sequence":  # the names in it need not repeat its own
            layers = self.write_children(path, "")
            return Argument(_chain(layers), "", told)
        layers = self.write(path, place.node.name)
        return layers[0] if len(layers) == 1 else Argument(_chain(layers), "", "" if place.leaf else told)

    def _write_leaf(self, node: Any, leaf: Leaf, before: tuple[int, ...]) -> list[Code]:
        settings = {each.name: each for each in leaf.settings}
        numbers = {name: write_number(each.value) for name, each in settings.items()}
        given = {name: numbers[name] for name, each in settings.items() if each.value != each.default}
        if isinstance(leaf.callee, LinearForm):
            named = {name: text for name, text in given.items() if name == "bias"}
            layers: list[Code] = [call("nn.Linear", numbers["in_features"], numbers["out_features"], **named)]
            return layers if leaf.callee.activation == "none" else [*layers, activation_behind(leaf.callee.activation)]
        if isinstance(leaf.callee, ConvForm):
            return self._write_conv(node, leaf.callee, settings, given, before)
        if leaf.callee.startswith("Padded"):
            return _write_padded_pool(node, before)
        if leaf.callee.endswith(")"):
            return [leaf.callee]
        arguments = [Argument(numbers[name], name if each.by_name else "") for name, each in settings.items()
                     if each.default is None or name in given]  # fmt: skip
        return [Call(f"{leaf.callee}(", tuple(arguments))]

    def _write_conv(
        self, node: Any, form: ConvForm, settings: Any, given: dict[str, str], before: tuple[int, ...]
    ) -> list[Code]:
        layers: list[Code] = []
        if form.padding:
            border = _border_on(node, before) if form.padding == "same" else settings["border"].value
            if any(border):
                layers.append(call("nn.ZeroPad2d", write_number(border)))
        first = [write_number(settings[name].value) for name in ("in_channels", "out_channels", "kernel_size")]
        named = {name: text for name, text in given.items() if name in ("stride", "padding", "dilation", "groups")}
        if not settings["bias"].value:
            named["bias"] = "False"
        layers.append(call("nn.Conv2d", *first, **named))
        if form.norm != "none":
            groups = settings["norm_groups"].value if "norm_groups" in settings else 1
            norm = norm_leaf(form.norm, settings["out_channels"].value, settings["eps"].value, groups)
            layers += self._write_leaf(None, norm, before)
        return layers if form.activation == "none" else [*layers, activation_behind(form.activation)]


def _border_on(node: Any, before: tuple[int, ...]) -> tuple[int, ...]:
    """(left, right, top, bottom) on a map."""
    g = node.geometry_on(before[1:])
    return g.pad[1], g.pad_end[1], g.pad[0], g.pad_end[0]


def _write_padded_pool(node: Any, before: tuple[int, ...]) -> list[Code]:
    border = _border_on(node, before)
    kernel, stride = simplify(node.geometry.kernel), simplify(node.geometry.stride)
    if node.kind == "avg" and not node.count_include_pad and any(border):
        return [
            call(
                "PaddedAvgPool", write_number(node.geometry.kernel), stride=write_number(node.geometry.stride),
                border=write_number(border), count_include_pad="False",
            )
        ]  # fmt: skip
    kind = "nn.MaxPool2d" if node.kind == "max" else "nn.AvgPool2d"
    pool = call(kind, write_number(kernel), stride=write_number(stride))
    if not any(border):
        return [pool]
    if node.kind == "max":
        return [call("nn.ConstantPad2d", write_number(border), 'float("-inf")'), pool]
    return [call("nn.ZeroPad2d", write_number(border)), pool]


def _chain(layers: list[Argument]) -> Code:
    return layers[0].value if len(layers) == 1 else Call("nn.Sequential(", tuple(layers)) if layers else "nn.Identity()"
