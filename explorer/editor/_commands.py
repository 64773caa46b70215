"""What a person can do to an architecture, as small plain commands: ``apply(architecture, command) -> architecture``.

A command is {"do": verb, ...}; the editor's controls carry one each and add the chosen "value". Commands come back from
a browser, so nothing in them is trusted: an unknown verb or a value of the wrong kind is an ArchitectureError.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from math import gcd
from typing import Any

from ..analysis import analyze, repair
from ..architecture import (
    MAX_NODES,
    Architecture,
    ArchitectureError,
    Conv,
    Parallel,
    Pool,
    Problem,
    Residual,
    branches,
    edit,
    field_label,
    pair,
    walk,
)
from ..text import quote
from ._insert import insert_part
from ._typed import parse_field, parse_integer, parse_number, parse_size, refuse

logger = logging.getLogger(__name__)

Command = dict[str, Any]
"""What a control carries: {"do": verb, ...}, with the chosen "value"."""
MOST_TOGETHER = 60
"""Commands that are done as one."""

def apply(architecture: Architecture, command: Command) -> Architecture:
    """Apply a command.

    Args:
        architecture: What is edited.
        command: {"do": verb, ...} as a control carries it, with the chosen "value"; nothing in it is trusted.

    Returns:
        The architecture afterwards. Its layers need not fit together: see ``apply_with_repairs``.

    Raises:
        ArchitectureError: The command or its result is not valid.
    """
    verb = command.get("do")
    make = _VERBS.get(verb) if isinstance(verb, str) else None
    if make is None:
        raise refuse("", f"there is no edit named {str(verb)[:40]!r}")
    path = str(command.get("path", ""))[:200]
    try:
        return make(architecture, _Given(command))
    except ArchitectureError as error:
        raise error.with_labels() from None
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        # A hand-made message may be meant for another kind of node; a mistake of ours looks the same, so it is logged.
        logger.warning("the edit %s failed", quote(command, 200), exc_info=True)
        what = f"the edit {verb!r} does not fit {path or 'the network'}"
        raise refuse(path, f"{what} ({type(error).__name__}: {error})") from error


class _Given(Command):
    """What a command came with; what it lacks is told by name."""

    def __missing__(self, key: str) -> Any:
        raise refuse(str(self.get("path", ""))[:200], f"the edit {self['do']!r} is incomplete: it has no {key!r}")


def apply_with_repairs(architecture: Architecture, command: Command) -> tuple[Architecture, list[str]]:
    """Apply a command, then the repairs that make the layers fit together again.

    Args:
        architecture: What is edited.
        command: As for ``apply``.

    Returns:
        The architecture afterwards, and a sentence on each repair.

    Raises:
        ArchitectureError: The result would not be a working network, and no repair is known but to leave it as it was.
    """
    value, repairs = repair(apply(architecture, command))
    if repairs and value == architecture:  # the only repair is to leave it as it was
        raise ArchitectureError(repairs)
    by_label: dict[str, list[Problem]] = {}
    for problem in repairs:
        if problem.repair:
            by_label.setdefault(problem.repair.label, []).append(problem)
    said = []
    for label, group in by_label.items():
        others = f" Likewise {', '.join(problem.path for problem in group[1:])}." if len(group) > 1 else ""
        said.append(f"{group[0]}.{others} Repaired: {label}.")
    return value, said


def _set(architecture: Architecture, command: Command) -> Architecture:
    path, fields = parse_set(architecture, command)
    return edit.replace(architecture, path, **fields)


def parse_set(architecture: Architecture, command: Command) -> tuple[str, dict[str, Any]]:
    """(path, new values of the node's fields) of the command "set"."""
    path, field, value = str(command["path"]), str(command["field"]), command["value"]
    node = edit.find(architecture, path)
    given = _parse(node, field, value, path)
    if "axis" in command and not isinstance(given, tuple):  # two numbers are for both axes wherever they are typed
        given = _with_axis(getattr(node, field), command["axis"], given, path)
    if given == "depthwise":
        return path, {"groups": given, "out_channels": "same"}
    if given == "group":
        groups = "norm_groups" if field == "norm" else "groups"
        channels = analyze(architecture).by_path[path].output_shape[0]
        return path, {field: given, groups: gcd(channels, getattr(node, groups))}
    return path, {field: given}


def _parse(node: Any, field: str, value: object, path: str) -> Any:
    if field in ("name", "op", node.child_field):
        raise refuse(path, f"{field_label(field)} is not changed this way")
    if field not in type(node).model_fields:
        raise refuse(path, f"{node.op.replace('_', ' ')} has no {quote(field, 40)}")
    return parse_field(type(node), field, value, path)


def _change(architecture: Architecture, command: Command) -> Architecture:
    """Several fields of several nodes at once, as ``find_ways_out`` offers them."""
    for row in command["changes"][:MAX_NODES]:
        path, fields = str(row["path"]), dict(row["fields"])
        node = edit.find(architecture, path)
        parsed = {str(name): _parse(node, str(name), value, path) for name, value in fields.items()}
        architecture = edit.replace(architecture, path, **parsed)
    return architecture


def _together(architecture: Architecture, command: Command) -> Architecture:
    """Several commands one after another, as ``find_ways_out`` offers them; the layers need not fit in between."""
    for each in list(command["commands"])[:MOST_TOGETHER]:
        if each["do"] == "together":
            raise refuse("", "what is done together cannot be nested")
        architecture = apply(architecture, each)
    return architecture


def _with_axis(size: Any, axis: object, value: Any, path: str) -> tuple[Any, ...]:
    """A size whose height (axis 0) or width (axis 1) is ``value``."""
    at = parse_integer(axis, path, "axis")
    if at not in (0, 1):
        raise refuse(path, f"axis ({at}) must be 0 for the height or 1 for the width")
    both = list(pair(size))
    both[at] = value
    return tuple(both)


def _outputs(architecture: Architecture, command: Command) -> Architecture:
    """The same output channels for every branch of a block, as add and multiply need them."""
    path = str(command["path"])
    channels = parse_integer(command["value"], path, "channels")
    for branch in edit.find(architecture, path).branches:
        end = edit.output_conv(branch, f"{path}/{branch.name}")
        if end is not None:
            conv, copies = end
            if channels % copies:
                raise refuse(conv, f"gives {copies} outputs for each of its channels, so {channels:,} cannot be had")
            architecture = edit.replace(architecture, conv, out_channels=channels // copies)
    return architecture


def _add_branch(architecture: Architecture, command: Command) -> Architecture:
    path, kind = str(command["path"]), command["value"]
    if kind not in branches.BRANCH_KINDS:
        raise refuse(path, f"there is no branch kind {str(kind)[:40]!r}; known: {', '.join(branches.BRANCH_KINDS)}")
    block = edit.find(architecture, path)
    convs = [node for _, node in walk(block) if isinstance(node, Conv)]
    style: dict[str, Any] = {}
    if convs:
        style = edit.style_of(convs[0])
    branch = branches.BRANCH_KINDS[kind][1](**style)
    if block.fuse != "concat":
        outputs = [edit.output_conv(each, each.name) for each in block.branches]
        known = next((end for end in outputs if end), None)
        if known is not None:
            channels = edit.find(architecture, f"{path}/{known[0]}").out_channels * known[1]
            branch = branches.BRANCH_KINDS[kind][1](out_channels=channels, **style)
    return edit.insert(architecture, path, _strided_like(block, branch))


def _strided_like(block: Parallel, branch: Any) -> Any:
    """``branch`` with the stride that the block's branches have, for blocks that halve their maps."""
    ends = [stride_layer(each, each.name) for each in block.branches]
    model = next((_leaf(each, end) for each, end in zip(block.branches, ends, strict=True) if end), None)
    own = stride_layer(branch, branch.name)
    if model is None or own is None or model.geometry.stride == (1, 1):
        return branch
    leaf = _leaf(branch, own)
    follows = leaf.geometry.kernel == model.geometry.kernel or model.padding == "tf_same"
    padding = model.padding if follows else "same"
    changed = edit.with_fields(leaf, stride=model.stride, padding=padding)
    return changed if leaf is branch else _swap(branch, own.split("/")[1:], changed)


def _leaf(node: Any, path: str) -> Any:
    for name in path.split("/")[1:]:
        node = next(child for child in node.nodes if child.name == name)
    return node


def _swap(node: Any, names: list[str], leaf: Any) -> Any:
    if not names:
        return leaf
    return node.with_nodes(
        tuple(_swap(child, names[1:], leaf) if child.name == names[0] else child for child in node.nodes)
    )


def _change_kind(architecture: Architecture, command: Command) -> Architecture:
    """Another kind of branch in the place of one, with its name, its output channels and its reduction."""
    path, kind = str(command["path"]), command["value"]
    if kind not in branches.BRANCH_KINDS:
        raise refuse(path, f"there is no branch kind {str(kind)[:40]!r}; known: {', '.join(branches.BRANCH_KINDS)}")
    old = edit.find(architecture, path)
    block = edit.find(architecture, path.rpartition("/")[0])
    convs = [node for _, node in walk(old) if isinstance(node, Conv)] if old.child_field else [old]
    convs = [conv for conv in convs if isinstance(conv, Conv)]
    make = branches.BRANCH_KINDS[kind][1]
    wanted: dict[str, Any] = {}
    end = edit.output_conv(old, old.name)
    if end is not None:
        wanted["out_channels"] = _leaf(old, end[0]).out_channels * end[1]
    if convs:
        wanted |= edit.style_of(convs[0])
        if len(convs) > 1 and convs[0].geometry.kernel == (1, 1) and "reduce" in inspect.signature(make).parameters:
            wanted["reduce"] = convs[0].out_channels
    return edit.put(architecture, path, _strided_like(block, make(old.name, **wanted)))


def _insert(architecture: Architecture, command: Command) -> Architecture:
    return insert_part(architecture, str(command["value"]), command["place"], str(command["path"]))


def _paste(architecture: Architecture, command: Command) -> Architecture:
    try:
        return edit.paste(architecture, command["place"], str(command["path"]), str(command["value"]))
    except ArchitectureError as error:
        raise refuse("", f"the text could not be pasted: {error}") from None


def _relocate(architecture: Architecture, command: Command) -> Architecture:
    place, target = command["place"], str(command["target"])
    return edit.relocate(architecture, str(command["path"]), place, target, _count(command))


def _count(command: Command) -> int:
    """How many neighbours a command is about."""
    return parse_integer(command.get("count", 1), str(command.get("path", "")), "count")


def _stride(architecture: Architecture, command: Command) -> Architecture:
    """The same stride for every branch of a block: on the last layer with a window, else on the last convolution."""
    path = str(command["path"])
    stride = parse_integer(command["value"], path, "stride")
    for branch in edit.find(architecture, path).branches:
        end = stride_layer(branch, f"{path}/{branch.name}")
        if end is None:
            raise refuse(f"{path}/{branch.name}", "this branch has no convolution or pool that could take the stride")
        architecture = edit.replace(architecture, end, stride=stride)
    return architecture


def stride_layer(node: Any, path: str) -> str | None:
    """Path of the layer that takes a branch's stride."""
    leaves = [(path, node)] if not node.child_field else [(f"{path}/{p}", n) for p, n in walk(node)]
    windows = [(p, n) for p, n in leaves if isinstance(n, Conv | Pool)]
    strided = [p for p, n in windows if n.geometry.stride != (1, 1)]
    wide = [p for p, n in windows if n.geometry.kernel != (1, 1)]
    found = strided or wide or [p for p, _ in windows]
    return found[-1] if found else None


def _residual(architecture: Architecture, command: Command) -> Architecture:
    path, value = str(command["path"]), command["value"]
    node = edit.find(architecture, path)
    scale = node.scale if isinstance(node, Residual) else 1.0
    return edit.set_residual(architecture, path, None if value == "off" else value, scale)


def _attention(architecture: Architecture, command: Command) -> Architecture:
    value = command["value"]
    return edit.set_attention(architecture, str(command["path"]), None if value == "none" else value)


def _norm(architecture: Architecture, command: Command) -> Architecture:
    changed = edit.set_style(architecture, str(command["path"]), norm=command["value"])
    return repair(changed)[0] if command["value"] == "group" else changed  # groups that divide the channels


def _activation(architecture: Architecture, command: Command) -> Architecture:
    return edit.set_style(architecture, str(command["path"]), activation=command["value"])


def _input(architecture: Architecture, command: Command) -> Architecture:
    c, h, w = architecture.input_shape
    axis = str(command["axis"])
    if axis not in ("size", "channels", "height", "width"):
        raise refuse("", f"the input has no {quote(axis, 40)}; it has channels, height, width and size")
    if axis == "size":
        height, width = pair(parse_size(command["value"], "", "input size"))
        return edit.replace(architecture, "", input_shape=(c, height, width))
    value = parse_integer(command["value"], "", f"input {axis}")
    shape = {"channels": (value, h, w), "height": (c, value, w), "width": (c, h, value)}
    return edit.replace(architecture, "", input_shape=shape[axis])


def _title(architecture: Architecture, command: Command) -> Architecture:
    return edit.replace(architecture, "", name=str(command["value"]))


_VERBS: dict[str, Callable[[Architecture, Command], Architecture]] = {
    "set": _set,
    "change": _change,
    "together": _together,
    "outputs": _outputs,
    "add_branch": _add_branch,
    "change_kind": _change_kind,
    "insert": _insert,
    "paste": _paste,
    "relocate": _relocate,
    "wrap": lambda a, c: edit.wrap(a, str(c["path"]), c["value"], _count(c)),
    "unwrap": lambda a, c: edit.unwrap(a, str(c["path"])),
    "stride": _stride,
    "fuse": lambda a, c: edit.replace(a, str(c["path"]), fuse=c["value"]),
    "residual": _residual,
    "attention": _attention,
    "norm": _norm,
    "activation": _activation,
    "remove": lambda a, c: edit.remove(a, str(c["path"]), _count(c)),
    "duplicate": lambda a, c: edit.duplicate(a, str(c["path"]), _count(c)),
    "move": lambda a, c: edit.move(a, str(c["path"]), parse_integer(c["by"], str(c["path"]), "by"), _count(c)),
    "rename": lambda a, c: edit.rename(a, str(c["path"]), str(c["value"]).strip()),
    "apply_to_all": lambda a, c: edit.apply_to_all_blocks(a, str(c["path"])),
    "width": lambda a, c: edit.scale_width(a, parse_number(c["value"], "", "width factor")),
    "classes": lambda a, c: edit.set_classes(a, parse_integer(c["value"], "", "classes")),
    "input": _input,
    "title": _title,
}
