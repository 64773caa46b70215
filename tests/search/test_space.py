"""The space: every point is a network that builds, or is refused with a reason; the given network is one of them."""

from __future__ import annotations

import json
import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import METRICS, analyze
from explorer.architecture import Architecture, Conv, Residual, Sequence, edit, from_json, to_json, walk
from explorer.search import (
    GROUPS,
    Builder,
    Rejected,
    Space,
    derive_space,
    find_groups,
    find_objectives,
    measure,
    parse_limit,
)
from explorer.training import recipe
from tests.sizes import examples
from tests.training.parts import network

CONFIG = recipe("course", "digits")
KNOWN = ("tiny", "lenet-5", "googlenet", "inception-v3", "resnet-18", "densenet-121", "vgg-11")


def get(name: str) -> Architecture:
    return network(classes=10) if name == "tiny" else catalog.get(name)


@cache
def space_of(name: str) -> Space:
    """Everything that can vary in the network."""
    net, groups = get(name), []
    for group in GROUPS:
        try:
            derive_space(net, CONFIG, [group])
        except ValueError:
            continue
        groups.append(group)
    return derive_space(net, CONFIG, groups)


@cache
def builder_of(name: str) -> Builder:
    return Builder(space_of(name))


@pytest.mark.parametrize("name", KNOWN)
def test_the_given_network_is_a_point_of_its_space(name: str) -> None:
    space = space_of(name)
    sample = builder_of(name).build(space.given)
    assert sample.network == get(name)
    assert sample.config == CONFIG
    assert space.changes(space.given) == {}


@settings(max_examples=examples(100), deadline=None)
@given(name=st.sampled_from(KNOWN), seed=st.integers(0, 2**32))
def test_every_point_builds_and_analyses_or_is_refused(name: str, seed: int) -> None:
    space = space_of(name)
    point = space.draw(random.Random(seed))
    try:
        sample = builder_of(name).build(point)
    except Rejected:
        return
    again = from_json(to_json(sample.network))  # reads every rule anew
    assert again == sample.network
    assert analyze(again).totals == sample.totals
    assert list(edit.count_classes(again).values()) == list(edit.count_classes(space.network).values())


@settings(max_examples=examples(60), deadline=None)
@given(name=st.sampled_from(("tiny", "resnet-18")), seed=st.integers(0, 2**32))
def test_a_point_is_the_same_whatever_was_built_before(name: str, seed: int) -> None:
    """One builder remembers layers, columns and totals of all points; a new one has nothing to remember."""
    space = space_of(name)
    point = space.draw(random.Random(seed))
    try:
        found = builder_of(name).build(point)
    except Rejected as error:
        with pytest.raises(Rejected, match="^" + str(error)[:8]):
            Builder(space).build(point)
    else:
        assert Builder(space).build(point) == found


@settings(max_examples=examples(60), deadline=None)
@given(name=st.sampled_from(KNOWN), seed=st.integers(0, 2**32))
def test_points_and_spaces_are_stored_as_text(name: str, seed: int) -> None:
    space = space_of(name)
    point = space.draw(random.Random(seed))
    assert point == space.draw(random.Random(seed))
    assert space.decode(space.encode(point)) == point
    assert len(space.encode(point)) <= 400
    assert set(space.changes(point).items()) <= set(space.values(point).items())
    for bad in ("", space.encode(point) + "0", "z" * len(point), "!" * len(point)):
        with pytest.raises(ValueError, match="is no point"):
            space.decode(bad)


@pytest.mark.parametrize("name", KNOWN)
def test_a_space_can_be_read_again(name: str) -> None:
    space = space_of(name)
    assert Space.from_data(json.loads(json.dumps(space.to_data()))) == space


def only(name: str, **values: object) -> Architecture:
    """The network with some dimensions at other values than the given ones."""
    space = space_of(name)
    point = list(space.given)
    keys = [each.key for each in space.dimensions]
    for key, value in values.items():
        at = keys.index(key.replace("__", ":").replace("_of_", "/"))
        point[at] = space.dimensions[at].values.index(value)  # type: ignore[arg-type]
    return builder_of(name).build(tuple(point)).network


def test_each_dimension_changes_what_it_says() -> None:
    assert edit.find(only("tiny", widths__stem=2.0), "stem").out_channels == 16
    wide = only("tiny", widths__mixed_of_threes=0.5)
    assert [each.out_channels for each in edit.find(wide, "mixed").branches] == [4, 2]
    assert edit.find(only("tiny", kernels__mixed_of_threes=5), "mixed/threes").kernel_size == 5
    assert edit.find(only("tiny", dilations__mixed_of_threes=3), "mixed/threes").dilation == 3
    narrow = only("tiny", branches__mixed_of_ones=False)
    assert [each.name for each in edit.find(narrow, "mixed").branches] == ["threes"]
    assert isinstance(edit.find(only("tiny", residual__mixed=True), "mixed"), Residual)
    assert edit.attention_of(only("tiny", attention__mixed="cbam"), "mixed") is not None
    names = [node.name for node in only("tiny", depth__mixed=3).trunk.nodes]
    assert names[1:4] == ["mixed", "mixed_2", "mixed_3"]
    assert "mixed" not in [node.name for node in only("tiny", depth__mixed=0).trunk.nodes]


def test_without_any_shortcut() -> None:
    space = space_of("resnet-18")
    values = {each.key.replace(":", "__"): False for each in space.dimensions if each.group == "residual"}
    assert not any(isinstance(node, Residual) for _, node in walk(only("resnet-18", **values)))


def test_a_stage_of_residuals_grows() -> None:
    before, after = (edit.find(net, "layer1") for net in (get("resnet-18"), only("resnet-18", depth__layer1_of_1=3)))
    assert (len(before.nodes), len(after.nodes)) == (2, 4)


def test_training_varies_too() -> None:
    space = derive_space(get("tiny"), CONFIG, find_groups(["rate", "batch", "augmentation"]))
    point = tuple(len(each.values) - 1 for each in space.dimensions)
    config = Builder(space).build(point).config
    assert config.lr == pytest.approx(10 * CONFIG.lr)
    assert (config.batch_size, config.flip) == (4 * CONFIG.batch_size, True)
    assert config.changed(**{each.path: each.values[each.given] for each in space.dimensions}) == CONFIG


def test_what_cannot_vary_is_said() -> None:
    with pytest.raises(ValueError, match="attention cannot vary in 'LeNet-5': it has no block"):
        derive_space(get("lenet-5"), CONFIG, ["attention"])
    with pytest.raises(ValueError, match="nothing called 'kernel' to vary; did you mean kernels"):
        find_groups(["widths", "kernel"])
    with pytest.raises(ValueError, match="name at least one of widths"):
        find_groups([" "])


# ---- limits ---------------------------------------------------------------------------------------------------------


@settings(max_examples=examples(100), deadline=None)
@given(seed=st.integers(0, 2**32), key=st.sampled_from([*METRICS, "coverage"]), share=st.floats(0.25, 4))
def test_a_sample_keeps_every_limit_or_is_refused_by_it(seed: int, key: str, share: float) -> None:
    space = space_of("tiny")
    own = measure(key, space.network, analyze(space.network).totals)
    assert own is not None
    limit = parse_limit(f"{key}={min(own * share, 1) if key == 'coverage' else own * share!r}")
    point = space.draw(random.Random(seed))
    try:
        value = measure(key, builder_of("tiny").build(point).network, builder_of("tiny").build(point).totals)
    except Rejected:
        return
    try:
        sample = Builder(space, [limit]).build(point)
    except Rejected as error:
        told = str(error)
    else:
        assert sample.point == point
        told = ""
    assert value is not None
    broken = value > limit.bound if limit.side == "most" else value < limit.bound
    assert (told.startswith(f"{key} "), told == "") == (broken, not broken)


def test_a_metric_is_that_of_the_analysis() -> None:
    net = get("googlenet")
    analysis = analyze(net)
    for key, metric in METRICS.items():
        assert measure(key, net, analysis.totals) == metric.read(net, analysis)
    holes = Conv(name="holes", out_channels=4, kernel_size=3, dilation=3)
    dilated = Architecture(name="dilated", input_shape=(3, 12, 12), trunk=Sequence(name="trunk", children=(holes,)))
    assert measure("coverage", dilated, analyze(dilated).totals) == pytest.approx(9 / 49)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("params=1e6", "params ≤ 1,000,000"), ("params>=5000", "params ≥ 5,000"), ("field=32", "receptive_field ≥ 32"),
        ("memory=1e6", "training_bytes ≤ 1,000,000"), ("coverage=0.9", "coverage ≥ 0.9"), (" macs <= 7 ", "macs ≤ 7"),
    ],
)  # fmt: skip
def test_limits_are_read(text: str, told: str) -> None:
    assert str(parse_limit(text)) == told


@pytest.mark.parametrize("text", ["", "params", "params=", "parms=3", "params=x", "params=nan", "coverage=2", "a b=3"])
def test_what_is_no_limit_is_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^limit: ") as error:
        parse_limit(text)
    assert len(str(error.value)) < 400


def test_objectives() -> None:
    found = find_objectives(["macs", "accuracy", "field"])
    assert [(each.key, each.direction) for each in found] == [
        ("accuracy", "most"), ("macs", "least"), ("receptive_field", "most"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="accuracy must be among them"):
        find_objectives(["macs"])
    with pytest.raises(ValueError, match="no metric 'mac'; did you mean macs"):
        find_objectives(["accuracy", "mac"])
