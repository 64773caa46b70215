"""What cannot be done says what can, and everything that is offered was tried: applied, analysed, another network."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import catalog, editor
from explorer.analysis import analyze, problems
from explorer.architecture import Architecture, ArchitectureError, Conv, Parallel, Sequence, edit, walk
from tests.editor.test_panel import controls
from tests.sizes import THOROUGH, examples


def press(architecture: Architecture, offer: dict[str, Any]) -> Architecture:
    """What a click on an offer gives: at once, without repairs, another network that works."""
    changed = editor.apply(architecture, offer["command"])
    assert changed != architecture
    assert problems(changed) == ()
    assert offer["label"]
    return changed


def refused(name: str, **command: Any) -> tuple[Architecture, str, dict[str, Architecture]]:
    architecture = catalog.get(name)
    with pytest.raises(ArchitectureError) as caught:
        editor.apply_with_repairs(architecture, command)
    offers = editor.find_ways_out(architecture, command)
    return architecture, str(caught.value), {each["label"]: press(architecture, each) for each in offers}


def test_an_even_window_at_a_stride_is_offered_with_its_padding() -> None:
    _, said, offers = refused("googlenet", do="set", path="conv1", field="kernel_size", value=6)
    assert "give the padding as a number, use an odd kernel, or 'tf_same'" in said
    conv = edit.find(offers["kernel 6, padding 2"], "conv1")
    assert (conv.kernel_size, conv.padding) == (6, 2)
    assert analyze(offers["kernel 6, padding 2"]).by_path["conv1"].output_shape == (64, 112, 112)
    assert edit.find(offers["kernel 5"], "conv1").kernel_size == 5


@pytest.mark.parametrize(
    ("name", "command", "label"),
    [
        ("inception-net-32", {"path": "inception1/branch_pool/pool", "field": "kernel_size", "value": "4"}, "kernel 5"),
        ("inception-v3", {"path": "Mixed_6a/branch3x3", "field": "kernel_size", "value": "5"}, "kernel 5, padding 1"),
        (
            "inception-v3",
            {"path": "Mixed_6a/branch3x3", "field": "kernel_size", "value": "1x5"},
            "kernel 1×5, padding same",
        ),
        ("googlenet", {"path": "conv2", "field": "groups", "value": 5}, "groups 4"),
        ("googlenet", {"path": "conv1", "field": "out_channels", "value": "99,999"}, "channels 8,192"),
        ("googlenet", {"path": "dropout", "field": "p", "value": 1}, ""),
    ],
)
def test_what_is_refused_is_offered_otherwise(name: str, command: dict[str, Any], label: str) -> None:
    _, _, offers = refused(name, do="set", **command)
    assert any(each.startswith(label) for each in offers) or not label


def test_the_channels_of_branches_that_are_added_change_together() -> None:
    ends = (Conv(name="a", out_channels=8), Conv(name="b", out_channels=8, kernel_size=3))
    split = Parallel(name="split", fuse="add", branches=ends)
    chain = Sequence(name="long", children=(Conv(name="first", out_channels=4), split))
    block = Parallel(name="block", branches=(chain, Conv(name="short", out_channels=2)))
    architecture = Architecture(
        name="nested", input_shape=(3, 16, 16), trunk=Sequence(name="trunk", children=(block,))
    )
    command = {"do": "set", "path": "block/long/split/a", "field": "out_channels", "value": 4}
    with pytest.raises(ArchitectureError, match="equal channels"):
        editor.apply_with_repairs(architecture, command)  # the repair would take back what was asked for
    changed = press(architecture, editor.find_ways_out(architecture, command)[0])
    assert [branch.out_channels for branch in edit.find(changed, "block/long/split").branches] == [4, 4]


# ---- sliders ---------------------------------------------------------------------------------------------------------


def locked(architecture: Architecture, path: str) -> list[dict[str, Any]]:
    panel = editor.describe_controls(architecture, analyze(architecture), path)
    return [control for control in controls(panel) if control.get("locked")]


@pytest.mark.parametrize(
    ("name", "path", "count"),
    [("inception-v3", "Mixed_6a", 4), ("inception-v3", "Mixed_7a", 4), ("residual-mnist", "conv1", 1)],
)
def test_a_locked_slider_says_what_must_change_first(name: str, path: str, count: int) -> None:
    architecture = catalog.get(name)
    found = locked(architecture, path)
    assert len(found) == count
    for slider in found:
        assert "No other value fits as it is: " in slider["locked"]["text"]
        first = slider["locked"]["offers"][0]
        assert first["label"].startswith("first: ")
        opened = press(architecture, first)
        commands = [each["command"] for each in locked(opened, path)]
        assert slider["command"] not in commands
        for offer in slider["locked"]["offers"][1:]:
            press(architecture, offer)


def test_a_slider_that_moves_is_not_locked() -> None:
    assert locked(catalog.get("googlenet"), "inception_3a") == []


# ---- what the messages say -------------------------------------------------------------------------------------------


def test_a_fusion_whose_pooling_branch_is_fixed_gives_all_branches_its_channels() -> None:
    v3 = catalog.get("inception-v3")
    for channels in (50, 384):
        before = edit.replace(v3, "Mixed_6a/branch3x3dbl/branch3x3dbl_1", out_channels=channels)
        for fuse in ("add", "multiply"):
            after, said = editor.apply_with_repairs(before, {"do": "fuse", "path": "Mixed_6a", "value": fuse})
            assert edit.find(after, "Mixed_6a").fuse == fuse
            assert analyze(after).by_path["Mixed_6a"].output_shape[0] == 288
            assert "Repaired: give every branch 288 channels" in said[0]


@given(st.data())
@settings(max_examples=examples(60), deadline=None)
def test_repaired_is_said_only_where_the_design_changed(data: st.DataObject) -> None:
    """And what is refused changes nothing, and offers only what works."""
    architecture = catalog.get(data.draw(st.sampled_from(["inception-net-32", "residual-mnist"])))
    fields = [(path, name) for path, node in walk(architecture) for name in type(node).model_fields]
    path, field = data.draw(st.sampled_from(fields))
    value = data.draw(st.integers(0, 40) | st.sampled_from(["add", "multiply", "same", "1×3", "identity", "max", 1000]))
    command = {"do": "set", "path": path, "field": field, "value": value}
    try:
        after, said = editor.apply_with_repairs(architecture, command)
    except ArchitectureError:
        for offer in editor.find_ways_out(architecture, command):
            press(architecture, offer)
    else:
        assert after != architecture or not said


# ---- choices that do not fit, and what is built by hand --------------------------------------------------------------


def misfits(architecture: Architecture) -> list[dict[str, Any]]:
    """What every choice that is off would send, over all nodes."""
    found: dict[str, dict[str, Any]] = {}
    for path, _ in walk(architecture):
        for control in controls(editor.describe_controls(architecture, analyze(architecture), path)):
            for option in control["options"] if control["type"] == "choice" else ():
                if not option["ok"]:
                    command = {**control["command"], "value": option["value"]}
                    found[str(command)] = command
    return list(found.values())


@pytest.mark.parametrize("name", ["residual-mnist", pytest.param("inception-net-32", marks=THOROUGH)])
def test_every_choice_that_does_not_fit_says_what_must_change_first(name: str) -> None:
    architecture = catalog.get(name)
    found = misfits(architecture)
    assert len(found) > 10
    for command in found:
        answer = editor.explain_misfit(architecture, command)
        assert answer is not None
        assert answer["text"].startswith("Not changed: ")
        assert answer["offers"], command
        for offer in answer["offers"]:
            press(architecture, offer)


@pytest.mark.parametrize(
    ("name", "command", "label"),
    [
        (
            "googlenet",
            {"do": "residual", "path": "inception_3a", "value": "identity"},
            "channels 64 of inception_3a/branch_3x3/conv, then residual identity",
        ),
        (
            "googlenet", {"do": "set", "path": "inception_3a/branch_1x1", "field": "stride", "value": 2},
            "stride 2 in 4 layers of inception_3a",
        ),
        (
            "inception-v3", {"do": "residual", "path": "Mixed_6a", "value": "projection"},
            "padding same in 3 layers of Mixed_6a, then residual projection",
        ),
        ("residual-mnist", {"do": "set", "path": "conv1", "field": "padding", "value": 2}, "padding 2"),
        (
            "residual-mnist", {"do": "set", "path": "conv1", "field": "groups", "value": 2},
            "input channels 2, then groups 2",
        ),
        ("googlenet", {"do": "insert", "place": "after", "path": "fc", "value": "conv"},
         "insert Convolution 3×3 before flatten"),
        ("googlenet", {"do": "insert", "place": "before", "path": "flatten", "value": "linear"}, "insert "),
        ("googlenet", {"do": "paste", "place": "after", "path": "fc",
                       "value": edit.copy(catalog.get("googlenet"), "inception_3a")}, "paste before flatten"),
        ("googlenet", {"do": "relocate", "path": "fc", "place": "before", "target": "conv1"}, "move it "),
        ("googlenet", {"do": "remove", "path": "flatten"}, "remove 3 layers, from flatten on"),
        ("googlenet", {"do": "rename", "path": "inception_3a", "value": "my block"}, "rename to my_block"),
        ("googlenet", {"do": "rename", "path": "inception_3a", "value": "3x3 block"}, "rename to 3x3_block"),
        ("googlenet", {"do": "width", "value": "1000"}, "width "),
        ("googlenet", {"do": "set", "path": "dropout", "field": "p", "value": 1}, "probability 0.95"),
        ("googlenet", {"do": "set", "path": "conv1", "field": "kernel_size", "value": "4×4"}, "kernel 3×3"),
        ("inception-v3", {"do": "set", "path": "Conv2d_1a_3x3", "field": "padding", "value": "smae"}, "padding same"),
    ],
    ids=lambda value: value["do"] if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_cannot_be_done_is_offered_otherwise(name: str, command: dict[str, Any], label: str) -> None:
    architecture = catalog.get(name)
    found = editor.find_ways_out(architecture, command)
    assert [each["label"] for each in found if each["label"].startswith(label)], found
    for offer in found:
        press(architecture, offer)


def test_what_fits_is_no_misfit() -> None:
    command = {"do": "residual", "path": "inception_3a", "value": "projection"}
    assert editor.explain_misfit(catalog.get("googlenet"), command) is None


def test_commands_together_are_not_nested() -> None:
    inner = {"do": "together", "commands": [{"do": "title", "value": "x"}]}
    with pytest.raises(ArchitectureError, match="nested"):
        editor.apply(catalog.get("googlenet"), {"do": "together", "commands": [inner]})
