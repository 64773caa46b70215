"""A ribbon over channels asks a few of its values; what it says of the others is what the analysis says of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import METRICS, Sweep, convex_in_channels, convex_samples
from explorer.architecture import Architecture, ArchitectureError, edit, walk
from tests.sizes import examples
from tests.strategies import architectures

CONVEX = [key for key, metric in METRICS.items() if metric.convex]
FIELDS = {"conv": "out_channels", "linear": "out_features"}


def layers(architecture: Architecture) -> list[tuple[str, str, int]]:
    """(path, field, value) of every layer whose channels are a number."""
    found = [(path, FIELDS[node.op], node) for path, node in walk(architecture) if node.op in FIELDS]
    numbers = [(path, field, getattr(node, field)) for path, field, node in found]
    return [(path, field, value) for path, field, value in numbers if isinstance(value, int)]


def asking(architecture: Architecture, path: str, field: str, metric: str) -> tuple[Callable[[int], int | None], list]:
    """A metric of the network as a function of a layer's channels, and the list of what it has been asked."""
    sweep, asked = Sweep(), []

    def ask(value: int) -> int | None:
        asked.append(value)
        try:
            totals = sweep.totals(edit.replace(architecture, path, **{field: value}))
        except ArchitectureError:
            return None
        return None if totals is None else METRICS[metric].read_totals(totals)

    return ask, asked


@settings(
    max_examples=examples(300), deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
@given(architectures(), st.sampled_from(CONVEX), st.sets(st.integers(1, 5000), max_size=30), st.data())
def test_convex_samples_are_every_single_value(
    architecture: Architecture, metric: str, others: set[int], data: st.DataObject
) -> None:
    assume(convex_in_channels(architecture) and layers(architecture))
    path, field, value = data.draw(st.sampled_from(layers(architecture)))
    values = sorted({value, *others})
    ask, _ = asking(architecture, path, field, metric)
    assert convex_samples(ask, values, values.index(value)) == [ask(each) for each in values]


@pytest.mark.parametrize("name", ["googlenet", "inception-v3", "residual-mnist", "inception-net"])
@pytest.mark.parametrize("metric", CONVEX)
def test_every_position_in_the_catalogue(name: str, metric: str) -> None:
    architecture = catalog.get(name)
    assert convex_in_channels(architecture)
    for path, field, value in layers(architecture)[::9]:
        values = sorted({value, *range(8, 2 * value + 8, max(1, value // 16))})
        ask, _ = asking(architecture, path, field, metric)
        assert convex_samples(ask, values, values.index(value)) == [ask(each) for each in values]


def test_a_line_is_asked_at_three_places() -> None:
    values = list(range(4, 257, 4))
    for metric, most in (("macs", 4), ("training_bytes", 4), ("inference_bytes", 40)):
        ask, asked = asking(catalog.get("googlenet"), "inception_3a/branch_3x3/conv", "out_channels", metric)
        convex_samples(ask, values, values.index(128))
        assert len(asked) <= most


def test_values_that_do_not_fit_are_not_bridged() -> None:
    """A sum of branches takes one number of channels; parameters have an upper limit."""
    assert convex_samples(lambda n: 7 if n == 5 else None, range(11), 5) == [None] * 5 + [7] + [None] * 5
    doubles = [0, 2, 4, 6, 8, 10, 12, 14, None, None, None]
    assert convex_samples(lambda n: 2 * n if n < 8 else None, range(11), 5) == doubles
    assert convex_samples(lambda n: abs(n - 4), range(11), 7) == [4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6]
    assert convex_samples(lambda n: n, [3], 0) == [3]


def test_division_is_known_to_bend_the_curve() -> None:
    """Squeeze-and-excitation's hidden width is a floor, and groups need multiples: neither is taken for convex."""
    attentive = edit.set_attention(catalog.get("googlenet"), "inception_3a", "se")
    assert not convex_in_channels(attentive)
    ask, _ = asking(attentive, "inception_3a/branches/branch_1x1", "out_channels", "params")
    curve = [ask(channels) for channels in range(64, 97)]
    steps = [after - before for before, after in pairwise(curve)]
    assert steps != sorted(steps)
    assert not convex_in_channels(edit.replace(catalog.get("googlenet"), "conv2", groups=2))
