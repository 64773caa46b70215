"""Backbone, neck and head by structure: of known networks, and of any."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import assume, given, settings

from explorer import catalog, figures
from explorer.analysis import analyze, find_roles, problems
from explorer.architecture import Architecture, edit
from tests.sizes import examples
from tests.strategies import architectures


def spans(name: str) -> list[tuple[str, str, str]]:
    """(part, first column, last column) in order, without what taps the trunk."""
    network = catalog.get(name)
    roles = find_roles(network, analyze(network))
    columns = [(roles[path], path) for path, node in edit.columns(network).items() if node.op != "auxiliary"]
    runs = [list(run) for _, run in groupby(columns, key=lambda each: each[0])]
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
        ("squeezenet-1.1", [("backbone", "features/0", "features/12"), ("head", "classifier", "flatten")]),
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
    trunk = [roles[path] for path, node in edit.columns(network).items() if node.op != "auxiliary"]
    assert [order.index(role) for role in trunk] == sorted(order.index(role) for role in trunk)
    if len(analysis.output_shape) == 3 and analysis.output_shape[1:] != (1, 1):
        assert set(trunk) <= {"backbone"}
    strip = figures.lay_out_overview(network, analysis)
    assert [column["role"] for column in strip] == [roles[column["path"]] for column in strip]
