"""Text for people: always one line where one is promised, and never a command to a terminal."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..architecture import ArchitectureError
from ..text import format_share, quote_path

WIDTH = 120


def escape(text: object) -> str:
    """Text on one line that cannot command a terminal: whatever is not printable becomes its escape."""
    return "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in str(text))


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: str) -> str:
    """Columns padded to their widest entry; ``right`` holds '>' for the ones of numbers, '<' for the others."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, right, widths, strict=True)).rstrip()
        for row in [header, ["-" * width for width in widths], *rows]
    )


def wrap(text: str, indent: str = "") -> str:
    """Text on as many lines as it needs."""
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def print_json(data: Any) -> None:
    print(json.dumps(data, indent=2))


def write_text(name: str, text: str) -> None:
    """Text into a file. Raises ValueError in one sentence where that cannot be."""
    write_bytes(name, text.encode())


def write_bytes(name: str, data: bytes) -> None:
    """The whole content under a name, or what was there before. Raises ValueError in one sentence."""
    beside = Path(f"{name}.part")
    try:
        beside.write_bytes(data)
        os.replace(beside, name)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"cannot write {quote_path(name)}: {reason}") from None


def format_notes(rows: Sequence[tuple[str, str, str]]) -> str:
    """Name, number and a sentence that wraps within its column."""
    left, middle = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows)
    indent = " " * (left + middle + 4)
    return "\n".join(
        textwrap.fill(note, WIDTH, initial_indent=f"{name:<{left}}  {value:>{middle}}  ", subsequent_indent=indent)
        for name, value, note in rows
    )


def format_coverage(coverage: float | None) -> str:
    """The share of a box that is touched: '100 %' only where nothing is left out, '–' where there is none."""
    if coverage is None:
        return "–"
    return "100 %" if coverage == 1 else format_share(min(coverage, 0.9999))


def describe_error(error: Exception) -> str:
    """The error as one line; of a list of problems the first few, each with its way out."""
    return escape(error.describe() if isinstance(error, ArchitectureError) else error)
