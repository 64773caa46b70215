"""Edits return new values, share what they leave alone, and never change what they were given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import analyze, problems, repair
from explorer.architecture import (
    Architecture,
    ArchitectureError,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    Node,
    Parallel,
    Residual,
    Sequence,
    branches,
    diff,
    edit,
    to_json,
    walk,
)
from tests.sizes import examples
from tests.strategies import architectures

GOOGLENET = catalog.get("googlenet-torchvision")
SETTINGS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


def paths(architecture: Architecture) -> list[str]:
    return [path for path, _ in walk(architecture)]


def shared(before: Architecture, after: Architecture) -> set[str]:
    """Paths whose nodes are the very same objects."""
    old = dict(walk(before))
    return {path for path, node in walk(after) if old.get(path) is node}


def test_replace_shares_every_other_node() -> None:
    text = to_json(GOOGLENET)
    path = "inception_4c/branch_3x3/conv"
    after = edit.replace(GOOGLENET, path, out_channels=99)
    assert to_json(GOOGLENET) == text
    assert edit.find(after, path).out_channels == 99
    assert set(paths(after)) - shared(GOOGLENET, after) == {"inception_4c", "inception_4c/branch_3x3", path}


def test_a_copy_forgets_what_was_worked_out_for_the_original() -> None:
    """Hashes and plans are kept on nodes; an edited copy must not inherit them."""
    path = "inception_4c/branch_3x3/conv"
    before = analyze(GOOGLENET)
    hash(GOOGLENET)
    after = edit.replace(GOOGLENET, path, out_channels=99)
    assert analyze(after).by_path[path].output_shape[0] == 99
    assert analyze(after).params != before.params
    assert hash(after) != hash(GOOGLENET)
    again = Architecture.model_validate_json(to_json(after))
    assert again == after
    assert hash(again) == hash(after)
    assert analyze(again).totals == analyze(after).totals
    renamed = edit.rename(GOOGLENET, path, "other")
    assert analyze(renamed).by_path["inception_4c/branch_3x3/other"].path.endswith("other")
    assert path not in analyze(renamed).by_path


@settings(max_examples=examples(300), **SETTINGS)
@given(architectures(), st.data())
def test_any_edit_leaves_the_original_alone(architecture: Architecture, data: st.DataObject) -> None:
    assume(paths(architecture))
    text = to_json(architecture)
    path = data.draw(st.sampled_from(paths(architecture)))
    change: Callable[[], Architecture] = data.draw(
        st.sampled_from(
            [
                lambda: edit.remove(architecture, path),
                lambda: edit.duplicate(architecture, path),
                lambda: edit.move(architecture, path, data.draw(st.integers(-3, 3))),
                lambda: edit.rename(architecture, path, "another"),
                lambda: edit.scale_width(architecture, 1.5),
                lambda: edit.set_residual(architecture, path, "projection"),
                lambda: edit.set_attention(architecture, path, "se"),
                lambda: edit.set_style(architecture, path, norm="batch", activation="silu"),
                lambda: edit.put(architecture, path, Dropout(name=path.rpartition("/")[2])),
                lambda: edit.insert(architecture, path.rpartition("/")[0], Dropout(name="dropout"), 0),
            ]
        )
    )
    try:
        after = change()
    except ArchitectureError as error:
        assert error.problems  # noqa: PT017
    else:
        assert Architecture.model_validate_json(to_json(after)) == after
        assert (diff(architecture, after) == []) == (to_json(architecture) == to_json(after))
        problems(after)
    assert to_json(architecture) == text


@pytest.mark.parametrize("path", ["inception_4c", "inception_5b", "conv2"])
@pytest.mark.parametrize("shortcut", ["identity", "projection"])
def test_residual_and_back(path: str, shortcut: str) -> None:
    wrapped = edit.set_residual(GOOGLENET, path, shortcut, scale=0.2)
    node = edit.find(wrapped, path)
    assert isinstance(node, Residual)
    assert (node.shortcut, node.scale, node.body.name) == (shortcut, 0.2, "body")
    assert edit.set_residual(wrapped, path, None) == GOOGLENET
    assert edit.set_residual(GOOGLENET, path, None) is GOOGLENET


@pytest.mark.parametrize("kind", ["se", "cbam", "eca"])
def test_attention_and_back(kind: str) -> None:
    for start in (GOOGLENET, edit.set_residual(GOOGLENET, "inception_4c", "projection")):
        with_attention = edit.set_attention(start, "inception_4c", kind)  # type: ignore[arg-type]
        found = edit.attention_of(with_attention, "inception_4c")
        assert found is not None
        assert edit.find(with_attention, found).kind == kind
        assert problems(with_attention) == ()
        assert edit.attention_of(edit.set_attention(with_attention, "inception_4c", None), "inception_4c") is None
        assert edit.set_attention(with_attention, "inception_4c", None) == start


def test_attention_and_residual_in_either_order_come_apart_again() -> None:
    both = edit.set_residual(edit.set_attention(GOOGLENET, "inception_4c", "se"), "inception_4c", "projection")
    other = edit.set_attention(edit.set_residual(GOOGLENET, "inception_4c", "projection"), "inception_4c", "se")
    assert analyze(both).totals == analyze(other).totals
    for architecture in (both, other):
        bare = edit.set_residual(edit.set_attention(architecture, "inception_4c", None), "inception_4c", None)
        assert bare == GOOGLENET


def test_scale_width() -> None:
    half = edit.scale_width(GOOGLENET, 0.5)
    assert problems(half) == ()
    for (path, before), (_, after) in zip(walk(GOOGLENET), walk(half), strict=True):
        if isinstance(before, Conv):
            assert after.out_channels == before.out_channels // 2, path
        if isinstance(before, Linear):
            kept = path in ("fc", "auxiliary_1/fc2", "auxiliary_2/fc2")
            assert after.out_features == (before.out_features if kept else before.out_features // 2)
    assert edit.scale_width(GOOGLENET, 1) == GOOGLENET
    assert all(n.out_channels >= 1 for _, n in walk(edit.scale_width(GOOGLENET, 0.01)) if isinstance(n, Conv))
    assert all(n.out_channels <= 8192 for _, n in walk(edit.scale_width(GOOGLENET, 100)) if isinstance(n, Conv))
    for factor in (0, -1, 101, float("nan")):
        with pytest.raises(ArchitectureError, match="width factor"):
            edit.scale_width(GOOGLENET, factor)


def test_scale_width_keeps_groups_divisible() -> None:
    layers = (
        Conv(name="a", out_channels=8),
        Conv(name="b", out_channels=16, groups=4),
        Conv(name="c", out_channels="same", groups="depthwise", kernel_size=3),
    )
    grouped = Architecture(name="g", input_shape=(4, 16, 16), trunk=Sequence(name="trunk", children=layers))
    for factor in (0.3, 0.9, 1.3, 5):
        assert edit.find(edit.scale_width(grouped, factor), "b").out_channels % 4 == 0


def test_apply_to_all_blocks() -> None:
    net = catalog.get("inception-net-32")
    model = edit.replace(net, "inception1/branch_3x3/conv", dilation=2, activation="silu")
    model = edit.replace(model, "inception1/branch_5x5/conv", kernel_size=7)
    model = edit.set_residual(edit.set_attention(model, "inception1", "cbam"), "inception1", "projection", 0.5)
    after = edit.apply_to_all_blocks(model, "inception1")
    assert problems(after) == ()
    block = edit.find(after, "inception2")
    assert isinstance(block, Residual)
    assert (block.shortcut, block.scale) == ("projection", 0.5)
    nodes = {path.rpartition("/")[2] + "@" + path.split("/")[-2]: node for path, node in walk(block, "inception2")}
    assert (nodes["conv@branch_3x3"].dilation, nodes["conv@branch_3x3"].activation) == (2, "silu")
    assert nodes["conv@branch_5x5"].kernel_size == 7
    assert any(node.op == "attention" for node in nodes.values())
    assert edit.find(after, "inception1") is edit.find(model, "inception1")
    plain = edit.apply_to_all_blocks(edit.set_residual(after, "inception1", None), "inception1")
    assert not isinstance(edit.find(plain, "inception2"), Residual)
    with pytest.raises(ArchitectureError, match="no parallel branches"):
        edit.apply_to_all_blocks(net, "fc")


def test_move() -> None:
    names = [node.name for node in edit.find(GOOGLENET, "inception_3a").nodes]
    moved = edit.move(GOOGLENET, "inception_3a/branch_1x1", 2)
    order = [node.name for node in edit.find(moved, "inception_3a").nodes]
    assert order == [names[1], names[2], names[0], names[3]]
    assert edit.move(moved, "inception_3a/branch_1x1", -2) == GOOGLENET
    assert edit.move(GOOGLENET, "inception_3a/branch_1x1", -5) == GOOGLENET
    assert [str(change) for change in diff(GOOGLENET, moved)] == ["inception_3a/branch_1x1: moved from place 1 to 3"]


def test_duplicate_remove_insert() -> None:
    twice = edit.duplicate(GOOGLENET, "inception_3a/branch_1x1")
    assert edit.find(twice, "inception_3a").branches[1].name == "branch_1x1_2"
    assert edit.remove(twice, "inception_3a/branch_1x1_2") == GOOGLENET
    thrice = edit.duplicate(twice, "inception_3a/branch_1x1_2")
    assert "inception_3a/branch_1x1_3" in paths(thrice)
    full = GOOGLENET
    for _ in range(4):
        full = edit.duplicate(full, "inception_3a/branch_1x1")
    with pytest.raises(ArchitectureError, match="at most 8 branches"):
        edit.insert(full, "inception_3a", branches.one_by_one())
    with pytest.raises(ArchitectureError, match="does not hold a list"):
        edit.insert(GOOGLENET, "conv1", Dropout(name="x"))
    one = Architecture(
        name="one",
        input_shape=(3, 8, 8),
        trunk=Sequence(name="t", children=(Parallel(name="block", branches=(branches.one_by_one(),)),)),
    )
    with pytest.raises(ArchitectureError, match="at least one branch"):
        edit.remove(one, "block/branch_1x1")
    with pytest.raises(ArchitectureError, match="cannot be removed"):
        edit.remove(edit.set_residual(one, "block", "projection"), "block/body")


@pytest.mark.parametrize("kind", branches.BRANCH_KINDS)
def test_every_kind_of_branch_can_be_added(kind: str) -> None:
    _, make = branches.BRANCH_KINDS[kind]
    net = edit.insert(catalog.get("inception-net-32"), "inception1", make())
    assert problems(net) == ()
    assert len(edit.find(net, "inception1").branches) == 5


@pytest.mark.parametrize(
    ("path", "fields", "expected"),
    [
        ("conv1", {"out_channels": 0}, "conv1: out_channels (=0) must be at least 1"),
        ("conv1", {"kernel_sise": 3}, "conv1: a conv has no 'kernel_sise'; it has"),
        ("inception_3a/branch_3x3/conv", {"kernel_size": 99}, "inception_3a/branch_3x3/conv: kernel_size (=99)"),
        ("inception_3a/branch_1x1", {"name": "branch_3x3"}, "inception_3a: two"),
        ("inception_3a/branch_9x9", {"bias": True}, "inception_3a: there is no 'branch_9x9' in inception_3a; it holds"),
        ("", {"input_shape": (3, 1, 1)}, "input_shape (=(3, 1, 1)) must be"),
        ("conv1/" + "x" * 10_000, {"bias": True}, "it holds nothing"),
        ("<script>", {"bias": True}, "there is no '<script>' in the trunk"),
    ],
)
def test_refused_edits(path: str, fields: dict[str, object], expected: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        edit.replace(GOOGLENET, path, **fields)
    assert expected in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_diff_lists_changes_by_path() -> None:
    after = edit.replace(GOOGLENET, "conv1", kernel_size=(5, 7), out_channels=32)
    after = edit.remove(after, "inception_5a")
    after = edit.insert(after, "", Dropout(name="extra"), 3)
    after = edit.replace(after, "", name="mine", notes="not compared")
    assert [str(change) for change in diff(GOOGLENET, after)] == [
        "network: name GoogLeNet (torchvision) → mine",
        "conv1: channels 64 → 32",
        "conv1: kernel 7 → 5×7",
        "extra: added dropout",
        "inception_5a: removed parallel",
    ]
    assert diff(GOOGLENET, GOOGLENET) == []


@settings(max_examples=examples(200), **SETTINGS)
@given(architectures(), architectures())
def test_diff_is_empty_only_between_equals(a: Architecture, b: Architecture) -> None:
    if to_json(edit.replace(a, "", notes="")) != to_json(edit.replace(b, "", notes="")):
        assert diff(a, b)
    assert diff(a, a) == []


def test_repairs_make_a_broken_network_work() -> None:
    residual = edit.set_residual(GOOGLENET, "inception_4e", "identity")
    broken = edit.replace(residual, "inception_4a", fuse="add")
    assert len(problems(broken)) == 2
    repaired, _ = repair(broken)
    assert problems(repaired) == ()
    assert edit.find(repaired, "inception_4e").shortcut == "projection"


def test_set_classes() -> None:
    ten = edit.set_classes(GOOGLENET, 10)
    assert analyze(ten).output_shape == (10,)
    assert edit.find(ten, "auxiliary_2/fc2").out_features == 10
    assert edit.find(ten, "auxiliary_2/fc1").out_features == 1024
    with pytest.raises(ArchitectureError, match="no linear layer"):
        edit.set_classes(catalog.get("inception-block"), 10)


def test_a_convolution_classifies_where_its_maps_are_pooled_to_one_number_each() -> None:
    head = (
        Dropout(name="dropout"),
        Sequence(name="classifier", children=(Conv(name="conv", out_channels=5), GlobalPool(name="pool"))),
        Flatten(name="flatten"),
    )

    def network(*layers: Node) -> Architecture:
        return Architecture(name="NiN", input_shape=(3, 16, 16), trunk=Sequence(name="trunk", children=layers))

    nin = network(Conv(name="conv", out_channels=8), *head)
    assert edit.classifiers(nin) == ["classifier/conv"]
    assert edit.count_classes(nin) == {"classifier/conv": 5}
    assert analyze(edit.set_classes(nin, 7)).output_shape == (7,)
    wide = edit.scale_width(nin, 2)
    assert (edit.find(wide, "conv").out_channels, edit.find(wide, "classifier/conv").out_channels) == (16, 5)
    assert edit.classifiers(network(*nin.trunk.children[:2])) == [], "maps are no scores"
    assert edit.classifiers(network(Conv(name="conv", out_channels=8), Flatten(name="flatten"))) == []
    assert edit.classifiers(network(*nin.trunk.children, Linear(name="fc", out_features=3))) == ["fc"]


def test_attention_keeps_its_reduction_or_takes_the_one_that_is_given():
    attentive = edit.set_attention(GOOGLENET, "inception_4c", "se", 4)
    path = edit.attention_of(attentive, "inception_4c")
    assert path is not None

    def now(architecture: Architecture) -> tuple[str, int]:
        node = edit.find(architecture, path)
        return node.kind, node.reduction

    assert now(attentive) == ("se", 4)
    assert now(edit.set_attention(attentive, "inception_4c", "cbam")) == ("cbam", 4)
    assert now(edit.set_attention(attentive, "inception_4c", "se", 8)) == ("se", 8)


def test_attention_of_all_blocks_is_the_models():
    model = edit.set_attention(GOOGLENET, "inception_4c", "cbam", 4)
    model = edit.replace(model, edit.attention_of(model, "inception_4c") or "", spatial_kernel=3)
    model = edit.set_attention(model, "inception_3a", "se", 2)  # one that is there is changed, too
    changed = edit.apply_to_all_blocks(model, "inception_4c")
    for block in edit.blocks(changed):
        node = edit.find(changed, edit.attention_of(changed, block) or "")
        assert (node.kind, node.reduction, node.spatial_kernel) == ("cbam", 4, 3)


def test_columns_open_the_one_sequence_that_is_the_networks_body() -> None:
    def stage(name: str) -> Sequence:
        return Sequence(name=name, children=(Conv(name="conv", out_channels=4),))

    def network(*nodes: Node) -> Architecture:
        return Architecture(name="Stages", input_shape=(3, 16, 16), trunk=Sequence(name="trunk", children=nodes))

    body = Sequence(name="features", children=(Conv(name="0", out_channels=4), *(stage(str(n)) for n in range(1, 5))))
    opened = network(Conv(name="stem", out_channels=4), body, GlobalPool(name="pool"))
    inside = [f"features/{n}" for n in range(5)]
    assert [*edit.columns(opened)] == ["stem", *inside, "pool"]
    assert all(edit.find(opened, path) is node for path, node in edit.columns(opened).items())
    assert edit.column_of(opened, "features/3/conv") == "features/3"
    assert [edit.column_of(opened, path) for path in ("", "stem", "features")] == ["", "stem", "features"]
    few = network(edit.with_fields(body, children=body.children[:4]))
    assert [*edit.columns(few)] == ["features"]
    assert edit.column_of(few, "features/3/conv") == "features"
    two = network(body, edit.with_fields(body, name="more"))  # stages of stages: they are the columns themselves
    assert [*edit.columns(two)] == ["features", "more"]
