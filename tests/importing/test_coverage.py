"""The record of what can be imported, and some of its rows measured again."""

from __future__ import annotations

import csv
import random

import pytest
import torch

from tests.importing.coverage import FILE, measure
from tests.sizes import ALL

QUICK_SECONDS = 30 if ALL else 0.7


def _rows() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _some(status: str, count: int) -> list[dict[str, str]]:
    """Quick ones, always the same."""
    quick = [row for row in _rows() if row["status"] == status and float(row["seconds"]) <= QUICK_SECONDS]
    return random.Random(0).sample(quick, min(count, len(quick)))


def test_the_record_says_whole_only_of_equal_networks() -> None:
    rows = _rows()
    assert len({row["name"] for row in rows}) == len(rows)
    whole = [row for row in rows if row["status"] == "complete"]
    for row in whole:
        assert (row["params_equal"], row["macs_equal"]) == ("True", "True"), row
        assert float(row["score_difference"]) <= 1e-5, row
    for row in rows:
        assert row["status"] != "partial" or (row["operator"] and row["reason"]), row
        assert row["status"] != "unavailable" or row["reason"], row
    assert sum(row["name"].startswith("timm:") for row in whole) >= 530
    assert sum(row["name"].startswith("torchvision:") for row in whole) >= 68


@pytest.mark.parametrize("row", [*_some("complete", 60 if ALL else 2), *_some("partial", 20 if ALL else 1)],
                         ids=lambda row: row["name"])  # fmt: skip
def test_a_row_measured_again_says_the_same(row: dict[str, str]) -> None:
    torch.manual_seed(0)
    found = measure(row["name"])
    assert found is not None
    for key in ("status", "operator", "module", "reason", "params_equal", "macs_equal"):
        assert str(found.get(key, "")) == row[key], key
    if row["score_difference"]:
        assert float(str(found["score_difference"])) <= 1e-5
