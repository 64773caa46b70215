"""Receptive fields against two judges: gradients through a linearised network, and paths followed one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

from explorer import catalog
from explorer.analysis import Analysis, ReceptiveField, analyze
from explorer.architecture import Architecture, ArchitectureError, Conv, Parallel, Sequence, walk
from explorer.modules import build
from explorer.modules._channel_layers import ChannelSlice
from explorer.modules._containers import ParallelBlock
from explorer.modules._layers import CBAM, ChannelAttention, SqueezeExcitation
from tests.sizes import examples
from tests.strategies import analysis_or_skip, feature_architectures

SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
LARGEST = 220
"""Pixels a side on which a gradient is still quick."""



# ---- paths, one by one ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """One step of a path on one axis."""

    kernel: int
    stride: int
    dilation: int
    before: int


Path = tuple[Window, ...]


class TooManyPathsError(Exception):
    pass


def extent(path: Path, index: int) -> tuple[int, int]:
    """First and last pixel that unit ``index`` sees, worked out from the last layer back to the image."""
    first = last = index
    for window in reversed(path):
        first = first * window.stride - window.before
        last = last * window.stride - window.before + window.dilation * (window.kernel - 1)
    return first, last


def both(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


class Paths:
    """All paths of one axis through the trunk, and whether those that meet anywhere agree in stride and centre."""

    def __init__(self, architecture: Architecture, analysis: Analysis, axis: int) -> None:
        self.axis = axis
        self.shapes = analysis.by_path
        self.agree = True
        self.found = self.through(architecture.trunk, "", {()})

    def through(self, node: Any, where: str, paths: set[Path]) -> set[Path]:
        if len(paths) > 3000:
            raise TooManyPathsError
        below = f"{where}/" if where else ""
        if node.op == "sequence":
            for child in node.children:
                paths = self.through(child, below + child.name, paths)
            return paths
        if node.op in ("conv", "pool"):
            window = self.window(node, self.shapes[where].input_shape[1 + self.axis])
            return {(*path, window) for path in paths}
        if node.op == "parallel":
            return self.meet(self.branches(node, where, paths))
        if node.op == "residual":
            body = self.through(node.body, below + node.body.name, paths)
            if node.shortcut == "identity":
                return self.meet([body, paths])
            layer = self.shapes[where]
            before, after = layer.input_shape[1 + self.axis], layer.output_shape[1 + self.axis]
            step = next(step for step in range(1, before + 1) if (before - 1) // step + 1 == after)
            return self.meet([body, {(*path, Window(1, step, 1, 0)) for path in paths}])
        return paths  # norms, activations, dropout; attention and auxiliary heads leave the convolutional field alone

    def branches(self, node: Any, where: str, paths: set[Path]) -> list[set[Path]]:
        """The paths through each branch; one that is repeated over the map is a gate, which no path goes through."""
        given = self.shapes[where].input_shape
        sizes = [self.size(branch, f"{where}/{branch.name}", given) for branch in node.branches]
        largest = tuple(map(max, zip(*sizes, strict=True)))
        agreed = self.agree
        found = []
        for branch, size in zip(node.branches, sizes, strict=True):
            self.agree = agreed
            found.append((size == largest, self.through(branch, f"{where}/{branch.name}", paths), self.agree))
        spanning = [each for each in found if each[0]] or found
        self.agree = all(agree for _, _, agree in spanning)
        return [through for _, through, _ in spanning]

    def size(self, node: Any, where: str, given: tuple[int, ...]) -> tuple[int, ...]:
        """(height, width) behind a node that a map of the shape ``given`` goes into."""
        if node.op == "sequence":
            for child in node.children:
                given = (0, *self.size(child, f"{where}/{child.name}", given))
        elif node.op != "auxiliary":
            given = self.shapes[where].output_shape
        return given[1:]

    def window(self, node: Any, size: int) -> Window:
        kernel, stride = both(node.kernel_size)[self.axis], both(node.stride)[self.axis]
        dilation = both(getattr(node, "dilation", 1))[self.axis]
        if node.padding == "same":
            before = dilation * (kernel - 1) // 2
        elif node.padding == "tf_same":  # of what the last window needs beyond the map, the smaller half stands before
            before = max(0, (len(range(0, size, stride)) - 1) * stride + dilation * (kernel - 1) + 1 - size) // 2
        else:
            sides = both(node.padding)[self.axis]
            before = sides[0] if isinstance(sides, tuple) else sides
        return Window(kernel, stride, dilation, before)

    def meet(self, branches: list[set[Path]]) -> set[Path]:
        paths = set().union(*branches)
        strides = {extent(path, 1)[0] - extent(path, 0)[0] for path in paths}
        centres = {sum(extent(path, 0)) for path in paths}
        self.agree = self.agree and len(strides) == len(centres) == 1
        return paths

    def strides(self) -> set[int]:
        return {extent(path, 1)[0] - extent(path, 0)[0] for path in self.found}


def paths_of(architecture: Architecture, analysis: Analysis) -> tuple[Paths, Paths]:
    try:
        return Paths(architecture, analysis, 0), Paths(architecture, analysis, 1)
    except TooManyPathsError:
        assume(False)
        raise


def sees_all(node: Any) -> bool:
    """Attention, the pooling of a gate, and a norm over whole maps."""
    norm = node.kind if node.op == "norm" else getattr(node, "norm", "none")
    if node.op == "residual" and node.shortcut == "identity":
        norm = "none"  # it is the projection's
    return node.op in ("attention", "global_pool") or norm == "group"


@settings(max_examples=examples(1200), **SLOW)
@given(feature_architectures())
def test_field_is_the_box_around_all_paths(architecture: Architecture) -> None:
    analysis = analysis_or_skip(architecture)
    field = analysis.receptive_field
    both_axes = paths_of(architecture, analysis)
    for axis, paths in enumerate(both_axes):
        ends = [extent(path, 0) for path in paths.found]
        first = min(start for start, _ in ends)
        last = max(end for _, end in ends)
        assert field.start[axis] == first
        assert field.size[axis] == last - first + 1
        assert field.min_size[axis] == min(end - start + 1 for start, end in ends)
        assert field.stride[axis] == max(paths.strides())
        assert field.centre[axis] == (first + last) / 2
    assert field.aligned == all(paths.agree for paths in both_axes)
    heads = tuple(f"{path}/" for path, node in walk(architecture) if node.op == "auxiliary")
    trunk = [node for path, node in walk(architecture) if not path.startswith(heads)]
    assert field.whole_input == any(sees_all(node) for node in trunk)


# ---- gradients --------------------------------------------------------------------------------------------------


class AnyChannels(nn.Module):
    """Stands for a slice: as many channels, but each the mean of all, since the field is that of any channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1, keepdim=True).expand(-1, self.channels, -1, -1)


class Gate(nn.Module):
    """Stands for a pooling whose result is repeated: no path goes through it."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pool(x).detach()


def linearised(architecture: Architecture) -> nn.Module:
    """The network with every weight positive and every other step linear, in float64.

    Weights are one over the fan-in, so that nothing overflows; maxima become averages, activations, gates and norms
    the identity, products sums: where a gradient is zero now, no input can matter.
    """
    network = build(architecture).double().eval()
    for module in list(network.modules()):
        if isinstance(module, ParallelBlock):
            module.fuse = "add" if module.fuse == "multiply" else module.fuse
        for name, child in list(module._modules.items()):
            if isinstance(child, nn.MaxPool2d | nn.AvgPool2d):
                module._modules[name] = nn.AvgPool2d(
                    child.kernel_size, child.stride, child.padding, child.ceil_mode, count_include_pad=True
                )
            elif isinstance(child, nn.Conv2d):
                nn.init.constant_(child.weight, 1 / child.weight[0].numel())
                if child.bias is not None:
                    nn.init.zeros_(child.bias)
            elif isinstance(child, ChannelSlice):
                module._modules[name] = AnyChannels(child.stop - child.start)
            elif isinstance(child, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
                module._modules[name] = Gate(child)
            elif isinstance(child, SqueezeExcitation | CBAM | ChannelAttention) or not child._modules:
                module._modules[name] = nn.Identity()
    return network


def support(
    network: nn.Module, channels: int, size: tuple[int, int], unit: tuple[int, int]
) -> list[tuple[int, int]] | None:
    """(first, last) row and column whose pixels reach the unit; None where only pooled maps reach it."""
    image = torch.ones((1, channels, *size), dtype=torch.float64, requires_grad=True)
    made = network.requires_grad_(False)(image)
    if not made.requires_grad or made.shape[2] <= unit[0] or made.shape[3] <= unit[1]:
        return None
    made[0, :, unit[0], unit[1]].sum().backward()
    assert image.grad is not None
    touched = image.grad[0].sum(0) > 0
    ends = []
    for axis in (1, 0):
        pixels = touched.any(axis).nonzero().flatten()
        ends.append((int(pixels[0]), int(pixels[-1])))
    return ends


def unit_and_image(field: ReceptiveField, axis: int) -> tuple[int, int]:
    """A unit whose field lies inside an image, and that image's size."""
    unit = -(field.start[axis] // field.stride[axis]) + 1
    return unit, field.start[axis] + field.stride[axis] * (unit + 2) + field.size[axis]


def support_was_checked(architecture: Architecture, field: ReceptiveField) -> bool:
    """Compare the field with the gradient; False where the network does not lend itself to it."""
    (row, height), (column, width) = unit_and_image(field, 0), unit_and_image(field, 1)
    height, width = max(height, 8), max(width, 8)
    if max(height, width) > LARGEST:
        return False
    try:
        larger = analyze(architecture, (architecture.input_shape[0], height, width))
    except ArchitectureError:
        return False  # branches whose sizes agree only on the image that was drawn
    if larger.receptive_field != field:
        return False  # a projection's stride may depend on the size
    network = linearised(architecture)
    seen = support(network, architecture.input_shape[0], (height, width), (row, column))
    if seen is None:
        return False
    for axis, unit in enumerate((row, column)):
        first = field.start[axis] + field.stride[axis] * unit
        assert seen[axis] == (first, first + field.size[axis] - 1), f"axis {axis}, unit {unit}"
    return True


@settings(max_examples=examples(600), **SLOW)
@given(feature_architectures(high=3))
def test_field_is_the_support_of_the_gradient(architecture: Architecture) -> None:
    analysis = analysis_or_skip(architecture)
    for paths in paths_of(architecture, analysis):
        assume(len(paths.strides()) == 1)
    assume(support_was_checked(architecture, analysis.receptive_field))


@settings(max_examples=examples(60), **SLOW)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 5))
def test_dilated_stacks(rates: list[int], kernel: int) -> None:
    """Dilation widens the box however many holes it leaves."""
    layers = tuple(
        Conv(name=f"conv{i}", out_channels=2, kernel_size=kernel, dilation=rate) for i, rate in enumerate(rates)
    )
    stack = Architecture(name="stack", input_shape=(1, 16, 16), trunk=Sequence(name="trunk", children=layers))
    field = analyze(stack).receptive_field
    assert field.size[0] == 1 + (kernel - 1) * sum(rates)
    assert support_was_checked(stack, field)


def test_factorised_split_is_boxed() -> None:
    """1×3 beside 3×1 sees a cross; its box is 3×3, its shortest path 1 pixel an axis."""
    branches = (Conv(name="a", out_channels=2, kernel_size=(1, 3)), Conv(name="b", out_channels=2, kernel_size=(3, 1)))
    split = Parallel(name="split", branches=branches)
    architecture = Architecture(name="split", input_shape=(1, 16, 16), trunk=Sequence(name="trunk", children=(split,)))
    field = analyze(architecture).receptive_field
    assert (field.size, field.min_size, field.aligned) == ((3, 3), (1, 1), True)
    assert support_was_checked(architecture, field)


@pytest.mark.parametrize("name", catalog.names())
def test_catalogue_fields_are_boxes_around_paths(name: str) -> None:
    """Every path would be too many for deep networks; those through single blocks are enough to build on."""
    architecture = catalog.get(name)
    field = analyze(architecture).receptive_field
    for axis in (0, 1):
        steps = SpansOnly(architecture, axis).through(architecture.trunk, {(1, 1)})
        spans = {span for _, span in steps}
        assert (field.size[axis], field.min_size[axis]) == (max(spans), min(spans))


class SpansOnly:
    """All (stride, span) that paths have; many paths share one, so even Inception v3 is quickly walked."""

    def __init__(self, architecture: Architecture, axis: int) -> None:
        self.axis = axis

    def through(self, node: Any, reached: set[tuple[int, int]]) -> set[tuple[int, int]]:
        if node.op == "sequence":
            for child in node.children:
                if child.op in ("global_pool", "flatten"):
                    break
                reached = self.through(child, reached)
        elif node.op in ("conv", "pool"):
            kernel, stride = both(node.kernel_size)[self.axis], both(node.stride)[self.axis]
            reach = both(getattr(node, "dilation", 1))[self.axis] * (kernel - 1)
            reached = {(jump * stride, span + reach * jump) for jump, span in reached}
        elif node.op == "parallel":
            reached = set().union(*(self.through(branch, reached) for branch in node.branches))
        elif node.op == "residual":
            body = self.through(node.body, reached)
            if node.shortcut == "projection":  # as far apart as the body's outputs
                reached = {(jump, span) for jump, _ in body for _, span in reached}
            reached = reached | body
        return reached
