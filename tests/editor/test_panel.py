"""The panel: every control's command works, and every ribbon's points are what the analysis says of that value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from explorer import catalog, editor
from explorer.analysis import METRICS, Sweep, analyze, headline_metrics
from explorer.architecture import Architecture, ArchitectureError, branches, edit, walk
from tests.networks import nodes_with_something_new
from tests.sizes import ALL, THOROUGH


def controls(panel: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for card in (*panel["cards"], panel["network"]):
        yield from card.get("controls", ())
        for group in card.get("groups", ()):
            yield from group["controls"]


def buttons(panel: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for card in panel["cards"]:
        yield from card.get("actions", ())
        yield from card.get("icons", ())
    for control in controls(panel):
        yield from control.get("buttons", ())


def panel_of(name: str, path: str, metric: str = "macs") -> dict[str, Any]:
    architecture = catalog.get(name)
    return editor.describe_controls(architecture, analyze(architecture), path, metric=metric)


SOME = list(nodes_with_something_new())
EVERY_NODE = [
    *SOME,
    *(
        pytest.param(name, node.name, marks=THOROUGH)
        for name in catalog.names()
        for node in catalog.get(name).trunk.nodes
        if (name, node.name) not in SOME
    ),
]


@pytest.mark.parametrize(("name", "path"), EVERY_NODE)
def test_every_node_of_the_catalogue_has_a_panel_that_travels_as_json(name: str, path: str) -> None:
    panel = panel_of(name, path)
    assert panel["title"] == path
    assert json.loads(json.dumps(panel)) == panel


@pytest.mark.parametrize("name", ["googlenet", "inception-net", "inception-a-mnist", "dilated-cnn"])
@pytest.mark.parametrize("metric", list(headline_metrics()))
def test_ribbon_points_are_the_analysis_of_that_value(name: str, metric: str) -> None:
    architecture = catalog.get(name)
    path = edit.blocks(architecture)[0] if edit.blocks(architecture) else "conv2"
    panel = panel_of(name, path, metric)
    ribbons = [control for control in controls(panel) if control["type"] == "ribbon"]
    assert ribbons
    for ribbon in ribbons:
        values = [value for value, _, _ in ribbon["points"]]
        assert values == sorted(set(values))
        assert ribbon["value"] in values
        for value, number, text in ribbon["points"][:: max(1, len(values) // 6)]:
            try:
                changed = editor.apply(architecture, {**ribbon["command"], "value": value})
                expected = METRICS[metric].read(changed, analyze(changed))
            except ArchitectureError:
                expected = None
            assert number == expected
            assert text


def test_the_current_value_stands_for_the_network_as_it_is() -> None:
    panel = panel_of("googlenet", "inception_4e")
    for ribbon in controls(panel):
        if ribbon["type"] == "ribbon":
            (number,) = [number for value, number, _ in ribbon["points"] if value == ribbon["value"]]
            assert number == analyze(catalog.get("googlenet")).macs


@pytest.mark.parametrize(
    ("name", "path"), [("googlenet", "inception_3a"), ("residual-mnist", "rblock1"), ("inception-v3", "Mixed_6a")]
)
def test_everything_offered_can_be_done(name: str, path: str) -> None:
    architecture = catalog.get(name)
    panel = panel_of(name, path)
    for control in controls(panel):
        for option in control.get("options", ()):
            if option.get("ok", True):
                analyze(editor.apply_with_repairs(architecture, {**control["command"], "value": option["value"]})[0])
    for button in buttons(panel):
        if not button["off"]:
            analyze(editor.apply_with_repairs(architecture, button["command"])[0])
    for card in panel["cards"]:
        for menu in (card.get("change", {}), card.get("add", {})):
            for option in menu.get("options", ()):
                command = {**menu["command"], "value": option["value"]}
                if not option.get("ok", True):  # all kinds are there; one that does not fit says why
                    told = editor.explain_misfit(architecture, command)
                    assert told
                    assert told["text"].startswith("Not changed: ")
        for option in card.get("change", {}).get("options", ()):
            command = {**card["change"]["command"], "value": option["value"]}
            if option["ok"]:
                analyze(editor.apply_with_repairs(architecture, command)[0])
        for option in card.get("add", {}).get("options", ()):
            if not option.get("ok", True):
                continue
            command = {**card["add"]["command"], "value": option["value"]}
            try:
                analyze(editor.apply_with_repairs(architecture, command)[0])
            except ArchitectureError as error:  # what cannot stand there is offered, too, and told why
                assert command["do"] == "insert" and "was not inserted here" in str(error)  # noqa: PT017, PT018


def test_menus_of_branches_have_every_kind() -> None:
    """Also those that do not fit: in a block of stride 2 some make maps of another size."""
    panel = panel_of("inception-v3", "Mixed_6a")
    menus = [card[name] for card in panel["cards"] for name in ("change", "add") if name in card]
    kinds = [menu["options"] for menu in menus if menu.get("command", {}).get("do") in ("change_kind", "add_branch")]
    assert len(kinds) == 4
    for options in kinds:
        assert [option["value"] for option in options] == list(branches.BRANCH_KINDS)
    assert any(not option["ok"] for options in kinds for option in options)


def test_options_that_would_not_fit_are_off() -> None:
    panel = panel_of("googlenet", "inception_3a")
    (residual,) = [control for control in controls(panel) if control["label"] == "residual"]
    assert {option["value"]: option["ok"] for option in residual["options"]} == {
        "off": True,
        "identity": False,  # 192 channels in, 256 out
        "projection": True,
    }


def test_the_chosen_layer_shows_all_its_settings() -> None:
    few = {control["label"] for control in controls(panel_of("googlenet", "inception_3a")) if "label" in control}
    path = "inception_3a/branch_3x3/conv"
    panel = panel_of("googlenet", path)
    (group,) = [g for card in panel["cards"] for g in card.get("groups", ()) if g["path"] == path]
    labels = {control.get("label") for control in group["controls"]}
    assert {"channels", "kernel", "dilation", "stride", "groups", "norm", "activation"} <= labels
    assert "groups" not in few


def test_the_baseline_is_marked_on_the_ribbon() -> None:
    before = catalog.get("googlenet")
    path = "inception_3a/branch_3x3/conv"
    now = edit.replace(before, path, out_channels=200)
    panel = editor.describe_controls(now, analyze(now), "inception_3a", baseline=before)
    ribbons = [control for control in controls(panel) if control["type"] == "ribbon"]
    (ribbon,) = [r for r in ribbons if (r["command"].get("path"), r["label"]) == (path, "channels")]
    assert (ribbon["value"], ribbon["base"]) == (200, 128)


def test_nothing_chosen_and_wrong_questions() -> None:
    panel = panel_of("googlenet", "")
    assert panel["cards"] == []
    assert "Click" in panel["subtitle"]
    with pytest.raises(ValueError, match="metric"):
        panel_of("googlenet", "inception_3a", "colour")
    with pytest.raises(ArchitectureError, match="nowhere"):
        panel_of("googlenet", "nowhere")


@pytest.mark.parametrize("value", [1, 3, 16, 63, 64, 65, 100, 1000, 4096, 8000, 8192])
def test_channel_sliders_reach_twice_the_value_in_even_steps(value: int) -> None:
    values = editor.channel_values(value)
    assert value in values
    assert values[-1] >= min(2 * value, 8192)
    assert len(values) <= 66
    assert all(1 <= each <= 8192 for each in values)


@pytest.mark.parametrize(
    "name", ["cifar-inception-residual-cbam", pytest.param("inception-v3", marks=THOROUGH)]  # the large one: 5 seconds
)
def test_every_layer_can_be_chosen(name: str) -> None:
    """Of Inception v3, but for the blocks that are built like the one before them."""
    architecture = catalog.get(name)
    again = ("Mixed_5c", "Mixed_5d", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7c")
    paths = [path for path, _ in walk(architecture) if not path.startswith(again)]
    analysis, sweep = analyze(architecture), Sweep()
    for path in paths if ALL else paths[::4]:
        found = editor.describe_controls(architecture, analysis, path, metric="receptive_field", sweep=sweep)
        assert found["chosen"] == path


def test_a_panel_of_some_fields_keeps_their_controls_and_nothing_else() -> None:
    network = catalog.get("googlenet")
    whole = editor.describe_controls(network, analyze(network), "inception_3a/branch_3x3/conv")
    kept = editor.describe_controls(
        network, analyze(network), "inception_3a/branch_3x3/conv", fields=("kernel_size", "dilation")
    )
    groups = [group for card in kept["cards"] for group in card["groups"]]
    fields = {control["command"]["field"] for group in groups for control in group["controls"]}
    assert fields == {"kernel_size", "dilation"}
    assert all(group["controls"] for group in groups)
    assert not any(name in card for card in kept["cards"] for name in ("actions", "icons", "add", "change", "controls"))
    assert kept["network"] == whole["network"]
    same = [control for control in controls(whole) if control.get("command", {}).get("field") in fields]
    assert [control for group in groups for control in group["controls"]] == same


WINDOWS = ("kernel_size", "dilation", "stride", "padding")


def windows_of(architecture: Architecture, path: str) -> dict[str, list[dict[str, Any]]]:
    """The controls of the chosen layer's stride and padding, where windows alone are asked for."""
    analysis = analyze(architecture)
    panel = editor.describe_controls(architecture, analysis, path, metric="receptive_field", fields=WINDOWS)
    (group,) = [group for card in panel["cards"] for group in card["groups"] if group["path"] == path]
    return {
        field: [control for control in group["controls"] if control["command"]["field"] == field]
        for field in ("stride", "padding")
    }


@pytest.mark.parametrize(
    ("name", "path", "fields", "stride", "padding"),
    [
        ("googlenet", "conv2", {}, 1, [0, 1, 2]),
        ("googlenet", "conv1", {"padding": 3}, 2, [*range(7)]),
        ("googlenet", "pool1", {"padding": (1, 0)}, 2, [0, 1]),  # of a pooling at most half of the kernel
        ("dilated-cnn", "conv2", {"kernel_size": 5, "dilation": 3}, 1, [0, 2, 4, 6, 8, 10, 12]),
    ],
)
def test_stride_and_padding_are_ribbons_where_they_fit(
    name: str, path: str, fields: dict[str, Any], stride: int, padding: list[int]
) -> None:
    architecture = edit.replace(catalog.get(name), path, **fields)
    found = windows_of(architecture, path)
    (steps,) = found["stride"]
    assert (steps["type"], steps["value"]) == ("ribbon", stride)
    assert [value for value, number, _ in steps["points"] if number is not None][:3] == [1, 2, 3]
    node = edit.find(architecture, path)
    sides = found["padding"]
    assert len(sides) == 1 + isinstance(node.padding, tuple)
    for axis, ribbon in enumerate(sides):
        assert [value for value, number, _ in ribbon["points"] if number is not None] == padding
        for value, number, _ in ribbon["points"]:
            if number is not None:
                changed = editor.apply(architecture, {**ribbon["command"], "value": value})
                assert METRICS["receptive_field"].read(changed, analyze(changed)) == number
                both = edit.find(changed, path).padding
                assert (both[axis] if isinstance(both, tuple) else both) == value
    (same,) = sides[0]["words"]
    again = editor.apply(architecture, same["command"])
    assert edit.find(again, path).padding == "same"
    (standing,) = windows_of(again, path)["padding"]
    assert standing["text"] == "same"
    as_number = editor.apply(again, {**standing["command"], "value": standing["value"]})
    one, other = ([row.output_shape for row in analyze(each).layers] for each in (as_number, again))
    assert one == other


def test_stride_and_padding_that_cannot_move_are_buttons() -> None:
    """In a branch nothing else fits; and 'same' of an even or an oblong window is no one number."""
    found = windows_of(catalog.get("googlenet"), "inception_3a/branch_3x3/conv")
    assert [each["type"] for field in found.values() for each in field] == ["choice", "choice"]
    for kernel in (4, (1, 7)):
        network = edit.replace(catalog.get("googlenet"), "conv2", kernel_size=kernel, padding="same")
        assert [each["type"] for each in windows_of(network, "conv2")["padding"]] == ["choice"]
    for padding in ("tf_same", ((0, 1), (1, 0))):
        network = edit.replace(catalog.get("googlenet"), "conv2", padding=padding)
        assert [each["type"] for each in windows_of(network, "conv2")["padding"]] == ["choice"]


def test_a_button_that_is_off_says_why() -> None:
    off = [each["hint"] for each in buttons(panel_of("googlenet", "inception_3a/branch_3x3/conv")) if each["off"]]
    assert "Move branch_1x1 up: it is the first" in off
    assert "Move branch_pool down: it is the last" in off
    assert "Move this layer later: it is the last" in off
    alone = [each["hint"] for each in buttons(panel_of("inception-block", "inception")) if each["off"]]
    assert any(each.endswith(": there is no other block") for each in alone)
