"""Text as Streamlit needs it: numbers of tables, and what people typed made safe where Markdown is read."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import streamlit as st

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$~:&])")
_LIVE = re.compile(r":(?=\S)|www(?=\.)|@(?=\S)|[-<>~](?=[-=>])", re.IGNORECASE)
_JOINER = "\u2060"


def cell(text: str) -> str:
    """``text`` for a table that can be saved as CSV: no spreadsheet takes it for a formula."""
    return _JOINER + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def literal(text: str) -> str:
    """``text`` so that Markdown shows exactly its characters: no emphasis, links, math, icons, arrows or HTML."""
    # Addresses, icons and arrows are made after the backslashes are gone: a character without width keeps them apart.
    parted = _LIVE.sub(lambda match: match[0] + _JOINER, text)
    return _SPECIAL.sub(r"\\\1", parted).replace("\n", " ")


def key_of_rows(table: str, rows: Iterable[object]) -> str:
    """Make a table's key that changes with its rows: a click on a row that is gone meanwhile must choose no other.

    Args:
        table: What the table is called; it stands in a container of this key.
        rows: What tells its rows apart, in their order.

    Returns:
        The key.
    """
    return f"{table}_{zlib.crc32(repr(list(rows)).encode()):08x}"


def tell_apart(titles: Mapping[str, str]) -> dict[str, str]:
    """Make the entries of a list differ: a browser sends what is written there, and the first of equals would be taken.

    Args:
        titles: What is written, by id.

    Returns:
        The same, and behind each that is not the only one of its kind its id.
    """
    counts = Counter(titles.values())
    return {name: title if counts[title] == 1 else f"{title} · {name}" for name, title in titles.items()}


def read_picked(key: str, count: int, of: Literal["rows", "cells"] = "rows") -> list[int]:
    """Read which rows of a table are selected.

    Args:
        key: The table's, as ``key_of_rows`` gives it.
        count: How many rows it has; what is none of them was sent by no table of ours.
        of: Whether rows were selected as such, or cells of them.

    Returns:
        Their places, in the order in which they were selected.
    """
    sent = st.session_state[key]["selection"].get(of)
    places = [each[0] if of == "cells" and isinstance(each, list | tuple) and each else each for each in sent or ()]
    return [row for row in places if type(row) is int and 0 <= row < count]


def number_column(label: str | None = None, *, digits: int = 0, unit: str = "", **options: Any) -> Any:
    """A column of numbers in the product's style, which no browser's language changes; none of them is negative."""
    ending = f" {unit.replace('%', '%%')}" if unit else ""
    return st.column_config.NumberColumn(label, format=f"%,.{digits}f{ending}", **options)
