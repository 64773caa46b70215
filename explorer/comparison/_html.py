"""A report as one HTML file that needs nothing else: no script, no network, light and dark as the reader has it."""

from __future__ import annotations

from math import log

from ..text import escape_html, format_si
from ._cells import format_cell, is_best
from ._compare import Comparison
from ._tables import LETTERS, Report, Table, headings, origins
from .pictures import growths

_LIGHT = ("#0072b2", "#b04e00", "#00805d", "#b04a87")
_DARK = ("#56b4e9", "#f58b3c", "#3cd19a", "#dd8bb9")
_WIDTH, _BAR, _LEFT, _RIGHT = 720, 18, 130, 90

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:84rem;margin:2rem auto;padding:0 1rem;"
    "color:var(--ink);background:var(--page)}"
    "h1,h2{line-height:1.2}.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}"
    "th{white-space:normal;overflow-wrap:anywhere;min-width:7rem;vertical-align:bottom}"
    "th:first-child,td:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:11rem}"
    "td.best{font-weight:700;background:var(--mark)}p,figcaption{color:var(--soft)}figure{margin:1rem 0}"
    "figure{overflow-x:auto}svg text{fill:var(--ink);font:12px system-ui,sans-serif}"
    ".axis{stroke:var(--line)}.name{overflow-wrap:anywhere}"
)


def render_html(report: Report) -> str:
    """Write a report as a page: legend, pictures, tables, conventions.

    Args:
        report: What ``make_report`` gives.

    Returns:
        One HTML document without scripts and without links to other files. Every name is escaped.
    """
    comparison = report.comparison
    metrics = [row.metric for row in comparison.rows]
    parts = [
        "<h1>Architectures side by side</h1>",
        _legend(comparison),
        _address(report.address),
        "<h2>MACs of each stage</h2>", _bars(comparison, "macs", "MACs"),
        "<h2>Parameters of each stage</h2>", _bars(comparison, "params", "parameters"),
        "<h2>Growth of the receptive field</h2>", _growth(comparison),
        *map(_table, report.tables),
        "<h2>Conventions</h2><ul>",
        *(f"<li><b>{escape_html(metric.label)}</b>: {escape_html(metric.convention)}</li>" for metric in metrics),
        "</ul>",
    ]  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>Architectures side by side</title><style>{_theme()}{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _theme() -> str:
    def variables(ink: str, page: str, soft: str, line: str, mark: str, colours: tuple[str, ...]) -> str:
        own = "".join(f"--n{place}:{colour};" for place, colour in enumerate(colours))
        return f":root{{--ink:{ink};--page:{page};--soft:{soft};--line:{line};--mark:{mark};{own}}}"

    light = variables("#1c232d", "#ffffff", "#566070", "#dde2e8", "#e4f2e6", _LIGHT)
    dark = variables("#e8ecf1", "#12161c", "#a5afbc", "#333c48", "#1f3a26", _DARK)
    return f"{light}@media(prefers-color-scheme:dark){{{dark}}}"


def _legend(comparison: Comparison) -> str:
    items = "".join(
        f'<li class="name"><b style="color:var(--n{place})">{escape_html(heading)}</b> {escape_html(origin)}</li>'
        for place, (heading, origin) in enumerate(zip(headings(comparison), origins(comparison), strict=True))
    )
    return f'<ul style="list-style:none;padding:0">{items}</ul>'


def _address(address: str) -> str:
    return f'<p class="name">To be seen and changed at <code>{escape_html(address)}</code></p>' if address else ""


def _bars(comparison: Comparison, metric: str, unit: str) -> str:
    """For each stage one bar a network, its letter before and its number behind it."""
    rows: list[str] = []
    values = [
        getattr(stage, metric) for aligned in comparison.stages for stage in aligned.stages if stage is not None
    ]
    most = max([*values, 1])
    y = 0
    said = []
    for aligned in comparison.stages:
        rows.append(f'<text x="0" y="{y + 13}">{escape_html(aligned.label)}</text>')
        for place, stage in enumerate(aligned.stages):
            value = 0 if stage is None else getattr(stage, metric)
            width = (_WIDTH - _LEFT - _RIGHT) * value / most
            label = f"{LETTERS[place]} {format_si(value) if stage is not None else '–'}"
            said.append(f"{aligned.label} {label}")
            rows.append(
                f'<rect x="{_LEFT}" y="{y + 2}" width="{width:.1f}" height="{_BAR - 4}" style="fill:var(--n{place})"/>'
                f'<text x="{_LEFT + width + 6:.1f}" y="{y + 13}">{escape_html(label)}</text>'
            )
            y += _BAR
        y += 8
    return _svg(y, rows, f"{unit} of each stage: {'; '.join(said)}")


def _growth(comparison: Comparison) -> str:
    """The field over the stages on a logarithmic scale; a letter stands at the end of each line."""
    height, right = 260, _WIDTH - 30
    drawn = growths(comparison)
    stages, lines = drawn["stages"], drawn["lines"]
    ends = [line[-1]["longest"] for line in lines]
    most = max(ends)

    def at(stage: float, value: int) -> tuple[float, float]:
        up = log(value) / log(most) if most > 1 else 0
        return 60 + (right - 60) * stage / max(1, len(stages)), height - 24 - (height - 44) * up

    rows = []
    for value in (10**power for power in range(len(str(most)))):
        y = at(0, value)[1]
        rows.append(
            f'<line class="axis" x1="60" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="54" y="{y + 4:.1f}" text-anchor="end">{value:,} px</text>'
        )
    for index, label in enumerate(stages):
        x, foot = at(index, 1)
        rows.append(
            f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="20" y2="{foot:.1f}"/>'
            f'<text x="{x + 4:.1f}" y="{height - 4}">{escape_html(label)}</text>'
        )
    for place, line in enumerate(lines):
        points = [at(point["at"], point["longest"]) for point in line]
        course = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        x, y = points[-1]
        rows.append(
            f'<polyline points="{course}" style="fill:none;stroke:var(--n{place});stroke-width:2"/>'
            f'<text x="{x + 4:.1f}" y="{y + 4:.1f}" style="fill:var(--n{place})">{LETTERS[place]}</text>'
        )
    told = "; ".join(f"{letter} ends at {end} px" for letter, end in zip(LETTERS, ends, strict=False))
    return _svg(height, rows, f"receptive field stage by stage: {told}")


def _svg(height: int, rows: list[str], said: str) -> str:
    return (
        f'<figure><svg role="img" aria-label="{escape_html(said)}" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}">{"".join(rows)}</svg></figure>'
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape_html(cell)}</th>' for cell in table.header)
    rows = []
    for row in table.rows:
        marks = [' class="best"' if is_best(cell) else "" for cell in row]
        texts = [escape_html(format_cell(cell)) for cell in row]
        cells = "".join(f"<td{mark}>{text}</td>" for mark, text in zip(marks, texts, strict=True))
        rows.append(f"<tr>{cells}</tr>")
    return (
        f'<h2 class="name">{escape_html(table.title)}</h2><p>{escape_html(table.note)}</p><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
