"""``python -m tests.importing.coverage [torchvision|timm]``: which of their convolutional networks can be imported.

Writes tests/importing/coverage.csv, a row a network, and goes on where it stopped. Weights and batch statistics are
random. A network counts as convolutional that has three convolutions of 2×2 to 15×15 at least and no attention.
"""

from __future__ import annotations

import csv
import gc
import sys
import time
import warnings
from pathlib import Path

import torch
from torch import nn

from explorer.importing import ImportingError, from_module, list_names
from explorer.importing._libraries import make_module
from tests.inspection.parts import shaken

FILE = Path(__file__).with_name("coverage.csv")
COLUMNS = (
    "name", "status", "operator", "module", "reason", "params_equal", "macs_equal", "score_difference", "seconds",
)  # fmt: skip


def is_convolutional(module: nn.Module) -> bool:
    """At least three convolutions with a kernel of 2 to 15, and no attention."""
    sizes = [max(each.kernel_size) for each in module.modules() if isinstance(each, nn.Conv2d)]
    attention = any("attention" in type(each).__name__.lower() for each in module.modules())
    return sum(2 <= size <= 15 for size in sizes) >= 3 and not attention


def measure(name: str) -> dict[str, object] | None:
    """The row of a network; None where it is no convolutional network."""
    row: dict[str, object] = {"name": name}
    try:
        module, shape, _ = make_module(name)
        if not is_convolutional(module):
            return None
        shaken(module)
        begun = time.monotonic()
        found = from_module(module, shape, name)
    except ImportingError as error:
        return row | {"status": "unavailable", "reason": str(error)}
    row |= {"status": found.status, "seconds": round(time.monotonic() - begun, 1)}
    if found.obstacle:
        row |= {"operator": found.obstacle.operator, "module": found.obstacle.module, "reason": found.obstacle.reason}
    if found.status == "complete":
        row |= {"params_equal": found.params == found.model_params, "macs_equal": found.macs == found.model_macs}
        if found.largest_score_difference is not None:
            row["score_difference"] = f"{found.largest_score_difference:.1e}"
    return row


def main(libraries: list[str]) -> None:
    """Measure what is not in the file yet."""
    warnings.simplefilter("ignore")
    if not FILE.exists():
        FILE.write_text(",".join(COLUMNS) + "\n")
    with FILE.open() as file:
        done = {row["name"] for row in csv.DictReader(file)}
    for library in libraries:
        for name in list_names(library):
            full = f"{library}:{name}"
            if full in done:
                continue
            torch.manual_seed(0)
            try:
                row = measure(full)
            except Exception as error:  # noqa: BLE001  (a fault of ours is to be seen, and the others go on)
                row = {"name": full, "status": "fault", "reason": f"{type(error).__name__}: {error}"[:200]}
            if row is not None:
                with FILE.open("a", newline="") as file:
                    csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)
                print(row, flush=True)
            gc.collect()


if __name__ == "__main__":
    main(sys.argv[1:] or ["torchvision", "timm"])
