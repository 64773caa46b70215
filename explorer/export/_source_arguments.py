"""The arguments of a class in a source: which of its numbers differ, what each is called, shapes told in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._code import Code, Names, Sum, name_argument, write_number
from ._source_forms import Parameter
from ._source_layers import Role, Setting
from ._source_tree import Place, SourceTree, join

_TAKEN = ("self", "x", "nn", "torch", "F", "Tensor", "OrderedDict", "Outputs", "AnyNames", "Chain", "stochastic_depth")
_LONGEST_SHAPE = 60
_ENDS = ("in_channels", "out_channels", "in_features", "out_features")
_FEW_VALUES = 2
"""So many different values may be equal by chance: channels of two branches are two arguments then."""


@dataclass(frozen=True)
class Key:
    """What makes two numbers one argument."""

    kind: str
    """'channels', or 'number' and its name."""
    values: tuple[Any, ...]
    """In each of the blocks."""
    scope: str = ""
    """The branch or inner block that it belongs to, where numbers of others may be equal by chance."""


class Arguments:
    """The arguments of a class, of the blocks at several paths that differ in numbers alone; '' is the network.

    They are found while the class is written once, and have their names when it is written again.
    """

    def __init__(self, tree: SourceTree, paths: list[str]) -> None:
        self.tree, self.paths = tree, paths
        self.roots = self.places("")
        last = self.roots[0].node.nodes[-1:] if self.roots[0].node.op == "auxiliary" else ()
        self.before = tuple(place.before[0] for place in self.roots)
        self.after = tuple(place.after[0] for place in self.places(last[0].name if last else ""))
        self._uses: dict[Key, list[tuple[str, Setting]]] = {}
        self._parameters: dict[Key, Parameter] = {}
        self._known: dict[tuple[Any, ...], Code] = {}

    def places(self, place: str) -> list[Place]:
        """The node at a path below the block, in each of the blocks."""
        return [self.tree.places[join(path, place)] for path in self.paths]

    def in_order(self) -> list[Parameter]:
        """All of them: channels that come in first, then those without a default."""
        return sorted(self._parameters.values(), key=lambda each: (each.role != "in", each.default is not None))

    def begin_again(self) -> None:
        """Name what was found, and forget the rest."""
        self._parameters = self._name()
        self._uses = {}
        self._known = {}

    def write(self, setting: Setting, values: tuple[Any, ...], place: str) -> Code:
        """Write a number: itself where it is the same everywhere, else the argument that holds it.

        Args:
            setting: What the number is.
            values: What it is in each of the blocks; None where it does not matter.
            place: The path below the block of the node that it belongs to.

        Returns:
            Code.
        """
        given = {each for each in values if each is not None}
        kind = f"number {setting.name}" if setting.role == "number" else "channels"
        found = self._find(kind, values) if None in values and given else None
        if len(given) <= 1 and not found:
            return write_number(next(iter(given), setting.default))
        if setting.role != "number" and values in self._known:
            return self._known[values]
        if None in values:
            values = found or tuple(setting.default if each is None else each for each in values)
        key = Key(kind, values, "" if setting.role == "number" else self._find_scope(setting, values, place))
        self._uses.setdefault(key, []).append((place, setting))
        return self._parameters[key].name if key in self._parameters else "x"

    def _find_scope(self, setting: Setting, values: tuple[Any, ...], place: str) -> str:
        if values in (self.before, self.after) or len(set(values)) > _FEW_VALUES:
            return ""
        if setting.role != "in" and setting.name not in _ENDS:
            return f"{place} {setting.name}"
        return self._name_branch(place)

    def _name_branch(self, place: str) -> str:
        return place.split("/")[0] if self.roots[0].node.op == "parallel" else ""

    def _find(self, kind: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """The values of another argument that has these where they are not None."""
        for known in self._uses:
            if known.kind == kind and all(a in (None, b) for a, b in zip(values, known.values, strict=True)):
                return known.values
        return None

    def know_sum(self, names: list[str]) -> None:
        """Remember that what comes out of the block has as many channels as the branches of these names together."""
        terms = [tuple(each.after[0] for each in self.places(name)) for name in names]
        codes = [self._write_channels(values, name) for name, values in zip(names, terms, strict=True)]
        if len(terms) > 1 and self.after not in self._known and None not in codes:
            flat = [term for code in codes for term in (code.terms if isinstance(code, Sum) else (str(code),))]
            self._known[self.after] = Sum(tuple(flat))

    def tell_shape(self, place: str) -> str:
        """Tell the shape behind a node below the block ('' for its own result) by numbers, or by what they are made of.

        Args:
            place: The path of the node below the block.

        Returns:
            Such as "64 × H/2 × W/2"; '' where there are no words for it.
        """
        shapes = [each.after for each in self.places(place)]
        if len(set(shapes)) == 1:
            return " × ".join(map(str, shapes[0]))
        channels = self._write_channels(tuple(shape[0] for shape in shapes), place)
        if channels is None or len({len(shape) for shape in shapes}) > 1:
            return ""
        words = [f"({channels})" if isinstance(channels, Sum) and len(shapes[0]) > 1 else str(channels)]
        for axis, letter in enumerate("HW"[: len(shapes[0]) - 1], 1):
            extents = [(each.before[axis], shape[axis]) for each, shape in zip(self.roots, shapes, strict=True)]
            if len({extent for _, extent in extents}) == 1:
                words.append(str(extents[0][1]))
                continue
            word = next((text for text, steps in self._list_steps() if _shrinks(extents, steps)), None)
            if word is None:
                return ""
            words.append(letter if word == "1" else f"{letter}/{word}")
        told = " × ".join(words)
        return told if len(told) < _LONGEST_SHAPE else ""

    def _write_channels(self, values: tuple[Any, ...], place: str) -> Code | None:
        """Channels behind a place as text, None where they are not known by any name."""
        if len(set(values)) == 1:
            return write_number(values[0])
        if values in self._known:
            return self._known[values]
        keys = [Key("channels", values, scope) for scope in (self._name_branch(place), "")]
        return next((self._parameters[key].name for key in keys if key in self._parameters), None)

    def _list_steps(self) -> list[tuple[str, tuple[int, ...]]]:
        """By what a side may have become smaller, in words and in numbers: the same in all places, or a stride."""
        found = [(str(step), (step,) * len(self.paths)) for step in (1, 2, 3, 4, 8)]
        strides = [each for key, each in self._parameters.items() if key.kind == "number stride"]
        return found + [(each.name, each.values) for each in strides if all(isinstance(n, int) for n in each.values)]

    def _name(self) -> dict[Key, Parameter]:
        names = Names(_TAKEN)
        shared = _count_shared([place for uses in self._uses.values() for place, _ in uses])
        ends = (self.before, self.after)
        others = [key for key in self._uses if key.kind == "channels" and key.values not in ends]
        kinds = [key.kind for key in self._uses]
        found = {}
        for key, uses in self._uses.items():
            values = key.values
            place, setting = next((use for use in uses if use[1].role == "out"), uses[0])
            role: Role = "number"
            default = None
            if key.kind != "channels":
                wanted = setting.name if kinds.count(key.kind) == 1 else f"{_name_path(place, shared)}_{setting.name}"
                default = setting.default if setting.default in values else None
            elif values == self.before:
                wanted, role = "in_channels", "in"
            elif values == self.after and getattr(self.roots[0].node, "fuse", "") != "concat":
                wanted, role = "out_channels", "out"
            else:
                role = setting.role if setting.role != "in" else "channels"
                many = len({place for place, _ in uses}) > 1
                wanted = "channels" if others == [key] and many else self._name_channels(key, place, setting, shared)
            found[key] = Parameter(names.take(name_argument(wanted)), role, values, default)
        return found

    def _name_channels(self, key: Key, place: str, setting: Setting, shared: int) -> str:
        """What channels are called: as the widest part of the block that gives so many, if a layer gives them."""
        if setting.name not in _ENDS and setting.role != "in":
            others = {other for other, uses in self._uses.items() if any(use.name == setting.name for _, use in uses)}
            is_clear = others == {key} and setting.name != "channels"
            return setting.name if is_clear else f"{_name_path(place, shared)}_{setting.name}"
        parts = place.split("/")
        widths = {
            count: tuple(each.after[0] for each in self.places("/".join(parts[:count])))
            for count in range(shared + 1, len(parts) + 1)
        }
        if setting.role == "in" and (widths.get(len(parts)) != key.values or not self.places(place)[0].leaf):
            return f"{_name_path(place, shared)}_in"
        widest = next((count for count, given in widths.items() if given == key.values), len(parts))
        return _name_path("/".join(parts[:widest]), shared)


def _name_path(place: str, shared: int) -> str:
    """A path as a name, without the names that all paths begin with and without those that repeat the one before."""
    names = place.split("/")[shared:] or place.split("/")[-1:]
    return "_".join(name for index, name in enumerate(names) if index == 0 or name != names[index - 1])


def _count_shared(places: list[str]) -> int:
    """How many names all paths begin with, their last ones not counted."""
    split = [place.split("/")[:-1] for place in places if place and place != "shortcut"]
    count = 0
    while split and all(len(each) > count for each in split) and len({each[count] for each in split}) == 1:
        count += 1
    return count


def _shrinks(extents: list[tuple[int, int]], steps: tuple[int, ...]) -> bool:
    """Whether steps of these sizes turn the one number of pixels into the other, in every place."""
    return all(-(-before // step) == after for step, (before, after) in zip(steps, extents, strict=True))
