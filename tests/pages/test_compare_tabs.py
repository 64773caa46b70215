"""Measured, Trade-offs and the 1×1 lesson of the Compare page, through Streamlit's own test runner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer import catalog
from explorer.analysis import METRICS, analyze
from explorer.architecture import edit, to_json, to_link
from explorer.comparison import compute_saving, find_reductions, list_stacks, pareto_front, scale_to_budget
from explorer.profiling import measurement
from explorer.profiling.__main__ import answer
from explorer.runs import Manager
from pages.ui.compare.state import parse_options
from tests.experiments.parts import finish
from tests.pages.parts import HOSTILE, JOINER, address, design_of, mounted, open_page, unfold, visible_text
from tests.pages.sending import send
from tests.sizes import ALL
from tests.training.parts import config

NAMES = ("near-sighted-cnn", "residual-mnist", "inception-net-32")
NETS = [catalog.get(name) for name in NAMES]


def app(tab: str, chosen: str = "", networks: tuple[str, ...] = NAMES) -> AppTest:
    return open_page("compare", network=list(networks), tab=tab, options=chosen)


def labels(running: AppTest) -> list[str]:
    return [each["label"] for each in running.session_state["compare"]["entries"]]


def opened(running: AppTest, tab: str) -> AppTest:
    running.query_params["tab"] = tab
    running.query_params["options"] = ""
    running.run()
    assert not running.exception
    return running


# ---- measured -------------------------------------------------------------------------------------------------------


def measure_here(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same without a process that would load PyTorch; tests/profiling starts it."""
    said: list[dict[str, Any]] = []
    answer(task, lambda **found: said.append(found))
    yield from said


def test_measured_once_and_kept(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    if not ALL:
        monkeypatch.setattr(measurement, "_lines", measure_here)
    running = app("measured", "repeats:5", NAMES[:2])
    assert "Nothing has been measured here yet" in visible_text(running)
    running.button(key="measured_begin").click().run()
    assert not running.exception
    table = next(each.value for each in running.dataframe if "median ms" in each.value)
    assert [name.replace(JOINER, "") for name in table["network"]] == [
        f"{letter} · {net.name}" for letter, net in zip("AB", NETS, strict=False)
    ]
    assert (table["median ms"] > 0).all()
    assert (table["repeats"] == 5).all()
    assert table["MACs ÷ A"][1] == pytest.approx(analyze(NETS[1]).macs / analyze(NETS[0]).macs)
    assert "PyTorch" in visible_text(running)
    assert " cores, " in visible_text(running)
    costs, roofline = mounted(running, "measured_costs"), mounted(running, "measured_roofline")
    assert [mark["x"] for mark in costs["marks"]] == [analyze(net).macs for net in NETS[:2]]
    assert [mark["y"] for mark in costs["marks"]] == pytest.approx(list(table["median ms"]))
    low, high = costs["marks"][0]["reachY"]
    assert low <= costs["marks"][0]["y"] <= high
    roof = roofline["paths"][0]["points"]
    assert roof[0][1] < roof[1][1] == roof[2][1]
    assert f"{table['median ms'][0]:.3f} ms" in costs["alt"]

    # What is there need not be measured again, whatever it is called; what is new must.
    assert running.button(key="measured_begin").disabled
    for entry in running.session_state["compare"]["entries"]:
        entry["architecture"] = edit.replace(entry["architecture"], "", name="another name")
    running.run()
    assert running.button(key="measured_begin").disabled
    running.pills(key="measured_batch").set_value(["1", "2"]).run()
    assert running.button(key="measured_begin").label == "Measure the 2 that are missing"
    assert "batch:1-2" in address(running, "options")
    axes = opened(running, "tradeoffs").selectbox(key="tradeoffs_y").options
    assert any(each.startswith("milliseconds · cpu, batch 1") for each in axes)


def test_a_run_on_the_same_device_is_named(manager: Manager) -> None:
    run = manager.create(HOSTILE, to_json(NETS[0]), config().model_dump_json())
    manager.store.update(run.id, status="running", device="cpu")
    assert HOSTILE[:60] in visible_text(app("measured"))
    manager.store.update(run.id, status="finished")
    assert HOSTILE[:60] not in visible_text(app("measured"))


def test_what_cannot_fit_is_refused_and_said(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    from explorer.runs import Device
    from pages.ui.compare import measurements

    monkeypatch.setattr(measurements, "devices", lambda: (Device(name="cpu", title="CPU", memory_bytes=1000),))
    running = app("measured", "batch:256", NAMES[:1])
    running.button(key="measured_begin").click().run()
    assert not running.exception
    assert "batch 256, eager, fp32: could not run: needs about" in visible_text(running)


# ---- trade-offs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "y"), [("macs", "receptive_field"), ("params", "training_bytes"), ("depth", "macs")])
def test_any_metric_against_any_other_and_the_front(manager: Manager, x: str, y: str) -> None:
    running = app("tradeoffs", f"x:{x},y:{y},more:catalogue")
    data = mounted(running, "tradeoffs_scatter")
    read = {key: metric.read for key, metric in METRICS.items()}
    others = [each.architecture for each in catalog.entries() if each.name not in NAMES]
    values = [(read[x](net, analyze(net)), read[y](net, analyze(net))) for net in [*NETS, *others]]
    assert [(mark["x"], mark["y"]) for mark in data["marks"]] == values
    ways = ["most" if key == "receptive_field" else "least" for key in (x, y)]
    assert [at for at, mark in enumerate(data["marks"]) if mark["front"]] == pareto_front(values, ways)  # type: ignore[arg-type]
    assert [mark["label"] for mark in data["marks"][:3]] == [net.name for net in NETS]
    for at in pareto_front(values, ways):  # type: ignore[arg-type]
        assert data["marks"][at]["label"] in data["alt"]
    running.selectbox(key="tradeoffs_x").set_value("stride").run()
    assert "x:stride" in address(running, "options")


def test_accuracy_from_runs_with_its_interval(manager: Manager) -> None:
    for seed, accuracy in enumerate((0.5, 0.6, 0.7)):
        run = manager.create("a", to_json(NETS[0]), config(seed=seed).model_dump_json())
        finish(manager, run, accuracy)
    finish(manager, manager.create("b", to_json(NETS[1]), config(seed=0).model_dump_json()), 0.9)
    running = app("tradeoffs")
    data = mounted(running, "tradeoffs_scatter")
    assert [mark["y"] for mark in data["marks"]] == pytest.approx([60.0, 90.0])
    low, high = data["marks"][0]["reachY"]
    assert (low + high) / 2 == pytest.approx(60)
    assert high - low == pytest.approx(2 * 4.302653 * 10 / 3**0.5, rel=1e-5)  # Student's t, two degrees of freedom
    assert data["marks"][1]["reachY"] is None
    assert f"Not known, so left out: {NETS[2].name}" in visible_text(running)


def test_a_point_of_the_catalogue_joins_the_comparison(manager: Manager) -> None:
    running = app("tradeoffs", "more:catalogue")
    running.session_state["compare_point"] = "catalogue:googlenet"
    running.run()
    running.button(key="tradeoffs_add").click().run()
    assert not running.exception
    assert labels(running)[3] == catalog.get("googlenet").name
    assert mounted(running, "tradeoffs_scatter")["marks"][3]["colour"]


def test_the_cloud_its_front_and_a_point_of_it(manager: Manager) -> None:
    running = app("tradeoffs", "part:cloud,count:300,seed:7,kernels:3-5,around:C")
    running.button(key="cloud_begin").click().run()
    assert not running.exception
    found = running.session_state["compare_cloud"]["cloud"]
    assert (found.seed, found.architecture, found.ranges.kernels) == (7, NETS[2], (3, 5))
    assert len(found.points) + found.refused == 300
    data = mounted(running, "cloud_scatter")
    assert data["dots"]["keys"] == [str(point.number) for point in found.points]
    best = found.front(macs="least", receptive_field="most")
    assert [mark["key"] for mark in data["marks"] if mark["front"]] == [str(point.number) for point in best]
    running.selectbox(key="tradeoffs_cy").set_value("params").run()
    best = found.front(macs="least", params="least")
    data = mounted(running, "cloud_scatter")
    assert [mark["x"] for mark in data["marks"] if mark["front"]] == [point.totals.macs for point in best]

    unfold(running, "cloud_picture")
    assert [each.proto.label for each in running.get("download_button")] == ["SVG", "PDF", "TikZ"]

    running.session_state["compare_cloud"]["chosen"] = str(best[0].number)
    running.run()
    variant = found.variant(best[0].number)
    running.button(key="cloud_add").click().run()
    assert labels(running)[3] == variant.name
    assert running.session_state["compare"]["entries"][3]["architecture"] == variant
    running.button(key="cloud_open").click().run()
    assert not running.exception
    assert design_of(running) == variant


def test_ranges_that_make_no_sense_are_said(manager: Manager) -> None:
    running = app("tradeoffs", "part:cloud,low:300,high:50")
    assert "width" in visible_text(running)
    running.button(key="cloud_begin").click().run()
    assert not running.exception
    assert "compare_cloud" not in running.session_state
    running = app("tradeoffs", "part:cloud,below:avgpool,count:100", ("googlenet",))
    running.button(key="cloud_begin").click().run()
    assert "no layer may change" in visible_text(running)


def test_equal_budget_or_a_clear_cannot(manager: Manager) -> None:
    running = app("tradeoffs", "part:budget,scale:C,like:A,budget:params")
    found = scale_to_budget(NETS[2], analyze(NETS[0]).params, "params")
    assert found.reached
    assert f"{found.value:,} parameters" in visible_text(running)
    running.button(key="budget_add").click().run()
    added = running.session_state["compare"]["entries"][3]["architecture"]
    assert added.trunk == found.architecture.trunk
    running.selectbox(key="tradeoffs_like").set_value("own").run()
    running.number_input(key="tradeoffs_target").set_value(1).run()
    assert not running.exception
    assert "Cannot be made equal: at its narrowest" in visible_text(running)


# ---- the lesson -----------------------------------------------------------------------------------------------------


def test_the_numbers_of_the_lesson(manager: Manager) -> None:
    running = app("lesson")
    assert [metric.value for metric in running.metric][:2] == ["221,184", "129,024"]
    running.slider(key="lesson_reduce").set_value(192).run()
    found = compute_saving(192, 192, 128, (3, 3), 28 * 28)
    assert running.metric[1].value == f"{found.through:,}"
    data = mounted(running, "lesson_picture")
    assert (data["marks"][0]["x"], data["marks"][0]["y"]) == (192, found.through)
    assert data["marks"][1]["x"] == pytest.approx(found.break_even)
    assert address(running, "options") == "reduce:192"
    running.button(key="lesson_192-16-32-5x5-28").click().run()
    assert running.metric[0].value == f"{192 * 32 * 25:,}"
    assert running.slider(key="lesson_in").value == 192


def test_what_every_reduction_of_a_network_saves(manager: Manager) -> None:
    net = catalog.get("googlenet")
    running = app("lesson", "of:B,at:inception_3a/branch_5x5/reduce", (NAMES[0], "googlenet"))
    found = find_reductions(net)
    table = next(each.value for each in running.dataframe if "weights without" in each.value)
    assert list(table["weights without"]) == [each.saving.direct for each in found]
    assert list(table["network's params without"]) == [each.delta.params for each in found]
    running.button(key="lesson_add").click().run()
    bare = edit.remove(net, "inception_3a/branch_5x5/reduce")
    assert running.session_state["compare"]["entries"][2]["architecture"].trunk == bare.trunk
    assert "has no 1×1" in visible_text(app("lesson", "", ("near-sighted-cnn",)))


def test_small_kernels_for_a_large_one(manager: Manager) -> None:
    running = app("lesson", "large:7,wide:32")
    table = next(each.value for each in running.table if "field" in each.value)
    expected = list_stacks(7, 32, 28)
    assert list(table["weights"]) == [f"{each.totals.params:,}" for each in expected]
    assert set(table["field"]) == {"7"}


def test_a_layer_is_counted_with_its_numbers(manager: Manager) -> None:
    running = app("lesson", "part:count", ("googlenet",))
    running.selectbox(key="lesson_layer").set_value("inception_3b/branch_5x5/conv").run()
    assert "32 · 96 · 5 · 5 · 28 · 28 = 60,211,200" in running.code[0].value
    assert address(running, "options").endswith("layer:inception_3b/branch_5x5/conv")


def test_a_1x1_by_hand_can_be_edited_and_goes_back_to_the_notes(manager: Manager) -> None:
    running = app("lesson", "part:hand")
    data = mounted(running, "lesson_mixing")
    assert data["equations"][0] == "0.5 · 1 + (−0.5) · 2 = −0.5, ReLU 0"
    send(running, ("lesson_mixing", "set", {"what": "weight", "map": 1, "place": 0, "value": 0.5}))
    data = mounted(running, "lesson_mixing")
    assert (data["weights"], data["outputs"][0]) == ([0.5, 0.5], "1.5")
    send(running, ("lesson_mixing", "set", {"what": "map", "map": 0, "place": 8, "value": -3}))
    send(running, ("lesson_mixing", "at", 8))
    kept = address(running, "options")
    again = mounted(app("lesson", kept), "lesson_mixing")
    assert (again["maps"][0][8], again["at"], again["weights"]) == (-3, 8, [0.5, 0.5])
    for wrong in ({"what": "map", "map": 7, "place": 0, "value": 1}, {"what": "bias", "value": "x"}, 5):
        send(running, ("lesson_mixing", "set", wrong))
        assert mounted(running, "lesson_mixing")["maps"] == again["maps"]
    running.button(key="lesson_mixing_reset").click().run()
    assert mounted(running, "lesson_mixing")["weights"] == [0.5, -0.5]


def test_a_1x1_in_place_of_a_linear_head(manager: Manager) -> None:
    running = app("lesson", "part:head,made:8,given:12")
    table = running.table[0].value
    assert table.iloc[0, -1].startswith("do not fit: its weights expect 1,024 numbers")
    assert list(table.iloc[1:, -1]) == ["fit", "fit"]
    scores = next(each.value for each in running.dataframe if "class 1" in each.value)
    assert list(scores.iloc[0]) == list(scores.iloc[1])
    running.slider(key="lesson_given").set_value(8).run()
    assert running.table[0].value.iloc[0, -1] == "fit"


# ---- addresses ------------------------------------------------------------------------------------------------------

BAD = [
    "x", ":", "x:", "x:<script>", "in:-5,reduce:999999999,out:0,kernel:99x99,map:1e9,of:Z,at:../..", "part:nothing",
    "part:cloud,around:Z,count:0,seed:-1,kernels:,low:x", "batch:7-x,device:cuda%3A0,repeats:0", "x:macs," * 300,
    "part:hand,weights:1e9_x,mapa:1_2,bias:-,place:99", "part:count,layer:../..",
    "part:head,channels:0,made:999,given:x",
    "part:budget,scale:Z,like:Z,budget:fame,target:0", "kernel:0x0,large:4,wide:0", "\x00", "y:time.cpu",
]  # fmt: skip


@pytest.mark.parametrize("tab", ["measured", "tradeoffs", "lesson"])
def test_bad_options_give_the_usual(manager: Manager, tab: str) -> None:
    for text in BAD:
        app(tab, text, NAMES[:2])


def test_options_survive_as_text() -> None:
    found = parse_options("in:192,bad,kernel:1x7,<b>:x,at:a/b-c_1")
    assert found == {"in": "192", "kernel": "1x7", "at": "a/b-c_1"}


def test_names_stay_literal(manager: Manager) -> None:
    link = to_link(edit.replace(NETS[2], "", name=HOSTILE))
    for tab, text in (("tradeoffs", ""), ("tradeoffs", "part:budget"), ("lesson", "")):
        running = app(tab, text, (NAMES[0], link))
        written = [each.value for kind in (running.markdown, running.caption, running.success) for each in kind]
        live = [re.sub(r"\\.", "", each) for each in written]  # what is escaped is shown as it is
        assert not any("<" in each or "](" in each or "**b" in each for each in live)
        options = any(HOSTILE[:20] in str(box.options) for box in running.selectbox)
        assert HOSTILE[:20] in visible_text(running) or options
