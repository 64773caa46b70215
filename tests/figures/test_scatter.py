"""A plane of points as data: what is left out, colours, and the edge of a front."""

from __future__ import annotations

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from explorer.comparison import pareto_front
from explorer.figures import LINES, Axis, Dots, Mark, Path, lay_out_scatter, trace_front


def test_plain_data() -> None:
    marks = [
        Mark(key="A", label="<b>", x=1, y=2, reach_y=(1, 3), line=9, facts=(("a", "b"),)),
        Mark(key="B", label="zero", x=0, y=2),
    ]
    dots = Dots(label="variant", x=[1, 0, 3], y=[4, 5, 6], keys=["1", "2", "3"])
    path = Path(label="front", points=((0, 1), (2, 3)), dashed=True)
    found = lay_out_scatter(Axis(label="x", log=True), Axis(label="y"), marks, [path], dots)
    assert [mark["key"] for mark in found["marks"]] == ["A"]
    assert found["marks"][0]["colour"] == LINES[1]._asdict()
    assert found["marks"][0]["reachY"] == [1, 3]
    assert found["paths"][0]["points"] == [[2, 3]]
    assert found["dots"]["keys"] == ["1", "3"]
    assert json.loads(json.dumps(found)) == found
    assert len(lay_out_scatter(Axis(label="x"), Axis(label="y"), marks)["marks"]) == 2


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20), st.booleans(), st.booleans())
def test_the_staircase_is_the_edge_of_what_the_front_beats(
    points: list[tuple[int, int]], less_x: bool, less_y: bool
) -> None:
    best = pareto_front(points, ["least" if less_x else "most", "least" if less_y else "most"])
    corners = sorted({(float(points[at][0]), float(points[at][1])) for at in best})
    edge = trace_front(corners, less_x=less_x)
    assert set(corners) <= set(edge)

    def beaten(x: float, y: float) -> bool:
        return any((a <= x if less_x else a >= x) and (b <= y if less_y else b >= y) for a, b in corners)

    for before, behind in itertools.pairwise(edge):
        assert before[0] == behind[0] or before[1] == behind[1]  # level or upright
        x, y = (before[0] + behind[0]) / 2, (before[1] + behind[1]) / 2
        assert beaten(x, y)
        # A little further towards the better side of both, nothing is beaten.
        assert not beaten(x - 0.01 if less_x else x + 0.01, y - 0.01 if less_y else y + 0.01)
