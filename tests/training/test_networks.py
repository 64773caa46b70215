"""Networks of runs are measured once: what the store remembers is what ``analyze`` says, and nobody does it again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from explorer import catalog
from explorer.analysis import METRICS, analyze
from explorer.architecture import Architecture, ArchitectureError, edit, to_json
from explorer.runs import Store
from explorer.training import MeasuredNetwork, _networks, describe_structure, measure_networks
from tests.sizes import examples
from tests.strategies import architectures

PINNED = ("lenet-5", "inception-v3", "googlenet", "inception-resnet-v2", "cifar-inception-residual-cbam", "convnext-t")
BY_REVISION = {1: "e07f07d184ce5429"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store.at(tmp_path / "runs.sqlite")
    found.prepare()
    return found


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Each test begins as a new process does."""
    _networks._known.clear()
    yield
    _networks._known.clear()


def again(store: Store, monkeypatch: pytest.MonkeyPatch, *texts: str) -> dict[str, MeasuredNetwork]:
    """What another process learns from the store alone."""

    def read(text: str) -> Architecture:
        raise AssertionError(f"this network was read again: {text[:80]}")

    _networks._known.clear()
    with monkeypatch.context() as patch:
        patch.setattr(_networks, "from_json", read)
        return measure_networks(store, texts)


@settings(max_examples=examples(150))
@given(architectures())
def test_what_is_remembered_is_what_the_analysis_says(
    tmp_path_factory: pytest.TempPathFactory, architecture: Architecture
) -> None:
    _networks._known.clear()  # an example may come twice, and what the process knows is not written again
    store = Store.at(tmp_path_factory.mktemp("store") / "runs.sqlite")
    store.prepare()
    text = to_json(architecture)
    measured = measure_networks(store, [text])[text]
    try:
        analysis = analyze(architecture)
    except ArchitectureError:
        assert measured.numbers == {}
    else:
        assert measured.numbers == {key: metric.read(architecture, analysis) for key, metric in METRICS.items()}
        with pytest.MonkeyPatch.context() as patch:
            assert again(store, patch, text) == {text: measured}
    assert measured.structure == describe_structure(architecture)


@settings(max_examples=examples(300))
@given(architectures(), architectures())
def test_structures_are_equal_where_layers_and_input_are(one: Architecture, other: Architecture) -> None:
    def parts(architecture: Architecture) -> tuple[object, object]:
        return architecture.input_shape, architecture.trunk

    assert (describe_structure(one) == describe_structure(other)) == (parts(one) == parts(other))
    renamed = one.model_copy(update={"name": "another name", "notes": "another note"})
    assert describe_structure(renamed) == describe_structure(one)
    taller = edit.replace(one, "", input_shape=(one.input_shape[0], one.input_shape[1] + 1, one.input_shape[2]))
    assert describe_structure(taller) != describe_structure(one)


def test_of_many_only_the_unknown_ones_are_measured(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [to_json(catalog.get("lenet-5").model_copy(update={"name": f"net {number}"})) for number in range(1200)]
    first = measure_networks(store, texts[:1100])
    assert len({each.structure for each in first.values()}) == 1
    assert again(store, monkeypatch, *texts[:1100]) == first
    with pytest.raises(AssertionError, match="net 1100"):
        again(store, monkeypatch, *texts)


def test_patience_ends_after_the_newest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    known, *unknown = (to_json(catalog.get(name)) for name in ("lenet-5", "inception-v3", "googlenet"))
    measure_networks(store, [known])
    assert list(measure_networks(store, [*unknown, known], seconds=0.0)) == [known]
    clock = iter(range(100))
    monkeypatch.setattr(_networks.time, "monotonic", lambda: next(clock))
    assert list(measure_networks(store, [*unknown, known], seconds=1.5)) == [unknown[0], known]
    assert len(measure_networks(store, [*unknown, known])) == 3


def test_what_cannot_be_read_here_is_left_to_a_program_that_can(store: Store) -> None:
    text = to_json(catalog.get("lenet-5")).replace('"conv"', '"of_a_later_version"')
    misfit = to_json(edit.replace(catalog.get("lenet-5"), "", input_shape=(1, 8, 8)))
    found = measure_networks(store, [text, misfit])
    assert found[text] == MeasuredNetwork(structure="", numbers={})
    assert (found[misfit].structure != "", found[misfit].numbers) == (True, {})
    with store._transaction() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM networks").scalar() == 0


@pytest.mark.parametrize("revision", [_networks.REVISION, _networks.REVISION - 1])
def test_what_an_older_version_found_out_is_found_out_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch, revision: int
) -> None:
    """It counted something otherwise, or did not have a metric yet."""
    text, truth = to_json(catalog.get("lenet-5")), analyze(catalog.get("lenet-5"))
    metrics = {**METRICS, "params": replace(METRICS["params"], of_totals=lambda _: 1)}
    if revision == _networks.REVISION:
        metrics.pop("macs")
    with monkeypatch.context() as patch:
        patch.setattr(_networks, "REVISION", revision)
        patch.setattr(_networks, "METRICS", metrics)
        assert measure_networks(store, [text])[text].numbers["params"] == 1
    _networks._known.clear()
    found = measure_networks(store, [text])
    assert (found[text].numbers["params"], found[text].numbers["macs"]) == (truth.params, truth.macs)
    assert again(store, monkeypatch, text) == found


def test_a_store_that_takes_nothing_is_no_reason_not_to_look(store: Store) -> None:
    with store._transaction() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON networks BEGIN SELECT RAISE(FAIL, 'disk full'); END"
        )
    text = to_json(catalog.get("lenet-5"))
    assert measure_networks(store, [text])[text].numbers["params"] == analyze(catalog.get("lenet-5")).params


def test_the_revision_is_raised_when_something_is_counted_otherwise() -> None:
    """Where this fails and a count was to change, raise REVISION and write the new digest down beside it; where a
    network of the catalogue has changed instead, the digest alone."""
    measured = [_networks._measure_text(to_json(catalog.get(name))) for name in PINNED]
    text = json.dumps([[each.structure, dict(each.numbers)] for each in measured])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == BY_REVISION[_networks.REVISION]
