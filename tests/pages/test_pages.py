"""Every page through Streamlit's own test runner: it renders, survives wrong addresses, and names stay literal."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import edit, to_json, to_link
from explorer.text import compact_shape, format_bytes, format_change, format_extent, format_si
from pages.ui.text import literal
from tests.large import densenet
from tests.networks import EACH_NETWORK
from tests.pages.parts import ROOT, design_of, mounted, open_page, set_design, unfold, visible_text
from tests.pages.sending import send

PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py") if path.stem != "people")
"""Without the one that is there only where somebody signs in: tests/browser/test_people.py."""

BAD_LINKS = ["nonsense", "1.", "1.AAAA", "1.eJwDAAAAAAE", "x" * 9000, "1.!!!", "googlenet.json", "../secret", "\x00"]


def app(page: str = "design", **query: str) -> AppTest:
    running = open_page(page, **query)
    return running.run() if page == "design" else running  # its second run shows what is below the numbers


def headline(running: AppTest) -> list[str]:
    return [metric.value for metric in running.metric]


def expected(net: str) -> list[str]:
    analysis = analyze(catalog.resolve(net))
    return [
        format_si(analysis.params),
        format_si(analysis.macs),
        format_bytes(analysis.training_bytes),
        format_bytes(analysis.inference_bytes),
        format_extent(analysis.receptive_field.size),
        compact_shape(analysis.output_shape),
    ]


def test_the_registry_of_pages_is_the_folder() -> None:
    from pages.ui.router import PAGES as registered

    assert sorted(registered) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_every_page_renders(page: str) -> None:
    assert not app(page).exception


def test_the_bare_address_leads_to_design_with_whatever_it_asks_for() -> None:
    running = AppTest.from_file(ROOT / "app.py", default_timeout=60)
    running.query_params["net"] = "residual-mnist"
    running.run().run()
    assert not running.exception
    assert headline(running) == expected("residual-mnist")
    assert design_of(running) == catalog.get("residual-mnist")


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_every_network_of_the_catalogue_opens_by_its_name(name: str) -> None:
    running = app(net=name)
    assert not running.exception
    assert not running.error
    assert headline(running) == expected(name)


def test_an_edited_network_opens_by_its_link_with_baseline_and_choice() -> None:
    base = catalog.get("googlenet")
    edited = edit.replace(base, "inception_3b/branch_5x5/conv", out_channels=160)
    running = app(net=to_link(edited), base="googlenet", at="inception_3b/branch_5x5/conv", ribbon="params")
    assert headline(running) == expected(to_link(edited))
    assert running.session_state["design"]["selected"] == "inception_3b/branch_5x5/conv"
    assert running.session_state["design"]["metric"] == "params"
    difference = analyze(edited).params - analyze(base).params
    assert running.metric[0].delta == f"+{format_si(difference)} ({format_change(analyze(edited).params, 6_998_552)})"


@pytest.mark.parametrize("link", BAD_LINKS)
def test_a_bad_link_leaves_the_design_and_says_why(link: str) -> None:
    running = app(net=link)
    assert not running.exception
    assert headline(running) == expected("googlenet")
    assert "could not be opened" in running.error[0].value


def test_a_bad_link_later_leaves_the_edited_design() -> None:
    running = app(net="inception-net")
    running.query_params["net"] = "1.broken"
    running.run()
    assert headline(running) == expected("inception-net")
    assert running.error


@pytest.mark.parametrize("at", ["nowhere", "inception_3a/nowhere/at/all", "/", "a" * 5000, "<script>"])
def test_a_path_that_is_not_there_chooses_the_nearest(at: str) -> None:
    running = app(net="googlenet", at=at)
    assert not running.exception
    assert running.session_state["design"]["selected"] in ("", "inception_3a")


def test_a_design_that_does_not_work_is_refused() -> None:
    wrong = edit.replace(catalog.get("inception-net"), "inception1", fuse="add")
    running = app(net=to_link(wrong))
    assert headline(running) == expected("googlenet")
    assert "branch" in running.error[0].value


def test_renaming_undo_redo_and_pinning() -> None:
    running = app()
    running.text_input(key="title").set_value("Mine").run()
    assert design_of(running).name == "Mine"
    send(running, ("undo_button", "press", None))
    assert design_of(running).name == "GoogLeNet"
    send(running, ("redo_button", "press", None))
    assert design_of(running).name == "Mine"
    unfold(running, "changes_popover").button(key="pin").click().run()
    assert running.session_state["design"]["baseline"].name == "Mine"


def test_a_name_of_nothing_is_refused_and_the_old_one_kept() -> None:
    running = app()
    running.text_input(key="title").set_value("   ").run()
    assert design_of(running).name == "GoogLeNet"
    assert running.error


def test_a_preset_is_picked_from_the_list_and_a_new_design_begun() -> None:
    running = app()
    unfold(running, "open_popover").selectbox(key="preset").set_value("residual-mnist")  # comes with the click
    running.button(key="open_preset").click().run()
    assert headline(running) == expected("residual-mnist")
    unfold(running, "open_popover").button(key="open_untitled").click().run()
    assert design_of(running).name == "Untitled"
    assert not running.exception


def test_a_large_network_opens_by_link_and_by_upload() -> None:
    """Its indented JSON has more than 64 KB."""
    large = densenet()
    text = to_json(large)
    assert len(text) > 64 * 1024
    running = app(net=to_link(large))
    assert design_of(running) == large
    renamed = edit.replace(large, "", name="by upload")
    uploader = unfold(running, "open_popover").file_uploader(key="upload")
    uploader.set_value([("net.json", to_json(renamed).encode(), "application/json")]).run()
    assert design_of(running) == renamed
    assert not running.exception
    assert not running.error


def test_a_head_that_does_not_fit_is_told_and_hinders_nothing() -> None:
    """Inception v3 below 287 pixels."""
    small = edit.replace(catalog.get("inception-v3"), "", input_shape=(3, 224, 224))
    running = app(net=to_link(small), at="AuxLogits")
    assert design_of(running) == small
    assert not running.exception
    assert not running.error
    assert "auxiliary head AuxLogits does not fit the image" in visible_text(running)
    assert "does not fit the image" in mounted(running, "diagram")["block"]["subtitle"]


@pytest.mark.parametrize("event", [None, 3, "edit", {}, {"command": 3}, {"command": {"do": "explode"}}])
def test_events_that_no_control_of_ours_sends(event: Any) -> None:
    running = app()
    before = design_of(running)

    def script(event):  # type: ignore[no-untyped-def]  # it is run from its text, without this file's imports
        from pages.ui import session

        session.begin()
        session.handle_edit(event)

    harness = AppTest.from_function(script, kwargs={"event": event})
    harness.run()
    assert not harness.exception
    assert design_of(harness) == before


HOSTILE = ["<img src=x onerror=alert(1)>", "](javascript:alert(1))", "$\\href{x}{y}$", "**b** _i_", ":smile:", "a\nb"]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_of_typed_text_is_escaped(text: str) -> None:
    shown = literal(text)
    for special in "<[]()$*_`:!":
        assert shown.count(special) == shown.count(f"\\{special}")
    assert "\n" not in shown


def test_the_name_of_the_design_before_is_no_name_for_this_one() -> None:
    """A browser that has not heard yet of another design sends the old name with whatever is done next."""
    running = open_page("design", net="googlenet")
    first = design_of(running).name
    set_design(running, catalog.get("inception-net-32"))
    running.run()
    assert running.text_input(key="title").value == "InceptionNet 32×32"
    running.text_input(key="title").set_value(first).run()
    assert design_of(running).name == running.text_input(key="title").value == "InceptionNet 32×32"
    # Once the browser shows the new name, the old one is a name like any other.
    running.run()
    running.text_input(key="title").set_value(first).run()
    assert design_of(running).name == first
