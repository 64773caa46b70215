"""What a trained network sees, decides and why: models to choose from, and what can be asked of them.

Here is what needs no torch: what there is, how pictures become inputs, and which part of a picture a unit can see. The
rest are modules of their own that import torch: ``models`` opens a model, ``predict``, ``features``, ``attribution``,
``contributions`` and ``evaluation`` ask it.
"""

from ._entries import Entry, Kind, entries
from ._field import UnitField, unit_field
from ._paths import branch_paths, check_path
from ._preprocessing import Box, Placement, Preprocessing
from ._published import PUBLISHED, Published, fetch, published
from ._samples import Sample, samples
from ._shipped import Card, shipped, write_shipped

__all__ = [
    "PUBLISHED",
    "Box",
    "Card",
    "Entry",
    "Kind",
    "Placement",
    "Preprocessing",
    "Published",
    "Sample",
    "UnitField",
    "branch_paths",
    "check_path",
    "entries",
    "fetch",
    "published",
    "samples",
    "shipped",
    "unit_field",
    "write_shipped",
]
