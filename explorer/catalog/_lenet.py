"""LeNet-5 (LeCun et al. 1998), the first network of the family: as it is built today, and as it was published."""

from __future__ import annotations

from itertools import groupby

from ..architecture import Activation, Architecture, Conv, Flatten, Linear, Node, Parallel, Pool, Scale, Sequence, Slice
from ._registry import Fact, Lineage, register

_PAPER = "LeCun et al., Gradient-Based Learning Applied to Document Recognition, Proceedings of the IEEE 1998"


def _pool(name: str) -> Pool:
    return Pool(name=name, kernel_size=2, stride=2, padding=0)


@register(
    "lenet-5",
    title="LeNet-5",
    summary="The first of the family, as it is built today: two convolutions with pooling, three linear layers, ReLU.",
    source=f"{_PAPER}, section II.B, with the changes that are usual today",
    differences=(
        "maximum pooling and ReLU instead of learned averages and a scaled tanh; C3 reads all maps of S2; a linear "
        "layer gives the scores instead of distances to fixed patterns",
        "digits of 28×28 pixels are padded by 2 in C1, where the paper centres them in images of 32×32",
    ),
    facts=(
        Fact(metric="params", value=60_000, source="paper, section II.B (60,000 trainable parameters)", exact=False,
             note="C3 and the output layer have fewer there"),
    ),
    tags=("MNIST", "1998", "below 1 M params"),
    group="before",
    lineage=Lineage(year=1998, paper=_PAPER),
)  # fmt: skip
def lenet_5() -> Architecture:
    """The paper's layers under their names there, with today's activations."""
    return Architecture(
        name="LeNet-5",
        provenance=f"as built today · {_PAPER}",
        input_shape=(1, 28, 28),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="C1", out_channels=6, kernel_size=5),  # 6 × 28 × 28
                _pool("S2"),
                Conv(name="C3", out_channels=16, kernel_size=5, padding=0),  # 16 × 10 × 10
                _pool("S4"),
                Flatten(name="flatten"),  # 400
                Linear(name="C5", out_features=120, activation="relu"),
                Linear(name="F6", out_features=84, activation="relu"),
                Linear(name="output", out_features=10),
            ),
        ),
    )


_TABLE_1 = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5), (0, 1, 2, 3), (1, 2, 3, 4),
    (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5), (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip
"""The paper's table I: the maps of S2 that each map of C3 reads."""


def _take(channels: tuple[int, ...]) -> Node:
    """Some maps of S2, each run of neighbours as one slice."""
    runs = [[c for _, c in run] for _, run in groupby(enumerate(channels), lambda each: each[1] - each[0])]
    slices = tuple(Slice(name=f"maps_{run[0]}", start=run[0], stop=run[-1] + 1) for run in runs)
    return slices[0] if len(slices) == 1 else Parallel(name="maps", branches=slices)


def _c3_map(number: int) -> Sequence:
    conv = Conv(name="conv", out_channels=1, kernel_size=5, padding=0, activation="tanh")
    return Sequence(name=f"map_{number}", children=(_take(_TABLE_1[number]), conv))


def _subsampling(name: str) -> Sequence:
    """The average of four pixels with a learned factor and bias for each map, then the sigmoid."""
    return Sequence(
        name=name,
        children=(
            Pool(name="average", kind="avg", kernel_size=2, stride=2, padding=0),
            Scale(name="scale", bias=True),
            Activation(name="tanh", kind="tanh"),
        ),
    )


@register(
    "lenet-5-1998",
    title="LeNet-5 (1998)",
    summary="As published: averages with a learned factor and bias, C3 wired by the paper's table, tanh throughout.",
    source=f"{_PAPER}, section II.B and table I",
    differences=(
        "the output is a linear layer of 850 numbers; in the paper it is the distance to ten fixed patterns of 7×12",
        "tanh(a) stands for 1.7159·tanh(2a/3): both factors can be taken into the weights before and behind it; the "
        "four pixels are averaged, in the paper added",
    ),
    facts=(
        Fact(metric="params", value=60_000, source="paper, section II.B (60,000 trainable parameters)", exact=False,
             note="without the output's 850 there are exactly 60,000 here"),
    ),
    tags=("MNIST", "below 1 M params"),
    group="before",
    form_of="lenet-5",
)  # fmt: skip
def lenet_5_1998() -> Architecture:
    """Figure 2 for digits centred in 32×32 pixels."""
    halves = (("maps_0_7", range(8)), ("maps_8_15", range(8, 16)))
    c3 = tuple(Parallel(name=name, branches=tuple(map(_c3_map, numbers))) for name, numbers in halves)
    return Architecture(
        name="LeNet-5 (1998)",
        provenance=f"as published, with a linear output · {_PAPER}",
        input_shape=(1, 32, 32),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="C1", out_channels=6, kernel_size=5, padding=0, activation="tanh"),  # 6 × 28 × 28
                _subsampling("S2"),
                Parallel(name="C3", branches=c3),  # 16 × 10 × 10
                _subsampling("S4"),
                Conv(name="C5", out_channels=120, kernel_size=5, padding=0, activation="tanh"),  # 120 × 1 × 1
                Flatten(name="flatten"),
                Linear(name="F6", out_features=84, activation="tanh"),
                Linear(name="output", out_features=10),
            ),
        ),
    )
