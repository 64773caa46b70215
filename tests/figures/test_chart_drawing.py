"""Charts for papers: legible, and the numbers at their places."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.comparison import TradeOffPoint, compare, draw_growths, lay_out_trade_off, list_axes
from explorer.figures import (
    Axis,
    Dots,
    Drawing,
    Mark,
    Path,
    Polyline,
    Rectangle,
    Text,
    draw_growth_of,
    draw_scatter,
    lay_out_scatter,
)
from tests.networks import EACH_NETWORK


def check(drawing: Drawing) -> None:
    """No text meets another, and none leaves the picture."""
    boxes = [(shape.text, shape.box) for shape in drawing.shapes if isinstance(shape, Text)]
    for text, (left, top, right, bottom) in boxes:
        assert 0 <= left <= right <= drawing.width, text
        assert 0 <= top <= bottom <= drawing.height, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not (a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]), (one, other)
    for shape in drawing.shapes:
        points = shape.points if isinstance(shape, Polyline) else ()
        assert all(-3 <= x <= drawing.width and -3 <= y <= drawing.height for x, y in points)


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_growth_of_every_network(name: str) -> None:
    architecture = catalog.get(name)
    check(draw_growth_of(architecture, analyze(architecture)))


def test_growth_of_a_comparison_is_logarithmic() -> None:
    comparison = compare([catalog.get(name) for name in ("googlenet", "inception-v3", "resnet-50", "mobilenet-v2")])
    drawing = draw_growths(comparison)
    check(drawing)
    solid = [s for s in drawing.shapes if isinstance(s, Polyline) and s.stroke_width == 1.1]
    rises = [line.points[0][1] - line.points[-1][1] for line in solid]
    fields = [max(analysis.receptive_field.size) for analysis in comparison.analyses]
    for rise, field in zip(rises, fields, strict=True):
        assert rise / rises[0] == pytest.approx(math.log(field) / math.log(fields[0]), rel=1e-6)


def test_the_catalogue_in_a_plane() -> None:
    axes = list_axes()
    x, y = axes["macs"], axes["receptive_field"]
    points = []
    for place, entry in enumerate(catalog.entries()):
        across, up = x.read(entry.architecture), y.read(entry.architecture)
        assert across is not None and up is not None  # noqa: PT018
        line = place if place < 4 else None
        points.append(TradeOffPoint(key=entry.name, label=entry.architecture.name, x=across, y=up, line=line))
    data, best = lay_out_trade_off(points, x, y)
    drawing = draw_scatter(data)
    check(drawing)
    told = drawing.caption + " ".join(shape.text for shape in drawing.shapes if isinstance(shape, Text))
    assert all(points[place].label[:20] in told for place in best), "named in the chart, or in the caption"


def test_twenty_thousand_dots_are_few_shapes() -> None:
    source = random.Random(0)
    xs, ys = ([10 ** source.uniform(5, 9) for _ in range(20_000)] for _ in range(2))
    dots = Dots(label="variant", x=xs, y=ys, keys=[""] * len(xs))
    drawing = draw_scatter(lay_out_scatter(Axis.fit("MACs", xs), Axis.fit("parameters", ys), [], [], dots))
    assert sum(isinstance(shape, Rectangle) for shape in drawing.shapes) <= 3000
    assert "of 20,000 dots" in drawing.caption


@pytest.mark.parametrize(
    "values",
    [[], [(1.0, 1.0)], [(0.0, 0.0)], [(5.0, -3.0), (5.0, 8.0)], [(1e-9, 1e12), (2e-9, 1e12)], [(1.0, 1e9)] * 9],
)
def test_few_and_odd_points(values: list[tuple[float, float]]) -> None:
    marks = [Mark(key=str(k), label=f"network {k}", x=x, y=y, reach_y=(y, y + 1)) for k, (x, y) in enumerate(values)]
    axes = [Axis.fit("a" * 90, [pair[at] for pair in values]) for at in (0, 1)]
    check(draw_scatter(lay_out_scatter(*axes, marks, [Path(label="front", points=tuple(values))])))


def test_long_names_are_cut() -> None:
    networks = [catalog.get("googlenet")] * 4
    check(draw_growths(compare(networks, names=["W" * 100, "\u7f51" * 100, "i" * 100, ""])))
