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
    Sum,
    call,
    is_attribute_name,
    lay_out,
    lay_out_def,
    lay_out_docstring,
    name_argument,
    quote_text,
    write_number,
)
from ._source_forms import Definition, Parameter, write_layer
from ._source_layers import Leaf, Role, Setting, activation_behind, projection_leaf
from ._source_names import name_block, reserved_names, write_chain
from ._source_tree import Place, SourceTree, join

_SHOWN_USES = 12
Key = tuple[str, tuple[Any, ...]]
"""(what a number is, its value in each place) of a parameter."""


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
            name = self._names.take(name_block([self.tree.places[each] for each in paths]))
            self.definitions[key] = BlockWriter(self, paths).write(name)
        return self.definitions[key]


class BlockWriter:
    """Writes one class, of the blocks at several paths that differ in numbers alone; '' is the network."""

    def __init__(self, source: SourceWriter, paths: list[str]) -> None:
        self.source, self.tree, self.paths = source, source.tree, paths
        self.roots = [self.tree.places[path] for path in paths]
        self.root = self.roots[0]
        self.is_network = paths == [""]
        self.before = tuple(place.before[0] for place in self.roots)
        self.after = tuple(place.after[0] for place in self.roots)
        names = {node.name for node in self.root.node.nodes}
        self.takes_any_name = bool(names & reserved_names())
        self._attributes = Names([*names, *reserved_names(), "add", "part"])
        self._uses: dict[Key, list[tuple[str, Setting]]] = {}
        self._parameters: dict[Key, Parameter] = {}
        self._known: dict[tuple[Any, ...], Code] = {}
        self._own: dict[str, str] = {}

    def write(self, name: str) -> Definition:
        """Write it, twice: at first its arguments are found, then they have their names."""
        for _ in range(2):
            self._uses = {}
            self._known = {}
            parts, steps = self._write_parts(), self._write_steps()
            if not self._parameters:
                self._parameters = self._name_parameters()
        parameters = sorted(
            self._parameters.values(), key=lambda each: (each.role != "in", each.default is not None)
        )
        declared = [each.declare() for each in parameters]
        placed = declared[:1] if parameters and parameters[0].role == "in" else []
        named = declared[len(placed) :]
        base = "AnyNames" if self.takes_any_name else "nn.Module"
        returns = "Tensor | Outputs" if self.is_network and self._heads() else "Tensor"
        lines = [
            f"class {name}({base}):",
            *lay_out_docstring(self._describe(), 1),
            "",
            *lay_out_def("__init__", ["self", *placed, *(["*", *named] if named else [])], "None", 1),
            "        super().__init__()",
            *parts,
            "",
            *lay_out_def("forward", ["self", "x: Tensor"], returns, 1),
            *steps,
        ]
        values = {
            path: {each.name: each.values[index] for each in parameters} for index, path in enumerate(self.paths)
        }
        return Definition(name, tuple(lines), tuple(parameters), values)

    # Numbers

    def _write_setting(self, setting: Setting, values: tuple[Any, ...], place: str) -> Code:
        """A number as text: itself where it is the same everywhere, else the argument that holds it."""
        given = {each for each in values if each is not None}
        if len(given) <= 1:
            return write_number(next(iter(given), setting.default))
        if setting.role != "number" and values in self._known:
            return self._known[values]
        kind = "number " + setting.name if setting.role == "number" else "channels"
        if None in values:
            values = self._complete(kind, values, setting.default)
        key = (kind, values)
        self._uses.setdefault(key, []).append((place, setting))
        return self._parameters[key].name if key in self._parameters else "x"

    def _complete(self, kind: str, values: tuple[Any, ...], default: Any) -> tuple[Any, ...]:
        """A number that some places do not have: there it is what another argument is, if there is one that fits."""
        for known, others in self._uses:
            if known == kind and all(a in (None, b) for a, b in zip(values, others, strict=True)):
                return others
        return tuple(default if each is None else each for each in values)

    def _write_channels(self, values: tuple[Any, ...]) -> Code | None:
        """Channels as text, None where they are not known by any name."""
        if len(set(values)) == 1:
            return write_number(values[0])
        parameter = self._parameters.get(("channels", values))
        return self._known.get(values) or (parameter.name if parameter else None)

    def _name_parameters(self) -> dict[Key, Parameter]:
        names = Names(["self", "x", "nn", "torch", "F", "Tensor", "OrderedDict", *_HELPER_NAMES])
        shared = _shared_segments([place for uses in self._uses.values() for place, _ in uses])
        others = [key for key in self._uses if key[0] == "channels" and key[1] not in (self.before, self.after)]
        fields = [key[0] for key in self._uses]
        found = {}
        for key, uses in self._uses.items():
            kind, values = key
            place, setting = next((use for use in uses if use[1].role == "out"), uses[0])
            path = "_".join(_collapse(place.split("/")[shared:] or place.split("/")[-1:]))
            role: Role = "number"
            default = None
            if kind != "channels":
                wanted = setting.name if fields.count(kind) == 1 else f"{path}_{setting.name}"
                default = setting.default if setting.default in values else None
            elif values == self.before:
                wanted, role = "in_channels", "in"
            elif values == self.after and self.root.node.op != "parallel":
                wanted, role = "out_channels", "out"
            else:
                role = setting.role if setting.role != "in" else "channels"
                many = len({place for place, _ in uses}) > 1
                wanted = "channels" if others == [key] and many else path
                wanted = f"{wanted}_in" if setting.role == "in" else wanted
                wanted = f"{wanted}_{setting.name}" if setting.role == "channels" else wanted
            found[key] = Parameter(names.take(name_argument(wanted)), role, values, default)
        return found

    # Parts

    def _write_parts(self) -> list[str]:
        lines: list[str] = []
        node = self.root.node
        for child in node.nodes:
            if _is_there(child):
                lines += self._attach(child.name, self._write_node(child.name))
        if node.op == "parallel" and node.fuse == "concat":
            self._know_sum(node)
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
        each = self._places(place)
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
        known = {each.name: each for each in definition.parameters}
        rows = [
            tuple(
                Setting(each.name, each.value, each.role, known[each.name].default, each.by_name)
                for each in leaf.settings
                if each.name in known
            )
            for leaf in leaves
        ]
        return self._write_call(definition.name, rows, place)

    def _write_call(self, name: str, rows: list[tuple[Setting, ...]], place: str) -> Call:
        arguments = []
        for column in zip(*rows, strict=True):
            setting = column[0]
            code = self._write_setting(setting, tuple(each.value for each in column), place)
            if setting.default is None or code != write_number(setting.default):
                arguments.append(Argument(code, setting.name if setting.by_name else ""))
        return Call(f"{name}(", tuple(arguments))

    def _write_layers(self, place: str) -> tuple[Argument, ...]:
        arguments = []
        for node in self._places(place)[0].node.nodes:
            inner = join(place, node.name)
            code = self._write_node(inner)
            arguments.append(Argument(code, quote_text(node.name), self._tell_shape(inner)))
        return tuple(arguments)

    def _write_residual_parts(self) -> list[str]:
        node, lines = self.root.node, []
        projecting = [place.projects for place in self.roots]
        if any(projecting):
            rows = [projection_leaf(each.node, each.before, each.after) for each in self.roots]
            first = next(row for row, projects in zip(rows, projecting, strict=True) if projects)
            definition = self.source.definitions[first.callee]
            known = {each.name: each for each in definition.parameters}
            columns = [
                tuple(
                    Setting(
                        each.name,
                        each.value if projects or each.role != "number" else None,
                        each.role, known[each.name].default, each.by_name,
                    )
                    for each in row.settings
                    if each.name in known
                )
                for row, projects in zip(rows, projecting, strict=True)
            ]  # fmt: skip
            projection = self._write_call(definition.name, columns, "shortcut")
            if all(projecting):
                lines += lay_out(projection, 2, "self.shortcut = ")
            else:
                flag = self._write_setting(Setting("projects", False, default=False), tuple(projecting), "shortcut")
                lines += ["        self.shortcut: nn.Module = nn.Identity()", f"        if {flag}:"]
                lines += lay_out(projection, 3, "self.shortcut = ")
        for name, default in (("scale", 1.0), ("drop_path", 0.0)):
            values = tuple(float(getattr(each.node, name)) for each in self.roots)
            text = self._write_setting(Setting(name, values[0], default=default), values, "")
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
        return lay_out(self._apply(node), 2, f"{target} = ", "", self._tell_shape(node.name))

    def _write_parallel_steps(self) -> list[str]:
        node = self.root.node
        if len(node.branches) == 1:
            return [*self._step(node.branches[0]), "        return x"]
        told = self._tell_shape("")
        if node.fuse == "concat":
            branches = tuple(Argument(self._apply(each), "", self._tell_shape(each.name)) for each in node.branches)
            lines = _explode(Call("[", branches, "]"), 2, "branches = ")
            return [*lines, *lay_out("torch.cat(branches, dim=1)", 2, "return ", "", told)]
        first, *rest = map(self._apply, node.branches)
        sign = "+" if node.fuse == "add" else "*"
        joined = f" {sign} ".join(map(str, (first, *rest)))
        if len(f"        x = {joined}") <= WIDTH:
            return [*lay_out(joined, 2, "x = ", "", told), "        return x"]
        more = [line for each in rest for line in lay_out(each, 3, f"{sign} ")]
        end = f"        ){f'  # {told}' if told else ''}"
        return ["        x = (", *lay_out(first, 3), *more, end, "        return x"]

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
        lines += lay_out(total, 2, "x = ", "", self._tell_shape(""))
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

    # Words

    def _places(self, place: str) -> list[Place]:
        return [self.tree.places[join(path, place)] for path in self.paths]

    def _know_sum(self, node: Any) -> None:
        """Remember that what is joined has the channels of all branches together."""
        terms: list[str] = []
        for branch in node.branches:
            code = self._write_channels(tuple(place.after[0] for place in self._places(branch.name)))
            if code is None:
                return
            terms += code.terms if isinstance(code, Sum) else (str(code),)
        if len(terms) > 1 and self.after not in self._known:
            self._known[self.after] = Sum(tuple(terms))

    def _tell_shape(self, place: str) -> str:
        """The shape behind a node below this block ('' for its own result): numbers, or what they are made of."""
        here = self._places(place)
        shapes = [each.after for each in here]
        if len(set(shapes)) == 1:
            return " × ".join(map(str, shapes[0]))
        channels = self._write_channels(tuple(shape[0] for shape in shapes))
        if channels is None or len({len(shape) for shape in shapes}) > 1:
            return ""
        words = [f"({channels})" if isinstance(channels, Sum) and len(shapes[0]) > 1 else str(channels)]
        for axis, letter in enumerate("HW"[: len(shapes[0]) - 1], 1):
            extents = [(each.before[axis], shape[axis]) for each, shape in zip(self.roots, shapes, strict=True)]
            if len({extent for _, extent in extents}) == 1:
                words.append(str(extents[0][1]))
                continue
            word = next((text for text, steps in self._find_steps() if _shrinks(extents, steps)), None)
            if word is None:
                return ""
            words.append(letter if word == "1" else f"{letter}/{word}")
        told = " × ".join(words)
        return told if len(told) < 60 else ""

    def _find_steps(self) -> list[tuple[str, tuple[int, ...]]]:
        """By what a side may have become smaller, in words and in numbers: the same in all places, or a stride."""
        found = [(str(step), (step,) * len(self.paths)) for step in (1, 2, 3, 4, 8)]
        strides = [each for (kind, _), each in self._parameters.items() if kind == "number stride"]
        return found + [(each.name, each.values) for each in strides if all(isinstance(n, int) for n in each.values)]

    def _describe(self) -> list[str]:
        node = self.root.node
        if self.is_network:
            before, after = (" × ".join(map(str, shape)) for shape in (self.root.before, self.root.after))
            return [f"The whole network: images of {before} in, {after} out."]
        count = len(node.nodes)
        kind = {
            "parallel": f"{count} branches on the same maps, "
            + {"concat": "joined along the channels.", "add": "added.", "multiply": "multiplied."}[
                getattr(node, "fuse", "concat")
            ],
            "residual": "The sum of a shortcut and of what a body makes of the same maps.",
            "sequence": f"{count} parts, one after another.",
        }[node.op]
        if count == 1 and node.op != "residual":
            kind = "One branch." if node.op == "parallel" else "One part."
        names = [path.replace("/", ".") for path in self.paths]
        more = f" and {len(names) - _SHOWN_USES} more" if len(names) > _SHOWN_USES else ""
        return [kind, f"{', '.join(names[:_SHOWN_USES])}{more}"]


_HELPER_NAMES = ("Outputs", "AnyNames", "Chain", "stochastic_depth", "pad_same")


def _shrinks(extents: list[tuple[int, int]], steps: tuple[int, ...]) -> bool:
    """Whether steps of these sizes turn the one number of pixels into the other, in every place."""
    return all(-(-before // step) == after for step, (before, after) in zip(steps, extents, strict=True))


def _is_there(node: Any) -> bool:
    """Whether a node is more than the identity."""
    return node.op not in ("sequence", "auxiliary") or bool(node.nodes)


def _shared_segments(places: list[str]) -> int:
    """How many names all paths begin with, their last ones not counted."""
    split = [place.split("/")[:-1] for place in places if place and place != "shortcut"]
    count = 0
    while split and all(len(each) > count for each in split) and len({each[count] for each in split}) == 1:
        count += 1
    return count


def _collapse(names: list[str]) -> list[str]:
    """Names without those that repeat the one before."""
    return [name for index, name in enumerate(names) if index == 0 or name != names[index - 1]]


def _explode(code: Call, level: int, head: str) -> list[str]:
    """A list with one entry a line, however short it is."""
    space = "    " * level
    lines = [f"{space}{head}{code.opening}"]
    for each in code.arguments:
        lines += lay_out(each.value, level + 1, each.head, ",", each.comment)
    return [*lines, f"{space}{code.closing}"]
