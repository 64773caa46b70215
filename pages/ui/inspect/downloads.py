"""Numbers of this page as files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from explorer.text import escape_csv
from pages.ui.downloads import download_button
from pages.ui.text import literal


def offer_map(values: Any, name: str, key: str) -> None:
    """A button for a map (H, W) of numbers: one line a row of it."""
    offer_rows(values.tolist, name, key)


def offer_rows(make: Any, name: str, key: str) -> None:
    """A button for rows of numbers and texts; they are made when it is pressed."""
    download_button(
        literal(f"{name} as CSV"), lambda: write_csv(make()), f"{file_name(name)}.csv", "text/csv", key=key,
        icon=":material/download:", type="tertiary",
    )  # fmt: skip


def write_csv(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV: numbers as they are, texts so that no spreadsheet takes one for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([escape_csv(each) if isinstance(each, str) else each for each in row] for row in rows)
    return out.getvalue()


def file_name(name: str) -> str:
    """A name as one that every system takes for a file."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "numbers"
