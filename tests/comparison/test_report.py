"""A comparison in writing: complete, self-contained, and names shown literally."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from explorer import catalog
from explorer.architecture import edit
from explorer.comparison import (
    Difference,
    Report,
    compare,
    format_cell,
    format_difference,
    is_best,
    make_report,
    metrics_table,
    render_csv,
    render_html,
    render_markdown,
)
from explorer.experiments import RunAccuracy

EVIL = "=cmd|'/C calc'!A1 <img src=x onerror=alert(1)> ](javascript:alert(1)) $\\href{x}{y}$ **b** `c`\nnext"


def hostile() -> Report:
    names = ("googlenet", "googlenet-torchvision", "cifar-inception-residual")
    networks = [catalog.get(name) for name in names]
    return make_report(compare([*networks, edit.replace(networks[0], "", name=EVIL)]))


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "line", "rect", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_whole_and_needs_nothing_else() -> None:
    text = render_html(hostile())
    page = Page()
    page.feed(text)
    assert page.open == []
    assert not page.tags & {"script", "img", "link", "iframe", "object", "a"}
    assert not {name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")}
    assert "http:" not in text.replace("http-equiv", "")
    assert "url(" not in text
    assert EVIL in page.text
    assert "prefers-color-scheme:dark" in text
    assert ("http-equiv", "Content-Security-Policy") in page.attributes
    for number in ("1,582,671,872", "1,498,376,192", "−84,295,680", "stride 16"):
        assert number in page.text
    labels = [value for name, value in page.attributes if name == "aria-label"]
    assert len(labels) == 3


def test_markdown() -> None:
    text = render_markdown(hostile())
    assert "<img" not in text.replace("\\<img", "")
    assert not re.search(r"(?<!\\)\]\(", text)
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block[:200]
    assert "**1,498,376,192" not in text  # the small one has the least
    assert "| MACs | 1,582,671,872 | 1,498,376,192 (−84,295,680, −5.3 %) | **14,003,648" in text
    assert "branch_5x5/conv and 6 more | −380,928 | −84,295,680 | −320 |" in text


def test_csv() -> None:
    found = hostile()
    rows = list(csv.reader(io.StringIO(render_csv(found))))
    assert rows[0] == ["table", "what", "metric", "network", "value"]
    assert all(len(row) == 5 for row in rows)
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    assert ["total", "", "macs", "GoogLeNet (torchvision)", "1498376192"] in rows
    macs = sum(int(row[4]) for row in rows if row[:1] == ["stage"] and row[2:4] == ["macs", "GoogLeNet"])
    assert macs == 1_582_671_872
    changes = [row for row in rows if row[0] == "change" and row[2:4] == ["macs", "GoogLeNet (torchvision)"]]
    assert sum(int(row[4]) for row in changes) == 1_498_376_192 - 1_582_671_872


def test_runs_and_the_address_are_told_where_they_are_known() -> None:
    networks = [catalog.get(name) for name in ("residual-mnist", "inception-a-mnist")]
    way = tuple(0.5 + step / 100 for step in range(25))
    learnt = [
        RunAccuracy(place=1, run=EVIL, data="=digits", seed=3, epochs=25, accuracy=way),
        RunAccuracy(place=0, run="queued", data="mnist", seed=0, epochs=0, accuracy=()),
    ]
    address = "http://127.0.0.1:8501/compare?network=residual-mnist&network=<b>"
    found = make_report(compare(networks, ["mine", EVIL]), learnt, address)
    page = Page()
    page.feed(render_html(found))
    assert page.open == []
    assert not page.tags & {"script", "img", "a"}
    assert address in page.text
    assert EVIL in page.text
    assert "74.00" in page.text
    text = render_markdown(found)
    assert "<img" not in text.replace("\\<img", "")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    (row,) = [line for line in text.splitlines() if "74.00" in line]
    assert row.endswith(" 71.0 74.0 |")  # every third from the end
    rows = list(csv.reader(io.StringIO(render_csv(found))))
    assert not any(cell.startswith(("=", "+", "@")) for line in rows for cell in line)
    assert [float(line[4]) for line in rows if line[0] == "run"] == pytest.approx(way)
    assert rows[-1] == ["address", address, "", "", ""]
    frame = pd.read_csv(io.StringIO(render_csv(found)))
    assert frame["value"].dtype == float
    assert "<http://127.0.0.1:8501/compare?network=residual-mnist&network=%3Cb%3E>" in text
    assert "mine" in {line[3] for line in rows}
    bare = make_report(compare(networks))
    assert "Accuracy" not in render_markdown(bare)
    assert "http" not in render_markdown(bare)


def test_one_network_alone() -> None:
    alone = make_report(compare([catalog.get("residual-mnist")]))
    for text in (render_markdown(alone), render_html(alone), render_csv(alone)):
        assert "41514" in text.replace(",", "")


def test_cells_are_values_until_they_are_written() -> None:
    """No writer takes text apart: a name with brackets in it stays whole, numbers are the comparison's own."""
    networks = [catalog.get("googlenet"), catalog.get("residual-mnist")]
    found = compare(networks, ["a (b)", "c"])
    table = metrics_table(found)
    assert [row[1:] for row in table.rows[:-1]] == [row.cells for row in found.rows]
    first, second = found.rows[0].cells
    assert format_difference(first) == ""
    assert format_cell(first) == f"{first.value:,}"
    assert format_cell(second) == f"{second.value:,} ({format_difference(second)})"
    assert format_difference(second).startswith(f"−{first.value - second.value:,}, −")
    assert (is_best(first), is_best(second), is_best("−"), is_best(3)) == (False, True, False, False)
    assert [format_cell(cell) for cell in ("a (b)", 1_234, Difference((-3, -3)), Difference((0, 12)))] == [
        "a (b)", "1,234", "−3", "0 × +12",
    ]  # fmt: skip


def test_heads_that_do_not_fit_are_told() -> None:
    small = edit.replace(catalog.get("inception-v3"), "", input_shape=(3, 224, 224))
    found = make_report(compare([catalog.get("inception-v3"), small]))
    said = "B: the auxiliary head AuxLogits does not fit the image: AuxLogits/conv1: a window of 5×5 does not fit"
    assert said in render_markdown(found)
    assert "A: the auxiliary head" not in render_markdown(found)
    assert said in render_html(found)
