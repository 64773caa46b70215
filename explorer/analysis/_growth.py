"""How the receptive field grows along one path of a network, with the arithmetic of each step written out.

The pass that ``analyze`` makes carries the box around all paths. Here one path is followed: at each fusion the branch
that sees most (or least), and where the box around all branches is larger than what that branch sees, a step says so.
So the last step of the longest path is what ``analyze`` says, whatever the network.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from ..architecture import Architecture, edit, walk
from ..text import format_decimal
from ._analyze import analyze
from ._containers import projection_stride
from ._readings import Analysis

_WHOLE = {
    "attention": "attention weighs each channel by the whole map",
    "global_pool": "global pooling takes the whole map",
    "flatten": "flattening joins the whole map",
    "norm": "group normalisation takes its mean over the whole map",
}


class AxisField(NamedTuple):
    """What the units of a map see along one axis, in input pixels; those of ``ReceptiveField``, on that axis."""

    size: int = 1
    """Pixels that a unit depends on: r."""
    stride: int = 1
    """Pixels from the field of one unit to that of the next: j, for jump."""
    start: int = 0
    """First pixel that the unit at index 0 sees; negative where padding is seen."""


_PIXEL = AxisField()


class GrowthStep(NamedTuple):
    """One step of a path: a window, a fusion that widens the box, or a node that makes the field the whole input."""

    path: str
    """Path of the node."""
    op: str
    """Kind of the node: 'conv', 'pool', 'residual' for a shortcut, 'parallel' for a fusion, and so on."""
    before: AxisField
    """The field of the step's input."""
    after: AxisField
    """The field of its output."""
    kernel: int = 1
    """Taps of the window, k."""
    dilation: int = 1
    """Distance between taps in units of the input, d."""
    stride: int = 1
    """Step of the window, s."""
    padding: int = 0
    """Border before the first unit, p."""
    branches: tuple[tuple[str, AxisField], ...] = ()
    """The branches that a fusion joins: (name, field); () for every other step."""
    note: str = ""
    """What else there is to say."""

    @property
    def equations(self) -> dict[str, str]:
        """The step with this network's numbers: what 'r', 'j' and 'start' equal; nothing for one that stays."""
        (size, jump, start), after = self.before, self.after
        if self.note:
            return {}
        if not self.branches:
            return {
                "r": f"{_whole(size)} + ({self.kernel} − 1)·{self.dilation}·{_whole(jump)} = {_whole(after.size)}",
                "j": f"{_whole(jump)}·{self.stride} = {_whole(after.stride)}",
                "start": f"{_whole(start)} − {_whole(self.padding)}·{_whole(jump)} = {_whole(after.start)}",
            }
        fields = [field for _, field in self.branches]
        strides, starts = ({field[place] for field in fields} for place in (1, 2))
        first, last = after.start, after.start + after.size - 1
        found = {}
        if (after.size, first) != (size, start):
            found["r"] = f"{_whole(last)} − {_inner(first)} + 1 = {_whole(after.size)}"
        if len(strides) > 1:
            found["j"] = f"max({_list(strides)}) = {_whole(after.stride)}"
        if first != start:
            found["start"] = f"min({_list(starts)}) = {_whole(first)}"
        return found

    @property
    def effective_kernel(self) -> int:
        """Units of its input that the window reaches over: d·(k − 1) + 1."""
        return self.dilation * (self.kernel - 1) + 1


def _whole(value: int) -> str:
    return format_decimal(value, 0)


def _inner(value: int) -> str:
    """A number behind an operator."""
    return f"({_whole(value)})" if value < 0 else _whole(value)


def _list(values: set[int]) -> str:
    return ", ".join(map(_whole, sorted(values)))


def explain_growth(
    architecture: Architecture,
    path: str = "",
    *,
    axis: Literal[0, 1] = 0,
    shortest: bool = False,
    input_shape: tuple[int, int, int] | None = None,
) -> tuple[GrowthStep, ...]:
    """Follow the receptive field from the image to a node, step by step.

    Args:
        architecture: The network.
        path: Of the node, such as ``inception_3a/branch_3x3``; '' for the whole network.
        axis: 0 for the height, 1 for the width.
        shortest: Follow the branch that sees least at each fusion, not the one that sees most.
        input_shape: (channels, height, width) in place of the architecture's own.

    Returns:
        The steps from the image (size 1, stride 1, start 0) on, in input pixels. The last one's ``after`` has size,
        stride and start of ``analyze``'s field of the node; for the shortest path its ``min_size``.

    Raises:
        ArchitectureError: There is no such node, or the layers do not fit together.

    Source: Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019,
        equations 1 to 4.
    """
    if input_shape is not None:
        architecture = edit.replace(architecture, "", input_shape=tuple(input_shape))
    edit.find(architecture, path)
    steps = _Climb(architecture, axis, shortest).to(path)
    first = next((step for step in steps if _sees_all(step)), None)  # what comes after it adds nothing
    return tuple(step for step in steps if step is first or not _sees_all(step))


def format_growth(steps: tuple[GrowthStep, ...]) -> str:
    """Write the steps of ``explain_growth`` as text that can be copied.

    Args:
        steps: From the image on.

    Returns:
        The start, then one paragraph a step: its node, its numbers, its equations.
    """
    lines = ["image: r = 1, j = 1, start = 0"]
    for step in steps:
        facts = f" (k {step.kernel}, d {step.dilation}, s {step.stride}, p {step.padding})" if _is_window(step) else ""
        lines += ["", f"{step.path}: {step.op}{facts}"]
        if step.note:
            lines.append(f"    {step.note}")
        lines += [f"    {name} = {text}" for name, text in step.equations.items()]
    return "\n".join(lines)


def _sees_all(step: GrowthStep) -> bool:
    """Whether the step makes the field the whole input; the note of a shortcut does not."""
    return bool(step.note) and step.op != "residual"


def _whole_step(path: str, op: str, field: AxisField, why: str) -> GrowthStep:
    note = f"{why}: a unit depends on the whole input from here on; r is what the windows see"
    return GrowthStep(path, op, field, field, note=note)


def _is_window(step: GrowthStep) -> bool:
    return bool(step.equations) and not step.branches


class _Climb:
    """The way of one axis through a network."""

    def __init__(self, architecture: Architecture, axis: int, shortest: bool) -> None:
        self.nodes: dict[str, Any] = {"": architecture.trunk, **dict(walk(architecture))}
        self.found: Analysis = analyze(architecture)
        self.axis = axis
        self.shortest = shortest

    def to(self, target: str) -> list[GrowthStep]:
        """The steps from the image to the output of a node: all that runs before it, then the node itself."""
        steps: list[GrowthStep] = []
        here = ""
        while here != target:
            names = target[len(here) + 1 if here else 0 :].split("/")
            node = self.nodes[here]
            if node.op in ("sequence", "auxiliary"):
                for child in node.nodes:
                    if child.name == names[0]:
                        break
                    steps += self.through(f"{here}/{child.name}".lstrip("/"), _end(steps))
            here = f"{here}/{names[0]}".lstrip("/")
        return steps + self.through(target, _end(steps))

    def through(self, path: str, field: AxisField) -> list[GrowthStep]:
        """The steps from the input of a node, whose units see ``field``, to its output."""
        node = self.nodes[path]
        steps: list[GrowthStep] = []
        if node.op == "sequence":
            for child in node.nodes:
                steps += self.through(f"{path}/{child.name}".lstrip("/"), _end(steps, field))
        elif node.op == "parallel":
            branches = [(each.name, self.through(f"{path}/{each.name}", field)) for each in node.nodes]
            gates = self.repeated(path, node)
            steps = self.join(path, node.op, field, [each for each in branches if each[0] not in gates] or branches)
            if gates:
                why = f"what {', '.join(gates)} makes of the map is repeated over it"
                steps = [*steps, _whole_step(path, node.op, _end(steps, field), why)]
        elif node.op == "residual":
            body = self.through(f"{path}/{node.body.name}", field)
            steps = self.join(path, node.op, field, [(node.body.name, body), ("shortcut", self.shortcut(path, field))])
        elif node.op in ("conv", "pool"):
            window = node.geometry_on(self.found.by_path[path].input_shape[1:])
            kernel, stride, dilation, pad, _ = (each[self.axis] for each in window)
            after = AxisField(
                field.size + (kernel - 1) * dilation * field.stride,
                field.stride * stride,
                field.start - pad * field.stride,
            )
            steps.append(GrowthStep(path, node.op, field, after, kernel, dilation, stride, pad))
        elif node.op in _WHOLE and node.op != "norm":
            steps.append(_whole_step(path, node.op, field, _WHOLE[node.op]))
        if node.norm_kind == "group":
            steps.append(_whole_step(path, "norm", _end(steps, field), _WHOLE["norm"]))
        return steps

    def repeated(self, path: str, node: Any) -> list[str]:
        """The branches of a fusion element by element that are repeated along an axis of the map."""
        made = self.found.by_path[path].output_shape[1:]
        ends = {each.name: self.found.below(f"{path}/{each.name}") for each in node.nodes}
        return [name for name, layers in ends.items() if layers and layers[-1].output_shape[1:] != made]

    def shortcut(self, path: str, field: AxisField) -> list[GrowthStep]:
        """The way round a residual's body."""
        node = self.nodes[path]
        if node.shortcut != "projection":
            note = f"the shortcut passes its input on: r stays {_whole(field.size)}"
            return [GrowthStep(path, "residual", field, field, note=note)]
        row = self.found.by_path[path]
        stride = projection_stride(row.input_shape[1:], row.output_shape[1:])[self.axis]
        after = AxisField(field.size, field.stride * stride, field.start)
        return [GrowthStep(path, "residual", field, after, stride=stride)]

    def join(
        self, path: str, op: str, field: AxisField, branches: list[tuple[str, list[GrowthStep]]]
    ) -> list[GrowthStep]:
        """The steps of the branch that sees most or least, and one more where the box around all is another."""
        ends = [(name, _end(steps, field)) for name, steps in branches]
        order = min if self.shortest else max
        _, steps = order(branches, key=lambda branch: _end(branch[1], field).size)
        at = _end(steps, field)
        stride = max(end.stride for _, end in ends)
        if self.shortest:
            box = at._replace(stride=stride)
        else:
            first = min(end.start for _, end in ends)
            box = AxisField(max(end.start + end.size for _, end in ends) - first, stride, first)
        if box == at:
            return steps
        return [*steps, GrowthStep(path, op, at, box, branches=tuple(ends))]


def _end(steps: list[GrowthStep], otherwise: AxisField = _PIXEL) -> AxisField:
    return steps[-1].after if steps else otherwise
