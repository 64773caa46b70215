"""The sample images of a run, and its predictions for them after every epoch, as they stand in the store."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, fields
from typing import Any

SAMPLES = "samples"
"""Name of the document that holds them, at step 0: they stay the same as long as the run lives."""
PREDICTIONS = "predictions/test"
"""Name of the documents with the predictions, at the step of every evaluation."""


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Test images, drawn as one picture: equal tiles, ``columns`` in a row, in the order of ``labels``.

    The last row is filled up with black.
    """

    classes: tuple[str, ...]
    """Names of all classes of the data set, also those of the rows and columns of its confusion matrices."""
    rows: tuple[int, ...]
    """Which of the test images they are."""
    labels: tuple[int, ...]
    """What each shows, as an index into ``classes``."""
    columns: int
    """Tiles in a row."""
    width: int
    """Of a tile, in pixels."""
    height: int
    """Of a tile, in pixels."""
    png: bytes
    """The picture, a file in the PNG format."""

    def place(self, index: int) -> tuple[int, int]:
        """Find (left, top) of a tile, in pixels."""
        row, column = divmod(index, self.columns)
        return column * self.width, row * self.height

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        return {**asdict(self), "png": base64.b64encode(self.png).decode("ascii")}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Samples:
        """Read what ``to_data`` gave; what a newer version added is left out."""
        known = {field.name: data[field.name] for field in fields(cls)}
        lists = {name: tuple(known[name]) for name in ("classes", "rows", "labels")}
        return cls(**{**known, **lists, "png": base64.b64decode(known["png"])})


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The most probable classes of one image, the most probable first."""

    classes: tuple[int, ...]
    """Indices, three of them, or as many as there are classes."""
    probabilities: tuple[float, ...]
    """0 to 1, of each of ``classes``."""

    @classmethod
    def from_data(cls, data: list[list[float]]) -> Prediction:
        """Read a list of [class, probability]."""
        return cls(classes=tuple(int(each) for each, _ in data), probabilities=tuple(share for _, share in data))
