"""The accuracy that needs no learning: by simulation, from the store's documents, and for runs of earlier versions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.runs import CLASS_COUNTS, ChanceLevel, Document, History, Manager, find_chance
from tests.training.parts import config, network

COUNTS = st.lists(st.integers(0, 300), min_size=2, max_size=12).filter(any)


@given(COUNTS, st.integers(0, 2**32 - 1))
def test_it_is_what_guessing_reaches(counts: list[int], seed: int) -> None:
    found, random = ChanceLevel.of(counts), np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    tries = [(random.integers(0, len(counts), len(labels)) == labels).mean() for _ in range(50)]
    error = np.sqrt(found.uniform * (1 - found.uniform) / (50 * len(labels)))
    assert abs(np.mean(tries) - found.uniform) < 6 * error
    assert found.majority == pytest.approx(max((labels == label).mean() for label in range(len(counts))))


def test_the_commonest_class_is_told_only_where_it_says_more() -> None:
    assert [name for _, name in ChanceLevel.of([101, 99, 100]).levels()] == ["chance"]
    assert [name for _, name in ChanceLevel.of([150, 50, 100]).levels()] == ["chance", "commonest class"]
    assert ChanceLevel.of([100] * 10).describe() == "chance is 10.00 %: every class guessed equally often"
    assert ChanceLevel.of([90, 10]).name_levels() == "chance 50.0 %, commonest class 90.0 %"
    assert "gives 90.00 %" in ChanceLevel.of([90, 10]).describe()
    with pytest.raises(ValueError, match="no test images"):
        ChanceLevel.of([0, 0])


def test_it_is_read_from_the_store(manager: Manager) -> None:
    from explorer.architecture import to_json

    run = manager.create("a", to_json(network(classes=2)), config().model_dump_json(), memory=1)
    history = History(manager.store)
    assert (find_chance(manager.store, run.id), history.chance(run)) == (None, None)
    confusion = Document(name="confusion/test", step=5, data=[[20, 10], [5, 5]])
    manager.store.record(run.id, [], [confusion])  # as every version has recorded it
    assert history.chance(run) == ChanceLevel(uniform=0.5, majority=0.75)
    manager.store.record(run.id, [], [Document(name=CLASS_COUNTS, step=0, data=[4, 1])])
    assert find_chance(manager.store, run.id) == ChanceLevel(uniform=0.5, majority=0.8)
