"""Backbone, neck and head by structure: of known networks, and of any."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import assume, given, settings

from explorer import catalog, figures
from explorer.analysis import analyze, find_roles, problems
from explorer.architecture import Architecture
from tests.sizes import examples
from tests.strategies import architectures


def spans(name: str) -> list[tuple[str, str, str]]:
    """(part, first node, last node) in order, of the trunk without what taps it."""
    network = catalog.get(name)
    roles = find_roles(network, analyze(network))
    trunk = [(roles[node.name], node.name) for node in network.trunk.nodes if node.op != "auxiliary"]
    runs = [list(run) for _, run in groupby(trunk, key=lambda each: each[0])]
    return [(run[0][0], run[0][1], run[-1][1]) for run in runs]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("googlenet", [("backbone", "conv1", "inception_5b"), ("neck", "avgpool", "dropout"), ("head", "fc", "fc")]),
        ("inception-resnet-v2", [
            ("backbone", "Conv2d_1a_3x3", "Block8"), ("neck", "Conv2d_7b_1x1", "dropout"), ("head", "Logits", "Logits"),
        ]),
        ("vgg-16", [("backbone", "conv1", "pool5"), ("neck", "avgpool", "flatten"), ("head", "fc6", "fc8")]),
        ("alexnet", [("backbone", "conv1", "pool5"), ("neck", "avgpool", "dropout6"), ("head", "fc6", "fc8")]),
        ("squeezenet-1.1", [("backbone", "features", "features"), ("head", "classifier", "flatten")]),
        ("inception-block", [("backbone", "inception", "inception")]),
    ],
)  # fmt: skip
def test_parts_of_known_networks(name: str, found: list[tuple[str, str, str]]) -> None:
    assert spans(name) == found


def test_auxiliary_classifiers_are_heads() -> None:
    network = catalog.get("googlenet")
    roles = find_roles(network, analyze(network))
    assert roles["auxiliary_1"] == roles["auxiliary_2"] == "head"


@settings(max_examples=examples(100))
@given(architectures())
def test_parts_of_any_network_stand_in_order(network: Architecture) -> None:
    assume(not problems(network))
    analysis = analyze(network)
    roles = find_roles(network, analysis)
    order = ("backbone", "neck", "head")
    trunk = [roles[node.name] for node in network.trunk.nodes if node.op != "auxiliary"]
    assert [order.index(role) for role in trunk] == sorted(order.index(role) for role in trunk)
    if len(analysis.output_shape) == 3 and analysis.output_shape[1:] != (1, 1):
        assert set(trunk) <= {"backbone"}
    strip = figures.lay_out_overview(network, analysis)
    assert [column["role"] for column in strip] == [roles[column["path"]] for column in strip]
