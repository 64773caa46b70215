"""The small picture of a network: well-formed, in the colours of its operations, within its frame."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import assume, given, settings

from explorer import catalog
from explorer.analysis import problems
from explorer.architecture import Architecture, edit
from explorer.figures import KINDS, draw_thumbnail, list_thumbnail_nodes
from tests.networks import EACH_NETWORK
from tests.sizes import examples
from tests.strategies import architectures

RECT = "{http://www.w3.org/2000/svg}rect"


def rectangles(picture: str) -> list[dict[str, str]]:
    return [each.attrib for each in ET.fromstring(picture).iter(RECT)]


def check(network: Architecture) -> None:
    for dark in (False, True):
        drawn = rectangles(draw_thumbnail(network, dark=dark))
        columns = list_thumbnail_nodes(network)
        assert len({each["x"] for each in drawn}) <= len(columns) <= len(drawn)
        for each in drawn:
            x, y, wide, high = (float(each[name]) for name in ("x", "y", "width", "height"))
            assert x >= -1
            assert y >= -1
            assert x + wide <= 321
            assert y + high <= 65
            assert each["fill"] in {kind.dark if dark else kind.light for kind in KINDS.values()}


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_every_network_of_the_catalogue(name: str) -> None:
    check(catalog.get(name))


@settings(max_examples=examples(60))
@given(architectures())
def test_any_network(architecture: Architecture) -> None:
    assume(not problems(architecture))
    check(architecture)


def test_stages_within_one_node_have_columns_of_their_own() -> None:
    paths = [path for path, _ in list_thumbnail_nodes(catalog.get("mobilenet-v2"))]
    assert len(paths) > 15
    assert len(paths) == len(set(paths))
    googlenet = catalog.get("googlenet")
    trunk = [node.name for node in googlenet.trunk.nodes if node.op != "auxiliary"]
    assert [path for path, _ in list_thumbnail_nodes(googlenet)] == trunk


def test_branches_are_told_apart_and_names_are_text() -> None:
    network = edit.replace(catalog.get("inception-net"), "", name="<script>&")
    fills = {each["fill"] for each in rectangles(draw_thumbnail(network))}
    assert {KINDS[kind].light for kind in ("1x1", "3x3", "5x5", "pooling")} <= fills
    assert "<script>" not in draw_thumbnail(network)
