"""The classes of a network's source: one for each form of block, with arguments for the numbers that differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._code import (
    WIDTH,
    Argument,
    Call,
    Code,
    Names,
    call,
    is_attribute_name,
    lay_out,
    lay_out_def,
    lay_out_docstring,
    quote_text,
    write_number,
)
from ._source_arguments import Arguments
from ._source_forms import Definition, write_layer
from ._source_layers import Leaf, Setting, activation_behind, projection_leaf
from ._source_names import are_numbers, name_block, reserved_names, write_chain
from ._source_tree import SourceTree, join

_LONGEST_LIST = 160
"""Letters of the list of a class's uses, about two lines."""

class SourceWriter:
    """Writes the classes of a network, inner ones before those that use them."""

    def __init__(self, tree: SourceTree, network_name: str, taken: Iterable[str]) -> None:
        self.tree = tree
        self.definitions: dict[Any, Definition] = {}
        self._names = Names([*taken, network_name])
        leaves: dict[Any, dict[str, Leaf]] = {}
        for path, leaf in tree.leaves():
            if not isinstance(leaf.callee, str):
                leaves.setdefault(leaf.callee, {})[path] = leaf
        for form, uses in leaves.items():
            self.definitions[form] = write_layer(form, uses, self._names.take(form.class_name))
        # It is kept apart: what is defined while it is written stands before it.
        self.network = BlockWriter(self, [""]).write(network_name)

    def define(self, path: str) -> Definition:
        """The class of the block at a path, written where it is met first."""
        key = ("block", self.tree.group_of[path])
        if key not in self.definitions:
            paths = self.tree.groups[self.tree.group_of[path]]
            name = self._names.take(*name_block([self.tree.places[each] for each in paths]))
            self.definitions[key] = BlockWriter(self, paths).write(name)
        return self.definitions[key]


class BlockWriter:
    """Writes one class, of the blocks at several paths that differ in numbers alone; '' is the network."""

    def __init__(self, source: SourceWriter, paths: list[str]) -> None:
        self.source, self.tree, self.paths = source, source.tree, paths
        self.arguments = Arguments(self.tree, paths)
        self.roots = self.arguments.roots
        self.root = self.roots[0]
        self.is_network = paths == [""]
        names = {node.name for node in self.root.node.nodes}
        self.takes_any_name = bool(names & reserved_names())
        self._attributes = Names([*names, *reserved_names(), "add", "part"])
        self._own: dict[str, str] = {}

    def write(self, name: str) -> Definition:
        """Write it, twice: at first its arguments are found, then they have their names."""
        self._write_body()
        self.arguments.begin_again()
        base, body = self._write_body()
        parameters = self.arguments.in_order()
        declared = [each.declare() for each in parameters]
        placed = declared[:1] if parameters and parameters[0].role == "in" else []
        named = declared[len(placed) :]
        lines = [
            f"class {name}({base}):",
            *lay_out_docstring(self._describe(), 1),
            "",
            *lay_out_def("__init__", ["self", *placed, *(["*", *named] if named else [])], "None", 1),
            *body,
        ]
        values = {
            path: {each.name: each.values[index] for each in parameters} for index, path in enumerate(self.paths)
        }
        return Definition(name, tuple(lines), tuple(parameters), values)

    def _write_body(self) -> tuple[str, list[str]]:
        """The base class, and what stands below the head of __init__."""
        names = [node.name for node in self.root.node.nodes]
        if self.root.node.op in ("sequence", "auxiliary") and not self.is_network and are_numbers(names):
            layers = tuple(Argument(each.value, "", each.comment) for each in self._write_layers(""))
            return "nn.Sequential", lay_out(Call("super().__init__(", layers), 2)
        returns = "Tensor | Outputs" if self.is_network and self._heads() else "Tensor"
        body = [
            "        super().__init__()",
            *self._write_parts(),
            "",
            *lay_out_def("forward", ["self", "x: Tensor"], returns, 1),
            *self._write_steps(),
        ]
        return "AnyNames" if self.takes_any_name else "nn.Module", body

    # Parts

    def _write_parts(self) -> list[str]:
        lines: list[str] = []
        node = self.root.node
        for child in node.nodes:
            if _is_there(child):
                lines += self._attach(child.name, self._write_node(child.name))
        if node.op == "parallel" and node.fuse == "concat":
            self.arguments.know_sum([branch.name for branch in node.branches])
        if node.op == "residual":
            lines += self._write_residual_parts()
        return lines

    def _attach(self, name: str, code: Code) -> list[str]:
        if self.takes_any_name:
            return lay_out(call("self.add", quote_text(name), code), 2)
        if not is_attribute_name(name):
            return lay_out(call("self.add_module", quote_text(name), code), 2)
        return lay_out(code, 2, f"self.{name} = ")

    def _apply(self, node: Any) -> Code:
        """The call of a part."""
        if not _is_there(node):
            return "x"
        if is_attribute_name(node.name) and not self.takes_any_name:
            return f"self.{node.name}(x)"
        opening = "self.part(" if self.takes_any_name else "self.get_submodule("
        return Call(opening, (Argument(quote_text(node.name)),), ")(x)")

    def _write_node(self, place: str) -> Code:
        """The call that makes the node at a path below this block."""
        each = self.arguments.places(place)
        node, path = each[0].node, each[0].path
        if each[0].leaf:
            return self._write_leaf([here.leaf for here in each if here.leaf], place)
        if path in self.tree.group_of:
            definition = self.source.define(path)
            return self._write_call(definition.name, [definition.settings(here.path) for here in each], place)
        layers = self._write_layers(place)
        if node.op == "auxiliary" and self.tree.nests_heads:
            misfit = self.tree.misfits.get(path)
            told = {"misfit": quote_text(misfit)} if misfit else {}
            return call("AuxiliaryHead", Call("{", layers, "}"), weight=write_number(node.weight), **told)
        return write_chain([child.name for child in node.nodes], layers)

    def _write_leaf(self, leaves: list[Leaf], place: str) -> Code:
        callee = leaves[0].callee
        if isinstance(callee, str):
            if callee.endswith(")"):
                return callee
            return self._write_call(callee, [leaf.settings for leaf in leaves], place)
        definition = self.source.definitions[callee]
        return self._write_call(definition.name, [definition.take(leaf) for leaf in leaves], place)

    def _write_call(self, name: str, rows: list[tuple[Setting, ...]], place: str) -> Call:
        arguments = []
        for column in zip(*rows, strict=True):
            setting = column[0]
            code = self.arguments.write(setting, tuple(each.value for each in column), place)
            if setting.default is None or code != write_number(setting.default):
                arguments.append(Argument(code, setting.name if setting.by_name else ""))
        return Call(f"{name}(", tuple(arguments))

    def _write_layers(self, place: str) -> tuple[Argument, ...]:
        """The parts of a sequence, with the shapes that say more than the calls, forward and the parts within them."""
        arguments = []
        nodes = self.arguments.places(place)[0].node.nodes
        for node in nodes:
            inner = join(place, node.name)
            code = self._write_node(inner)
            told = self.arguments.tell_shape(inner)
            is_told = (len(nodes) == 1 and place and "/" not in place) or "× H" in told
            if is_told or self._is_written_here(inner):
                told = ""
            arguments.append(Argument(code, quote_text(node.name), told))
        return tuple(arguments)

    def _is_written_here(self, place: str) -> bool:
        """Whether a node is a sequence without a class of its own, so that its parts stand here."""
        path = self.arguments.places(place)[0].path
        node = self.tree.places[path].node
        return node.op == "sequence" and bool(node.nodes) and path not in self.tree.group_of

    def _write_residual_parts(self) -> list[str]:
        node, lines = self.root.node, []
        projecting = [place.projects for place in self.roots]
        if any(projecting):
            leaves = [projection_leaf(each.node, each.before, each.after) for each in self.roots]
            definition = self.source.definitions[leaves[projecting.index(True)].callee]
            rows = [definition.take(leaf, counts) for leaf, counts in zip(leaves, projecting, strict=True)]
            projection = self._write_call(definition.name, rows, "shortcut")
            if all(projecting):
                lines += lay_out(projection, 2, "self.shortcut = ")
            else:
                flag = self.arguments.write(Setting("projection", False, default=False), tuple(projecting), "shortcut")
                lines += ["        self.shortcut: nn.Module = nn.Identity()", f"        if {flag}:"]
                lines += lay_out(projection, 3, "self.shortcut = ")
        for name, default in (("scale", 1.0), ("drop_path", 0.0)):
            values = tuple(float(getattr(each.node, name)) for each in self.roots)
            text = self.arguments.write(Setting(name, values[0], default=default), values, "")
            self._own[name] = str(text)
            if len(set(values)) > 1:
                self._own[name] = f"self.{self._attribute(name)}"
                lines.append(f"        {self._own[name]} = {text}")
        if node.activation != "none":
            lines.append(f"        self.{self._attribute('activation')} = {activation_behind(node.activation)}")
        return lines

    def _attribute(self, name: str) -> str:
        """A name for something of this class's own, beside its parts."""
        key = f"attribute {name}"
        if key not in self._own:
            self._own[key] = self._attributes.take(name)
        return self._own[key]

    # Steps

    def _write_steps(self) -> list[str]:
        op = self.root.node.op
        if self.is_network:
            return self._write_network_steps()
        if op == "parallel":
            return self._write_parallel_steps()
        if op == "residual":
            return self._write_residual_steps()
        lines = [line for node in self.root.node.nodes for line in self._step(node)]
        return [*lines, "        return x"]

    def _step(self, node: Any, target: str = "x") -> list[str]:
        if not _is_there(node):
            return [] if target == "x" else [f"        {target} = x"]
        return lay_out(self._apply(node), 2, f"{target} = ", "", self.arguments.tell_shape(node.name))

    def _write_parallel_steps(self) -> list[str]:
        node = self.root.node
        if len(node.branches) == 1:
            return [*self._step(node.branches[0]), "        return x"]
        told = self.arguments.tell_shape("")
        sign = "+" if node.fuse == "add" else "*"
        if node.fuse != "concat" and len(node.branches) == 2:
            joined = f" {sign} ".join(str(self._apply(each)) for each in node.branches)
            if len(f"        x = {joined}") <= WIDTH:
                return [*lay_out(joined, 2, "x = ", "", told), "        return x"]
        shapes = [self.arguments.tell_shape(each.name) for each in node.branches]
        calls = map(self._apply, node.branches)
        branches = tuple(Argument(code, "", shape) for code, shape in zip(calls, shapes, strict=True))
        lines = _explode(Call("[", branches, "]"), 2, "branches = ")
        if node.fuse == "concat":
            return [*lines, *lay_out("torch.cat(branches, dim=1)", 2, "return ", "", told)]
        # All of them are computed before any is joined, as `build` does it: so gradients are added in the same order.
        lines.append("        x = branches[0]")
        return [*lines, "        for y in branches[1:]:", f"            x = x {sign} y", "        return x"]

    def _write_residual_steps(self) -> list[str]:
        node = self.root.node
        lines = self._step(node.body, "y")
        drop = self._own["drop_path"]
        if drop != "0.0":
            asked = "self.training" if drop[:1].isdigit() else f"self.training and {drop}"
            lines += [f"        if {asked}:", f"            y = stochastic_depth(y, {drop})"]
        if any(place.projects for place in self.roots):
            lines.append("        x = self.shortcut(x)")
        scale = self._own["scale"]
        total = "x + y" if scale == "1.0" else f"torch.add(x, y, alpha={scale})"
        lines += lay_out(total, 2, "x = ", "", self.arguments.tell_shape(""))
        if node.activation != "none":
            lines.append(f"        x = self.{self._attribute('activation')}(x)")
        return [*lines, "        return x"]

    def _heads(self) -> bool:
        return any(place.node.op == "auxiliary" for place in self.tree.places.values())

    def _write_network_steps(self) -> list[str]:
        lines: list[str] = []
        nested = self.tree.nests_heads
        if self._heads() and not nested:
            lines.append("        auxiliary: list[tuple[float, Tensor]] = []")
        for node in self.root.node.nodes:
            if node.op == "auxiliary" and not nested:
                misfit = self.tree.misfits.get(node.name)
                lines.append("        if self.training:")
                if misfit:
                    lines += lay_out(call("ValueError", quote_text(misfit)), 3, "raise ")
                else:
                    pair = Call("(", (Argument(write_number(node.weight)), Argument(self._apply(node))))
                    lines += lay_out(call("auxiliary.append", pair), 3)
            else:
                lines += self._step(node)
        if not self._heads():
            return [*lines, "        return x"]
        lines += ["        if not self.training:", "            return x"]
        if nested:
            lines += [
                "        heads = [part for part in self.modules() if isinstance(part, AuxiliaryHead)]",
                "        return Outputs(x, tuple(head.take() for head in heads))",
            ]
            return lines
        return [*lines, "        return Outputs(x, tuple(auxiliary))"]

    def _describe(self) -> list[str]:
        node = self.root.node
        if self.is_network:
            before, after = (" × ".join(map(str, shape)) for shape in (self.root.before, self.root.after))
            return [f"The whole network: images of {before} in, {after} out."]
        names = [path.replace("/", ".") for path in self.paths]
        used = f"Used as {', '.join(names)}."
        if len(used) > _LONGEST_LIST:
            used = f"Used {len(names)} times, as {names[0]} first and as {names[-1]} last."
        return [_describe_kind(node), used]


def _describe_kind(node: Any) -> str:
    if node.op == "residual":
        return "A body and a shortcut around it, added."
    if node.op == "auxiliary":
        return "A second classifier, which helps in training."
    if node.op == "sequence":
        return "Layers one after another."
    if len(node.nodes) == 1:
        return "One branch."
    joined = {"concat": "joined along the channels", "add": "added", "multiply": "multiplied"}[node.fuse]
    return f"{len(node.nodes)} branches on the same maps, {joined}."


def _is_there(node: Any) -> bool:
    """Whether a node is more than the identity."""
    return node.op not in ("sequence", "auxiliary") or bool(node.nodes)


def _explode(code: Call, level: int, head: str) -> list[str]:
    """A list with one entry a line, however short it is."""
    space = "    " * level
    lines = [f"{space}{head}{code.opening}"]
    for each in code.arguments:
        lines += lay_out(each.value, level + 1, each.head, ",", each.comment)
    return [*lines, f"{space}{code.closing}"]
