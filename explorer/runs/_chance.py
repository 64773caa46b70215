"""What a network reaches without having learnt anything: told beside every accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..text import format_share

if TYPE_CHECKING:
    from ._store import Store

CLASS_COUNTS = "class_counts/test"
"""Name of the document with the number of test images of each class, at step 0."""
_TELLING = 0.005
"""The frequency of the commonest class is told where it is so much above chance: half a percentage point."""


@dataclass(frozen=True, kw_only=True)
class ChanceLevel:
    """The accuracies, as shares of 1, that need no learning."""

    uniform: float
    """Of a class drawn with equal probabilities for every image: one over the number of classes."""
    majority: float
    """Of the commonest class of the test images, said of every image: its share of them."""

    @classmethod
    def of(cls, counts: Sequence[int]) -> ChanceLevel:
        """Find them from the number of test images of each class.

        Args:
            counts: One number for each class that the network can answer, zeros included.

        Returns:
            The levels.

        Raises:
            ValueError: There is no image.
        """
        if sum(counts) < 1:
            raise ValueError("there are no test images to tell chance from")
        return cls(uniform=1 / len(counts), majority=max(counts) / sum(counts))

    def levels(self) -> list[tuple[float, str]]:
        """List what is to be drawn: (share of 1, name); the commonest class where it is half a point above chance."""
        found = [(self.uniform, "chance")]
        return [*found, (self.majority, "commonest class")] if self.majority > self.uniform + _TELLING else found

    def name_levels(self) -> str:
        """Say them in the fewest words, for a caption."""
        return ", ".join(f"{name} {format_share(share, 1)}" for share, name in self.levels())

    def describe(self) -> str:
        """Say them in a few words, with their convention."""
        said = f"chance is {format_share(self.uniform)}: every class guessed equally often"
        if len(self.levels()) > 1:
            said += f"; always saying the commonest class of the test images gives {format_share(self.majority)}"
        return said


def find_chance(store: Store, run: str) -> ChanceLevel | None:
    """Find the chance level of a run's test accuracy.

    Args:
        store: The store that has the run.
        run: Its identifier.

    Returns:
        The level; None before its worker has begun, and for runs of earlier versions before their first epoch's end.

    Raises:
        StoreError: The store cannot be read.
    """
    found = store.latest(run, CLASS_COUNTS)
    if found is not None:
        return ChanceLevel.of(found[1])
    confusion = store.latest(run, "confusion/test")  # its rows are the true classes
    return None if confusion is None else ChanceLevel.of([sum(row) for row in confusion[1]])
