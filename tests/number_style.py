"""Find numbers that are not in the style that explorer/text states: in pages, reports and terminals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pandas as pd
from streamlit.testing.v1 import AppTest

_NOT_OURS = re.compile(
    r"```.*?```|`[^`]*`"  # code, and what is to be typed
    r"|https?:\S+|\S+@\S+|[\w.-]+\.(?:py|json|csv|pt|pth|png|jpe?g|zip|safetensors)\b"
    r"|'[^']*'|\"[^\"]*\""  # what somebody typed
    r"|\([^()]*\b(?:19|20)\d\d[^()]*\)|\b(?:et al\.|[A-Z]\w+),? (?:19|20)[012]\d\b"  # years
    r"|\b(?:19|20)[012]\d\b(?=[,:.;)]|$)|(?:,|\bof|\bin|\bIEEE) (?:19[89]|20[012])\d\b"
    r"|\barXiv\S* [\d.]+|\b(?:seeds?|process) [\d, ]+|\bimage \d+",
    re.DOTALL,
)
_FAULTS = {
    "no space before %": re.compile(r"\d%"),
    "no comma between thousands": re.compile(r"(?<![\w.,:/#−-])\d{4,}(?![\w:/-])(?!\.\d{4,})"),
    "spaces between thousands": re.compile("(?<![\\d.,])[1-9]\\d{0,2}[ \\u00a0\\u2009\\u202f]\\d{3}(?![\\d.,]*\\w)"),
    "a hyphen for a minus": re.compile(r"(?<![\w)\]/-])-(?=[\d.])"),
    "no space before a unit": re.compile(r"\d(?:px|[kMGT]?B|ms|MACs|FLOPs|MP|GFLOP/s)\b"),
    "x for ×": re.compile(r"(?<!\w)\d+(?: ?[xX] ?\d+)+\b"),
    "no number, and not –": re.compile(r"^(?:None|nan|NaN|inf|null|undefined)$"),
}


@lru_cache(maxsize=20_000)  # most texts of a page are those of its last run
def find_faults(text: str) -> tuple[str, ...]:
    """What in a text is not in the style, each with what is around it."""
    ours = _NOT_OURS.sub(" ", re.sub(r"\\(.)", r"\1", text))
    return tuple(
        f"{name}: …{ours[max(0, found.start() - 30) : found.end() + 30]}…"
        for name, fault in _FAULTS.items()
        for found in fault.finditer(ours)
    )


def check_page(running: AppTest) -> None:
    """Hold everything that a page shows to the style: its text, its tables, and what its components are given."""
    faults = [fault for text in _shown(running) for fault in find_faults(text)]
    assert not faults, "\n".join(faults)


def _shown(running: AppTest) -> Iterator[str]:
    for each in [*running.main, *running.sidebar]:
        if each.type in ("markdown", "caption", "success", "info", "warning", "error", "text", "heading", "subheader"):
            yield each.value
        elif each.type == "metric":
            yield from (each.label, each.value, each.delta)
        elif each.type == "table":
            frame = each.value
            yield from map(str, [*frame.columns, *frame.index, *frame.to_numpy().ravel()])
        elif each.type == "arrow_data_frame":
            yield from _cells(each)
        elif each.type == "bidi_component":
            yield from _strings(json.loads(each.proto.json or "null"))
        elif hasattr(each, "label"):
            yield each.label


def _cells(table: Any) -> Iterator[str]:
    """Text as it is; of numbers whether something says how they are written."""
    frame, config = table.value, json.loads(table.proto.columns or "{}")
    styled = bool(table.proto.styler.display_values)
    for name in frame.columns:
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            yield from (each for each in column if isinstance(each, str))
        elif not styled and name != "seed" and len(column):
            form = (config.get(name, {}).get("type_config") or {}).get("format") or "%d"
            example = max(column, key=abs)
            yield f"{example:,.0f}" if "%," in form else "1 234" if form == "localized" else str(round(example))


_PLAIN = {
    "path", "key", "id", "src", "png", "command", "commands", "chosen", "label", "title", "name", "shows", "value",
    "kind", "branch_kinds", "marks", "alt", "values", "text_typed",
}  # fmt: skip
"""Keys of what is no sentence: paths, kinds, pictures, numbers as base64, what people named."""


def _strings(data: Any, key: str = "") -> Iterator[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _strings(value, name)
    elif isinstance(data, list):
        for value in data:
            yield from _strings(value, key)
    elif isinstance(data, str) and key not in _PLAIN:
        yield data
