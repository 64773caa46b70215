"""The Compare page through Streamlit's own test runner: choosing, addresses, and whose numbers are shown."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer import catalog, training
from explorer.analysis import analyze
from explorer.architecture import Architecture, Conv, Sequence, edit, to_json, to_link
from explorer.profiling import CONVENTIONS, count_by_convention
from explorer.runs import Manager, Point, Run
from tests.pages.parts import (
    HOSTILE,
    ROOT,
    address,
    design_of,
    messages,
    mounted,
    open_page,
    plain,
    press,
    unfold,
    visible_text,
)

USUAL = ["googlenet", "googlenet-torchvision", "inception-v3"]
SMALL = ["residual-mnist", "inception-a-mnist", "inception-net-32"]
TABS = ("side", "differences", "counts")
pytestmark = pytest.mark.usefixtures("home")


def app(network: list[str] | None = None, **query: str) -> AppTest:
    return open_page("compare", **({"network": network} if network is not None else {}), **query)


def networks(running: AppTest) -> list[str]:
    """Of the address, in order."""
    value = running.query_params.get("network", [])
    return [value] if isinstance(value, str) else value


def labels(running: AppTest) -> list[str]:
    """Of the cards, in order."""
    cards = [plain(each.value) for each in running.markdown if re.match(r"\*\*[A-D]\*\* ", each.value)]
    return [text[6:] for text in cards]


def table(running: AppTest, place: int = 0) -> list[list[str]]:
    """Header and rows of a table, as they are read."""
    frame = running.table[place].value.reset_index()
    return [[plain(str(cell)) for cell in row] for row in [list(frame.columns), *frame.to_numpy().tolist()]]


def finished(manager: Manager, network: Architecture, name: str = "done", accuracy: float = 0.5, seed: int = 0) -> Run:
    """A run that ended some time ago, with curves of two epochs."""
    config = training.recipe("course", "digits").changed(seed=seed)
    run = manager.create(name, to_json(network), config.model_dump_json())
    points = [Point(series="train/loss", step=step, value=1 / step, seconds=step / 10) for step in range(1, 65)]
    points += [
        Point(series="epoch/test/accuracy", step=step, value=accuracy * step / 64, seconds=step) for step in (32, 64)
    ]
    manager.store.record(run.id, points, step=64, steps=64, epoch=2, seconds=6.4)
    manager.store.update(run.id, status="finished", device="cpu")
    return manager.store.get(run.id)


# ---- choosing -------------------------------------------------------------------------------------------------------


def test_the_first_visit_shows_something_telling() -> None:
    running = app()
    assert networks(running) == USUAL
    assert labels(running) == [catalog.get(name).name for name in USUAL]
    header, *rows = table(running)
    (macs,) = [row for row in rows if row[0] == "MACs"]
    assert macs[2].startswith(f"**{analyze(catalog.get('googlenet-torchvision')).macs:,}** ★")
    assert "−84,295,680, −5.3 %" in macs[2]
    assert header[1:] == ["A: GoogLeNet", "B: GoogLeNet (torchvision)", "C: Inception v3"]
    assert [each["label"] for each in mounted(running, "compare_stages")["networks"]] == labels(running)


def test_an_edited_design_stands_beside_what_it_was_made_from() -> None:
    running = AppTest.from_file(ROOT / "app.py", default_timeout=60)
    edited = edit.replace(catalog.get("residual-mnist"), "", name="Mine")
    running.query_params["net"], running.query_params["base"] = to_link(edited), "residual-mnist"
    running.run().run()
    press(running, "compare_button")
    assert labels(running)[:2] == [catalog.get("residual-mnist").name, "Mine"]
    assert networks(running)[:2] == ["residual-mnist", to_link(edited)]
    # Edited further and brought again, it takes its own place.
    running.switch_page("pages/design.py").run()
    running.text_input(key="title").set_value("Mine too").run()
    press(running, "compare_button")
    assert labels(running)[1] == "Mine too"
    assert len(labels(running)) == 3
    assert "Mine too has taken the place of Mine" in messages(running)


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_with_one_to_four_networks(tab: str) -> None:
    running = app(["residual-mnist"], tab=tab)
    for count, name in enumerate(["inception-a-mnist", "inception-net-32", "near-sighted-cnn"], start=2):
        unfold(running, "compare_add").selectbox(key="compare_catalogue").set_value(name)  # comes with the click
        press(running, "compare_add_button")
        assert networks(running)[count - 1 :] == [name]
        assert not running.session_state["compare_add"]
    assert address(running, "tab") == ("" if tab == "side" else tab)
    unfold(running, "compare_add")
    press(running, "compare_add_button")
    assert "holds up to 4 networks" in messages(running)
    assert len(networks(running)) == 4


def test_order_and_removal() -> None:
    running = app(SMALL)
    press(running, "compare_right_0")
    assert networks(running) == [SMALL[1], SMALL[0], SMALL[2]]
    press(running, "compare_left_2")
    assert networks(running) == [SMALL[1], SMALL[2], SMALL[0]]
    assert running.button(key="compare_left_0").disabled
    press(running, "compare_remove_1")
    press(running, "compare_remove_0")
    assert networks(running) == [SMALL[0]]
    assert running.button(key="compare_remove_0").disabled
    assert labels(running) == [catalog.get(SMALL[0]).name]


def test_open_in_design_and_come_back() -> None:
    running = app(SMALL, tab="differences", pair="AC")
    press(running, "compare_open_1")
    assert design_of(running) == catalog.get(SMALL[1])
    assert running.text_input(key="title").value == catalog.get(SMALL[1]).name
    # By the menu: no address asks for anything.
    running.switch_page("pages/compare.py")
    running.query_params.clear()
    running.run()
    assert networks(running) == SMALL
    assert (address(running, "tab"), address(running, "pair")) == ("differences", "AC")
    assert running.selectbox(key="compare_after").value == 2


def test_json_and_links_are_added_and_what_was_typed_stays() -> None:
    mine = edit.replace(catalog.get("residual-mnist"), "", name=HOSTILE)
    running = app(["residual-mnist"])
    unfold(running, "compare_add").segmented_control(key="compare_source").set_value("json").run()
    running.text_area(key="compare_json").set_value('{"name": 3}').run()
    press(running, "compare_add_button")
    assert "Not added: the text" in messages(running)
    assert running.text_area(key="compare_json").value == '{"name": 3}'
    running.text_area(key="compare_json").set_value(to_json(mine))  # comes with the click
    press(running, "compare_add_button")
    assert labels(running)[1] == HOSTILE
    unfold(running, "compare_add").segmented_control(key="compare_source").set_value("link").run()
    running.text_input(key="compare_link").set_value("http://localhost/design?net=gogglenet").run()
    press(running, "compare_add_button")
    assert "did you mean googlenet" in messages(running)
    running.text_input(key="compare_link").set_value("http://localhost/design?net=inception-net-32&at=x")  # so does it
    press(running, "compare_add_button")
    assert networks(running) == ["residual-mnist", to_link(mine), "inception-net-32"]
    for key in ("side", "differences", "counts"):
        running.session_state["compare_tab"] = {"side": "Side by side", "differences": "Differences"}.get(
            key, "Other tools' counts"
        )
        running.run()
        assert not running.exception


def test_networks_of_one_name_are_told_apart() -> None:
    network = catalog.get("residual-mnist")
    same, like = edit.replace(network, "", notes="other"), edit.replace(network, "", name=f"{network.name} (1)")
    running = app(["residual-mnist", to_link(same), to_link(like)])
    assert len(set(labels(running))) == 3


# ---- addresses ------------------------------------------------------------------------------------------------------

BAD = {
    "garbage": (["1.!!not//a link"], "characters that a link never has"),
    "too long": (["1." + "A" * 9000], "at most 8,192 are allowed"),
    "unknown name": (["<script>alert(1)</script>"], "the catalogue has no"),
    "no such run": (["20200101-000000-abcdef"], "20200101-000000-abcdef"),
    "no run at all": (["2<b>"], "is no run"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_network_in_the_address_is_named_and_the_rest_is_shown(kind: str) -> None:
    links, reason = BAD[kind]
    running = app(["residual-mnist", *links])
    assert "could not be opened" in messages(running)
    assert reason in messages(running)
    assert len(running.error) == 1
    assert networks(running) == ["residual-mnist"]
    # Where nothing of it can be opened, the page begins as for anybody.
    assert networks(app(links)) == USUAL


def test_five_networks_and_markup_in_names() -> None:
    evil = to_link(edit.replace(catalog.get("residual-mnist"), "", name=HOSTILE))
    running = app([*SMALL, evil, "googlenet"], tab="<b>", pair="ZZ")
    assert "more networks than a comparison holds; the first 4 are shown" in messages(running)
    assert labels(running) == [*(catalog.get(name).name for name in SMALL), HOSTILE]
    assert networks(running) == [*SMALL, evil]
    assert (address(running, "tab"), address(running, "pair")) == ("", "")
    shown = mounted(running, "compare_stages")["networks"][3]["label"]
    assert shown == HOSTILE  # the component writes it as text


def test_a_bad_address_later_keeps_what_is_there() -> None:
    running = app(SMALL)
    running.query_params["network"] = ["1.broken"]
    running.run()
    assert "could not be opened" in messages(running)
    assert networks(running) == SMALL


def test_networks_too_large_for_an_address_are_still_compared() -> None:
    def different(seed: int) -> Architecture:
        names = [sha256(f"{seed} {index}".encode()).hexdigest() for index in range(120)]  # which nothing shortens
        convs = tuple(Conv(name=name, out_channels=8) for name in names)
        return Architecture(name=f"large {seed}", input_shape=(3, 32, 32), trunk=Sequence(name="trunk", children=convs))

    running = app(["residual-mnist"])
    kept = None
    for seed in range(3):
        unfold(running, "compare_add").segmented_control(key="compare_source").set_value("json").run()
        running.text_area(key="compare_json").set_value(to_json(different(seed), indent=None)).run()
        press(running, "compare_add_button")
        if "still holds an earlier comparison" in messages(running):
            break
        kept = networks(running)
    assert "still holds an earlier comparison" in messages(running)
    assert "JSON" in messages(running)
    assert networks(running) == kept
    unfold(running, "compare_report")
    assert any("too large for an address" in each.value for each in running.markdown)


# ---- what the tabs say ----------------------------------------------------------------------------------------------


def test_differences_add_up_to_the_totals() -> None:
    running = app(["residual-mnist", "googlenet", "googlenet-torchvision"], tab="differences", pair="BC")
    fewer = running.dataframe[0].value.to_dict("records")
    assert "that cost nothing are left out" in visible_text(running)
    running.toggle(key="compare_quiet").set_value(False).run()
    assert address(running, "options") == "quiet:0"
    frame = running.dataframe[0].value
    before, after = (analyze(catalog.get(name)).totals for name in ("googlenet", "googlenet-torchvision"))
    sums, *steps = frame.to_dict("records")
    for metric in ("params", "macs", "training_bytes"):
        assert sums[metric] == sum(step[metric] for step in steps) == getattr(after, metric) - getattr(before, metric)
    (windows,) = (step for step in steps if step["change"].startswith("kernel 5 → 3 in 9 convolutions: inception_3a/"))
    assert windows["macs"] == -84_295_680
    assert sums["field"] == max(after.receptive_field.size) - max(before.receptive_field.size)
    marks = mounted(running, "compare_marked")["marks"]
    assert "inception_3a" in marks[0]
    assert "inception_3a" in marks[1]
    assert [each["letter"] for each in mounted(running, "compare_marked")["networks"]] == ["B", "C"]
    assert fewer[0] == sums
    assert 1 < len(fewer) < len(steps)
    running.selectbox(key="compare_after").set_value(0).run()
    running.selectbox(key="compare_before").set_value(0).run()
    assert not running.exception
    assert "no difference" in messages(running)
    assert address(running, "pair") == "AA"


def test_a_pair_that_is_gone_gives_way_to_the_first_two() -> None:
    running = app(["residual-mnist", "googlenet"], tab="differences")
    press(running, "compare_remove_1")
    assert "Add a second network" in messages(running)
    assert address(running, "pair") == ""
    unfold(running, "compare_add").selectbox(key="compare_catalogue").set_value("inception-a-mnist").run()
    press(running, "compare_add_button")
    assert running.selectbox(key="compare_after").value == 1
    assert running.dataframe


def test_the_ledger_reaches_every_total_from_ours() -> None:
    running = app(["googlenet-torchvision", "residual-mnist"], tab="counts")
    header, *rows = table(running)
    assert header[1:] == ["A GoogLeNet (torchvision)", "B Residual network on MNIST"]
    networks = [catalog.get("googlenet-torchvision"), catalog.get("residual-mnist")]
    totals = [count_by_convention(network) for network in networks]
    for at, row in enumerate(rows):
        assert row[1:] == [f"{each[at].total:,}" for each in totals]
    assert len(running.table) == len(CONVENTIONS)  # all totals, and every convention but ours
    number = lambda text: 0 if text == "–" else int(text.replace(",", ""))  # noqa: E731
    for place, key in enumerate(list(CONVENTIONS)[1:], start=1):
        _, *steps = table(running, place)
        for column in (1, 2):
            *parts, theirs = [number(row[column]) for row in steps]
            assert sum(parts) == theirs, key
    assert table(running, 2)[-1][1] == "1,498,391,752"


def test_the_tools_themselves_and_their_summaries() -> None:
    running = app(["residual-mnist", "inception-a-mnist"], tab="counts")
    before = len(running.table)
    running.session_state["compare_tools"] = True
    running.run()
    assert not running.exception
    assert len(running.table) == before + 5
    assert not running.warning
    running.session_state["compare_tab"] = "Side by side"
    running.session_state["compare_summaries"] = True
    running.run()
    assert not running.exception
    assert all("Total params" in mounted(running, f"compare_summary_{place}_text")["text"] for place in (0, 1))


def test_bars_open_a_stage_and_stay_open() -> None:
    running = app(["residual-mnist", "inception-a-mnist"], options="stage:2,metric:params")
    labels = [group["label"] for group in mounted(running, "compare_bars")["groups"]]
    assert mounted(running, "compare_branches")["title"] == "Parameters inside stride 2"
    assert "stride 2" in labels
    running.segmented_control(key="side_metric").set_value("receptive_field").run()
    assert mounted(running, "compare_bars")["groups"][0]["bars"][0]["text"].endswith("px")
    assert address(running, "options") == "stage:2,metric:receptive_field"
    press(running, "compare_open_0")
    running.switch_page("pages/compare.py").run()
    assert mounted(running, "compare_branches")["title"] == "Receptive field inside stride 2"
    # What no network has is not opened.
    assert "branches" not in str(app(["residual-mnist"], options="stage:999,metric:<b>").main)


def test_runs_bring_their_accuracy_and_curves(home: Path) -> None:
    manager = Manager(home)
    network = catalog.get("inception-net-32")
    runs = [finished(manager, network, name, accuracy, seed)
            for name, accuracy, seed in ((HOSTILE, 0.5, 0), ("other", 0.75, 1))]  # fmt: skip
    running = app(["residual-mnist", runs[1].id])
    assert labels(running) == ["Residual network on MNIST", "other"]
    rows = running.dataframe[0].value.to_dict("records")
    assert [(row["network"], row["test accuracy"], row["seed"]) for row in rows] == [("B", 75.0, 1), ("B", 50.0, 0)]
    curves = mounted(running, "compare_curves")
    assert [run["title"] for run in curves["runs"]] == ["B · other", f"B · {HOSTILE}"[:84]]
    assert {panel["key"]: len(panel["lines"]) for panel in curves["panels"]} == {"loss": 2, "accuracy": 2}
    assert networks(running) == ["residual-mnist", runs[1].id]
    unfold(running, "compare_add").segmented_control(key="compare_source").set_value("run").run()
    running.selectbox(key="compare_run").set_value(runs[0].id).run()
    press(running, "compare_add_button")
    assert labels(running)[2] == HOSTILE


def test_the_report_carries_the_address() -> None:
    running = unfold(app(SMALL, tab="counts"), "compare_report")
    assert not running.exception
    shown = running.code[0].value
    assert shown.endswith("network=residual-mnist&network=inception-a-mnist&network=inception-net-32&tab=counts")


def test_a_network_of_the_catalogue_is_brought_along() -> None:
    running = app(SMALL)
    running.switch_page("pages/catalogue.py")
    running.query_params["view"], running.query_params["sort"] = "list", "name"  # by family it is folded
    press(running.run(), "compare_googlenet")
    assert networks(running) == [*SMALL, "googlenet"]


@pytest.mark.parametrize(("tab", "menu"), [("side", "compare_growth_picture"), ("tradeoffs", "tradeoffs_picture")])
def test_a_chart_is_taken_away_for_a_paper(tab: str, menu: str) -> None:
    running = unfold(app(SMALL, tab=tab), menu)
    labels_of_menu = [each.proto.label for each in running.get("download_button")]
    assert labels_of_menu == ["SVG", "PDF", "TikZ"]
    assert "eceptive field" in visible_text(running)
