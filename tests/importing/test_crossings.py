"""Branches that read one another become designs that compute the same: what crosses is carried along as channels."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from explorer.architecture import Slice, walk
from explorer.importing import Graph, Operation
from explorer.importing._problem import Crosses
from explorer.importing._reduce import Reduction
from tests.importing.parts import check_import
from tests.sizes import examples


class Net(nn.Module):
    """A stem of 8 channels, something crossing, and a head."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.a, self.b, self.c = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(3))
        self.head = nn.Linear(width, 5)

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = self.head(self.cross(torch.relu(self.stem(x))).mean((2, 3)))
        return score

    def cross(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class Ladder(Net):
    """Each of three reads the two before it."""

    def cross(self, x: Tensor) -> Tensor:
        one = torch.relu(self.a(x))
        two = torch.relu(self.b(one) + x)
        return self.c(two) * one + two


class ResidualOnSomeChannels(Net):
    """As ReXNet's."""

    def __init__(self) -> None:
        super().__init__(12)
        self.c = nn.Conv2d(8, 12, 1)

    def cross(self, x: Tensor) -> Tensor:
        y = self.c(x)
        return torch.cat([y[:, :8] + x, y[:, 8:]], 1)


class Scales(Net):
    """As Res2Net's block: each quarter reads the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.quarters = nn.ModuleList(nn.Conv2d(2, 2, 3, padding=1) for _ in range(3))
        self.b = self.c = nn.Identity()  # type: ignore[assignment]

    def cross(self, x: Tensor) -> Tensor:
        parts, found = self.a(x).chunk(4, 1), []
        for number, quarter in enumerate(self.quarters):
            found.append(torch.relu(quarter(parts[number] + found[-1] if found else parts[number])))
        return torch.cat([*found, parts[3]], 1)


class TwoPaths(Net):
    """As DPN's: a part that is added to and a part that grows."""

    def __init__(self) -> None:
        super().__init__(16)
        self.a, self.b, self.c = nn.Conv2d(8, 10, 1), nn.Conv2d(10, 8, 3, padding=1), nn.Conv2d(12, 8, 3, padding=1)

    def cross(self, x: Tensor) -> Tensor:
        y = self.a(x)
        added, grown = y[:, :4], y[:, 4:]
        for layer in (self.b, self.c):
            out = layer(torch.cat([added, grown], 1))
            added, grown = added + out[:, :4], torch.cat([grown, out[:, 4:6]], 1)
        return torch.cat([added, grown, out[:, :2]], 1)


class Aggregates(Net):
    """As DLA's: a strided tree whose root reads what its leaves read."""

    def __init__(self) -> None:
        super().__init__(24)
        self.a, self.b = nn.Conv2d(8, 8, 3, 2, padding=1), nn.Conv2d(8, 8, 1)

    def cross(self, x: Tensor) -> Tensor:
        pooled = torch.max_pool2d(x, 2)
        one = torch.relu(self.a(x) + self.b(pooled))
        two = torch.relu(self.c(one) + one)
        return torch.cat([two, one, pooled], 1)


class Once(Net):
    """As VoVNet's and HGNet's block: all layers of a chain together."""

    def __init__(self) -> None:
        super().__init__(40)
        self.layers = nn.ModuleList(nn.Conv2d(8 if number == 0 else 4, 4, 3, padding=1) for number in range(8))

    def cross(self, x: Tensor) -> Tensor:
        values = [x]
        for layer in self.layers:
            values.append(torch.relu(layer(values[-1])))
        return torch.cat(values, 1)


def test_a_long_chain_of_which_all_is_read_does_not_nest() -> None:
    found = check_import(Once())
    assert max(path.count("/") for path, _ in walk(found.architecture)) <= 12  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [Ladder, ResidualOnSomeChannels, Scales, TwoPaths, Aggregates])
def test_what_crosses_is_carried_along(kind: type[Net]) -> None:
    found = check_import(kind())
    assert any(isinstance(node, Slice) for _, node in walk(found.architecture))  # type: ignore[arg-type]


def test_the_first_of_what_crosses_is_named() -> None:
    """In any process, though the order of a set of names is another in each."""
    names = [f"a{number}" for number in range(20)]

    def operation(name: str, kind: str, *inputs: str) -> Operation:
        return Operation(name=name, kind=kind, inputs=inputs, shape=(3, 4, 4), source=kind)

    operations = [operation(name, "activation", Graph.INPUT) for name in names]
    operations += [operation("sum", "add", *names), operation("product", "multiply", *names)]
    operations.append(operation("both", "add", "sum", "product"))
    graph = Graph(name="n", input_shape=(3, 4, 4), operations=tuple(operations), output="both", tensors={})
    with pytest.raises(Crosses) as told:
        Reduction(graph).between(Graph.INPUT, "both")
    assert told.value.operation == "a0"


class Random(nn.Module):
    """Every layer adds what it is told of the values before it."""

    def __init__(self, reads: list[set[int]]) -> None:
        super().__init__()
        self.reads = reads
        self.layers = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in reads)

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for layer, reads in zip(self.layers, self.reads, strict=True):
            values.append(torch.tanh(layer(sum(values[each] for each in sorted(reads)))))
        unread = set(range(len(values))) - set().union(*self.reads)
        total = sum(values[each] for each in unread)
        assert isinstance(total, Tensor)
        return total


@settings(max_examples=examples(15), deadline=None)
@given(st.data())
def test_any_graph_of_maps_of_one_size_becomes_a_design(data: st.DataObject) -> None:
    reads = [data.draw(st.sets(st.integers(0, number), min_size=1, max_size=3)) for number in range(6)]
    check_import(Random(reads))


def test_where_a_carried_place_still_nests_too_deep_it_is_not_carried_again() -> None:
    """Re-parametrised blocks of GhostNet v3, in which the search for places once had no end."""
    from timm.models.ghostnet import GhostBottleneckV3

    blocks = (GhostBottleneckV3(16, 16, 16, mode="original"), GhostBottleneckV3(16, 48, 24, stride=2, mode="original"))
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10))
    check_import(nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), *blocks, *head), (3, 32, 32))
