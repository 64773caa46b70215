"""The table of metrics: complete, in agreement with the analysis, and the only place that names one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from explorer import catalog, editor
from explorer.analysis import METRICS, Metric, analyze, headline_metrics
from explorer.comparison import compare, find_differences, sample_cloud
from tests.sizes import examples
from tests.strategies import architectures


@settings(max_examples=examples(60), deadline=None)
@given(architectures())
def test_shares_of_the_layers_add_up_to_the_whole(architecture):
    analysis = analyze(architecture)
    for metric in METRICS.values():
        if metric.of_layer:
            assert sum(map(metric.of_layer, analysis.layers)) == metric.read(architecture, analysis)


def test_every_metric_has_words():
    for key, metric in METRICS.items():
        assert key == metric.key
        assert metric.label
        assert metric.convention
        assert not metric.convention.endswith(".")
        assert isinstance(metric.read(catalog.get("googlenet"), analyze(catalog.get("googlenet"))), int)


def test_links_of_before_name_the_same_metrics():
    former = {"macs": "macs", "params": "params", "training": "training_bytes", "inference": "inference_bytes",
              "field": "receptive_field"}  # fmt: skip
    assert {old: editor.ribbon_metric(old) for old in former} == former
    assert set(former.values()) == set(headline_metrics())
    assert editor.ribbon_metric("depth") is None  # known, but not a ribbon
    assert editor.ribbon_metric("nonsense") is None


def test_a_metric_needs_one_way_to_be_read():
    words = {"key": "m", "label": "m", "unit": "", "convention": "m", "more": "neutral"}
    with pytest.raises(ValueError, match="either of_totals or of_network"):
        Metric(**words)
    with pytest.raises(ValueError, match="headline metric, which needs of_totals"):
        Metric(**words, headline=True, of_network=lambda *_: 1)


def test_more_that_is_better_is_marked(monkeypatch):
    toy = Metric(key="toy", label="toy", unit="", convention="toy", more="better", of_totals=lambda totals: totals.macs)
    monkeypatch.setitem(METRICS, "toy", toy)
    rows = {row.metric.key: row for row in compare([catalog.get("googlenet"), catalog.get("inception-net")]).rows}
    assert [cell.best for cell in rows["macs"].cells] == [not cell.best for cell in rows["toy"].cells]


def test_amounts_are_read_by_name_and_written_by_name():
    total = find_differences(catalog.get("googlenet"), catalog.get("googlenet-torchvision")).total
    assert total.macs == total.amounts["macs"] == total.to_data()["macs"] == -84_295_680
    assert total.params == total.to_data()["params"]
    assert json.loads(json.dumps(total.to_data()))["receptive_field"] == list(total.receptive_field)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = total.nonsense


def test_a_cloud_has_no_front_of_what_totals_do_not_tell():
    with pytest.raises(ValueError, match="metric"):
        sample_cloud(catalog.get("residual-mnist"), 10).front(depth="least")
