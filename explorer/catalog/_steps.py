"""What each generation changed, as two small networks: a block before the step and the same after it.

The numbers are the papers' own where they give some; both networks of a pair read the same input, so that their
parameters, MACs and fields can be set side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..architecture import (
    Architecture,
    Conv,
    Node,
    Parallel,
    Sequence,
)
from ._registry import names

Shape = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One idea that led from one generation to the next, shown in a block."""

    name: str
    """Key in links and on the command line."""
    title: str
    """What becomes what, in a few words."""
    parent: str
    """Name of the network that it started from."""
    child: str
    """Name of the network that it led to."""
    meaning: str
    """What is gained and how, in a sentence or two."""
    source: str
    """Where the authors explain it."""
    before: Architecture = field(repr=False)
    """The block before the step, a network of one node named 'block'."""
    after: Architecture = field(repr=False)
    """The block after it, for the same input."""


_STEPS: list[Callable[[], Step]] = []


@lru_cache(maxsize=1)
def steps() -> tuple[Step, ...]:
    """List what each generation changed.

    Returns:
        The steps, first those to the Inceptions and then those from ResNet on, each with its two blocks; without those
        between networks that the catalogue does not have.
    """
    known = set(names())
    return tuple(step for step in (make() for make in _STEPS) if {step.parent, step.child} <= known)


def step(name: str) -> Step:
    """Find a step by its name.

    Args:
        name: Of the step, such as 'two-3x3'.

    Returns:
        The step.

    Raises:
        ValueError: There is none; the message lists all names.
    """
    for each in steps():
        if each.name == name:
            return each
    raise ValueError(f"there is no step {name[:60]!r}; there are {', '.join(each.name for each in steps())}")


def steps_of(network: str) -> tuple[Step, ...]:
    """List the steps that led to a network.

    Args:
        network: A name of the catalogue.

    Returns:
        The steps whose child it is, in order; () where there is none.
    """
    return tuple(each for each in steps() if each.child == network)


def add_step(
    name: str,
    title: str,
    ends: tuple[str, str],
    meaning: str,
    source: str,
    shape: Shape,
    blocks: Callable[[], tuple[tuple[str, Node], tuple[str, Node]]],
) -> None:
    """Add a step; ``blocks`` gives caption and node of the block before and after."""

    def make() -> Step:
        before, after = (
            Architecture(
                name=caption, provenance=source, input_shape=shape, trunk=Sequence(name="trunk", children=(node,))
            )
            for caption, node in blocks()
        )
        return Step(
            name=name, title=title, parent=ends[0], child=ends[1], meaning=meaning, source=source, before=before,
            after=after,
        )  # fmt: skip

    _STEPS.append(make)


def row(*nodes: Node) -> Sequence:
    """A block of layers one after another."""
    return Sequence(name="block", children=nodes)


def side(*branches: tuple[Node, ...], **fields: Any) -> Parallel:
    """A block of branches side by side; an empty one is the identity."""
    return Parallel(
        name="block",
        branches=tuple(Sequence(name=f"branch_{n}", children=nodes) for n, nodes in enumerate(branches, 1)),
        **fields,
    )


def conv(name: str, out_channels: Any, kernel_size: Any = 1, **fields: Any) -> Conv:
    """A convolution with ReLU, a 1×1 unless it is given otherwise."""
    return Conv(name=name, out_channels=out_channels, kernel_size=kernel_size, **fields)


def normed(name: str, out_channels: Any, kernel_size: Any = 1, **fields: Any) -> Conv:
    """The same with batch normalisation."""
    return conv(name, out_channels, kernel_size, **{"norm": "batch", **fields})


def linear(name: str, out_channels: Any, kernel_size: Any = 1, **fields: Any) -> Conv:
    """The same with batch normalisation and without an activation."""
    return normed(name, out_channels, kernel_size, activation="none", **fields)
