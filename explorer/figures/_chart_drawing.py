"""Charts as drawings for print: growth of the receptive field, and points in a plane with their front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..analysis import Analysis
from ..architecture import Architecture
from ..text import format_count, format_number, format_si, shorten
from ._charts import trace_growth
from ._curves import LINES
from ._drawing import Anchor, Drawing, Point, Polyline, Rectangle, Shape, Text, measure_text

WIDTH = 252.0
"""Of a chart in pt: one column of a page of two."""
_HIGH, _LEFT, _RIGHT, _FOOT, _SIZE = 150.0, 38.0, 8.0, 26.0, 6.5
_MOST_DOTS = 3000
_PLACES: tuple[tuple[float, float, Anchor], ...] = (
    (4, 2, "start"), (-4, 2, "end"), (0, -5, "middle"), (0, 9, "middle"), (4, -4, "start"), (-4, -4, "end"),
    (4, 9, "start"), (-4, 9, "end"),
)  # fmt: skip
"""Where a name may stand beside its point: to the right and down in pt, and what of it stands there."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class GrowthLine:
    """How one network's receptive field grows."""

    name: str
    """Of the network."""
    points: tuple[tuple[float, int, int], ...]
    """(place along the axis, longest and shortest path's field in pixels), in order."""


@dataclass(frozen=True)
class _Scale:
    """An axis: values to places in pt."""

    low: float
    high: float
    is_log: bool
    start: float
    end: float

    def place(self, value: float) -> float:
        to = math.log if self.is_log else float
        share = (to(value) - to(self.low)) / ((to(self.high) - to(self.low)) or 1)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Round values between the ends, about five."""
        if self.is_log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
                found = [step * 10.0**power for power in powers for step in steps]
                found = [value for value in found if self.low * 0.999 <= value <= self.high * 1.001]
                if len(found) >= 3:
                    return found[:: -(-len(found) // 7)]
        span = (self.high - self.low) or 1
        rough = 10.0 ** math.floor(math.log10(span / 4))
        step = next(step * rough for step in (1, 2, 5, 10) if span / (step * rough) <= 6)
        first = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _fit(values: Sequence[float], is_log: bool, start: float, end: float, *, pad: float = 0.05) -> _Scale:
    """An axis on which these values lie, with some room at both ends."""
    low, high = (min(values), max(values)) if values else (1.0, 10.0)
    if is_log:
        room = (high / low) ** pad if high > low else 2.0
        return _Scale(low / room, high * room, True, start, end)
    room = (high - low) * pad or abs(high) * 0.1 or 1.0
    return _Scale(low - room, high + room, False, start, end)


def _write_tick(value: float) -> str:
    return format_si(value) if abs(value) >= 10_000 else format_number(value)


def draw_growth(
    lines: Sequence[GrowthLine], marks: Sequence[tuple[float, str]], *, image: int = 0, title: str = ""
) -> Drawing:
    """Draw how receptive fields grow from the image on, the shortest path's dashed.

    Args:
        lines: One for each network.
        marks: (place, caption) along the axis; where captions would meet, some are left out.
        image: The larger side of the image in pixels, drawn as a dotted level; 0 for none.
        title: What is shown.

    Returns:
        A chart of 252 pt, on a logarithmic scale of pixels.
    """
    shapes, top = _draw_legend([(line.name, number) for number, line in enumerate(lines)])
    bottom = top + _HIGH
    fields = [float(value) for line in lines for point in line.points for value in point[1:]]
    x = _Scale(0, max([point[0] for line in lines for point in line.points] + [1]), False, _LEFT, WIDTH - _RIGHT)
    y = _fit([1.0, *fields, *([image] if image else [])], True, bottom, top, pad=0.02)
    shapes += _draw_axis_y(y, "receptive field, px")
    shapes += _draw_marks([(x.place(at), text) for at, text in marks], bottom)
    if image:
        level = y.place(image)
        shapes.append(Polyline(points=((_LEFT, level), (WIDTH - _RIGHT, level)), stroke="soft", is_dashed=True))
        beside = level - 2 if level - 8 > top else level + 7
        shapes.append(Text(x=_LEFT + 3, y=beside, text=f"image, {format_count(image)} px", size=6, colour="soft"))
    for number, line in enumerate(lines):
        colour = LINES[number % len(LINES)].label
        ends = [(x.place(at), y.place(longest), y.place(shortest)) for at, longest, shortest in line.points]
        if any(longest != shortest for _, longest, shortest in line.points):
            course = tuple((at, shortest) for at, _, shortest in ends)
            shapes.append(Polyline(points=course, stroke=colour, is_dashed=True))
        shapes.append(Polyline(points=tuple((at, longest) for at, longest, _ in ends), stroke=colour, stroke_width=1.1))
        shapes += [shape for at, longest, _ in ends for shape in _draw_marker(at, longest, number, 1.6)]
    told = "; ".join(f"{line.name} ends at {format_count(line.points[-1][1])} px" for line in lines if line.points)
    caption = (
        f"Receptive field in pixels of the image along the larger axis, not clipped by the image; {told}. Solid: the "
        "longest path; dashed: the shortest, where it differs."
    )
    return _finish(shapes, bottom, title or "Growth of the receptive field", caption)


def draw_growth_of(architecture: Architecture, analysis: Analysis) -> Drawing:
    """Draw how one network's receptive field grows, node by node of its trunk.

    Args:
        architecture: The network.
        analysis: Its analysis, from ``analyze``.

    Returns:
        The chart that ``draw_growth`` gives of ``trace_growth``.
    """
    found = trace_growth(architecture, analysis)
    points = tuple((float(at), point["longest"], point["shortest"]) for at, point in enumerate(found["points"]))
    marks = [(float(at), point["label"]) for at, point in enumerate(found["points"])]
    title = f"{architecture.name}, growth of the receptive field"
    return draw_growth([GrowthLine(name=architecture.name, points=points)], marks, image=found["input"], title=title)


def draw_scatter(data: Mapping[str, Any], *, title: str = "") -> Drawing:
    """Draw points in a plane, their error bars and their front.

    Args:
        data: What ``lay_out_scatter`` gives.
        title: What is shown.

    Returns:
        A chart of 252 pt. A name that finds no free place is told in the caption.
    """
    marks, dots = data["marks"], data["dots"] or {"x": [], "y": [], "label": ""}
    own = [mark for mark in marks if mark["shape"] is not None]
    shapes, top = _draw_legend([(mark["label"], mark["shape"]) for mark in own])
    bottom = top + _HIGH + 20
    x = _fit(_reach(marks, "x", dots["x"]), data["x"]["log"], _LEFT, WIDTH - _RIGHT)
    y = _fit(_reach(marks, "y", dots["y"]), data["y"]["log"], bottom, top)
    across, up = (f"{axis['label']}{' (log)' if axis['log'] else ''}" for axis in (data["x"], data["y"]))
    shapes += _draw_axis_y(y, up)
    shapes += _draw_marks([(x.place(value), _write_tick(value)) for value in x.ticks], bottom, rules=top)
    shapes.append(Text(x=(_LEFT + WIDTH - _RIGHT) / 2, y=bottom + 21, text=_cut(across, 200), size=_SIZE,
                       anchor="middle"))  # fmt: skip
    places, left_out = _thin([(x.place(a), y.place(b)) for a, b in zip(dots["x"], dots["y"], strict=True)])
    shapes += [Rectangle(x=a - 0.6, y=b - 0.6, width=1.2, height=1.2, radius=0.6, fill="soft", tint_percent=45)
               for a, b in places]  # fmt: skip
    taken: list[Box] = []
    for path in data["paths"]:
        course = tuple((x.place(a), y.place(b)) for a, b in path["points"])
        colour = path["colour"]["label"] if path["colour"] else "ink"
        shapes.append(Polyline(points=course, stroke=colour, stroke_width=0.8, is_dashed=path["dashed"]))
        taken += [
            (min(a, c) - 0.5, min(b, d) - 0.5, max(a, c) + 0.5, max(b, d) + 0.5) for (a, b), (c, d) in pairwise(course)
        ]
    for mark in marks:
        a, b = x.place(mark["x"]), y.place(mark["y"])
        shapes += _draw_reach(mark, x, y, a, b)
        shapes += _draw_marker(a, b, mark["shape"], 2.6 if mark["shape"] is not None else 1.5)
        taken.append((a - 3, b - 3, a + 3, b + 3))
    named = [mark for mark in marks if mark["named"] and mark["shape"] is None]
    names, missing = _name(named, x, y, taken, (_LEFT, top, WIDTH, bottom))
    shapes += names
    told = [f"{data['y']['label']} against {data['x']['label']}."]
    told += [f"Line: {', '.join(path['label'] for path in data['paths'])}."] if data["paths"] else []
    told += [f"Not named for want of room: {', '.join(missing)}."] if missing else []
    told += [f"{format_count(len(places))} of {format_count(len(dots['x']))} dots are drawn."] if left_out else []
    return _finish(shapes, bottom + 8, title or told[0][:-1], " ".join(told))


def _reach(marks: Sequence[Mapping[str, Any]], axis: str, dots: Sequence[float]) -> list[float]:
    ends = [end for mark in marks for end in mark[f"reach{axis.upper()}"] or ()]
    return [*(mark[axis] for mark in marks), *dots, *ends]


def _finish(shapes: Sequence[Shape], bottom: float, title: str, caption: str) -> Drawing:
    return Drawing(width=WIDTH, height=round(bottom + _FOOT - 8, 2), shapes=tuple(shapes), title=title, caption=caption)


def _cut(text: str, room: float, size: float = _SIZE) -> str:
    """As much of a text as there is room for, in pt."""
    while measure_text(text, size) > room:
        text = shorten(text, len(text) - 1)
    return text


def _draw_legend(names: Sequence[tuple[str, int]]) -> tuple[list[Shape], float]:
    """Markers with names, in rows; and the height where the chart begins."""
    shapes: list[Shape] = []
    x, y = _LEFT, 9.0
    for name, number in names:
        text = _cut(name, WIDTH - _LEFT - _RIGHT - 12)
        wide = measure_text(text, _SIZE)
        if x > _LEFT and x + 10 + wide > WIDTH - _RIGHT:
            x, y = _LEFT, y + 10
        shapes += [*_draw_marker(x + 3, y - 2.3, number, 2.6), Text(x=x + 9, y=y, text=text, size=_SIZE)]
        x += wide + 20
    return shapes, (y + 7 if names else 6.0)


def _draw_axis_y(scale: _Scale, label: str) -> list[Shape]:
    shapes: list[Shape] = []
    for value in scale.ticks:
        at = scale.place(value)
        shapes.append(Polyline(points=((_LEFT, at), (WIDTH - _RIGHT, at)), stroke="rule", stroke_width=0.4))
        shapes.append(Text(x=_LEFT - 3, y=at + 2.2, text=_write_tick(value), size=6, anchor="end", colour="soft"))
    middle = (scale.start + scale.end) / 2
    shapes.append(Polyline(points=((_LEFT, scale.end), (_LEFT, scale.start), (WIDTH - _RIGHT, scale.start))))
    text = _cut(label, abs(scale.start - scale.end))
    shapes.append(Text(x=8, y=middle, text=text, size=_SIZE, anchor="middle", turned=True))
    return shapes


def _draw_marks(marks: Sequence[tuple[float, str]], bottom: float, rules: float | None = None) -> list[Shape]:
    """Captions below the chart, where they do not meet; rules upwards from them where a height is given."""
    shapes: list[Shape] = []
    free = 0.0
    for at, text in marks:
        half = measure_text(text, 6) / 2
        shapes.append(Polyline(points=((at, bottom), (at, bottom + 2)), stroke="soft", stroke_width=0.5))
        if rules is not None:
            shapes.append(Polyline(points=((at, rules), (at, bottom)), stroke="rule", stroke_width=0.4))
        if at - half >= free and at + half <= WIDTH:
            shapes.append(Text(x=at, y=bottom + 9, text=text, size=6, anchor="middle", colour="soft"))
            free = at + half + 3
    return shapes


def _draw_marker(x: float, y: float, number: int | None, half: float) -> list[Shape]:
    """A marker whose shape tells the line as its colour does; a small grey disc for none."""
    if number is None:
        return [Rectangle(x=x - half, y=y - half, width=2 * half, height=2 * half, radius=half, fill="soft")]
    colour, form = LINES[number % len(LINES)].label, number % 4
    if form == 0:
        return [Rectangle(x=x - half, y=y - half, width=2 * half, height=2 * half, radius=half, fill=colour)]
    if form == 1:
        side = half * 0.9
        return [Rectangle(x=x - side, y=y - side, width=2 * side, height=2 * side, fill=colour)]
    triangle = ((0.0, -1.2), (1.1, 0.8), (-1.1, 0.8))
    diamond = ((0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0))
    corners = tuple((x + right * half, y + down * half) for right, down in (triangle if form == 2 else diamond))
    return [Polyline(points=corners, stroke=colour, is_closed=True)]


def _draw_reach(mark: Mapping[str, Any], x: _Scale, y: _Scale, a: float, b: float) -> list[Shape]:
    shapes: list[Shape] = []
    if mark["reachX"]:
        shapes.append(Polyline(points=tuple((x.place(end), b) for end in mark["reachX"]), stroke="soft"))
    if mark["reachY"]:
        shapes.append(Polyline(points=tuple((a, y.place(end)) for end in mark["reachY"]), stroke="soft"))
    return shapes


def _thin(places: Sequence[Point]) -> tuple[list[Point], int]:
    """Dots without those that lie on another, at most as many as TeX can hold; and how many more there were."""
    apart = list({(round(a), round(b)): (a, b) for a, b in places}.values())
    kept = apart[:: -(-len(apart) // _MOST_DOTS) or 1]
    return kept, len(apart) - len(kept)


def _name(
    marks: Sequence[Mapping[str, Any]], x: _Scale, y: _Scale, taken: list[Box], room: Box
) -> tuple[list[Shape], list[str]]:
    """Names beside their points where nothing else stands; and those for which there is no such place."""
    shapes: list[Shape] = []
    missing = []
    for mark in marks:
        a, b = x.place(mark["x"]), y.place(mark["y"])
        text = shorten(mark["label"], 28)
        for right, down, anchor in _PLACES:
            found = Text(x=a + right, y=b + down, text=text, size=6, anchor=anchor)
            box = found.box
            inside = box[0] >= room[0] and box[2] <= room[2] and box[1] >= room[1] and box[3] <= room[3]
            if inside and not any(_meet(box, other) for other in taken):
                shapes.append(found)
                taken.append(box)
                break
        else:
            missing.append(mark["label"])
    return shapes, missing


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
