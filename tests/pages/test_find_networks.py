"""Every list of networks is searched as the catalogue is: by the words of the course notes, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer import catalog
from tests.pages.parts import open_page, unfold, visible_text
from tests.sizes import first


def options(running: AppTest, key: str) -> list[str]:
    """The networks of the catalogue that a list offers, by their titles."""
    widget = running.multiselect(key=key) if key == "train_designs" else running.selectbox(key=key)
    titles = [each.partition(" · ")[0] for each in widget.options]
    return [entry.name for entry in catalog.entries() if entry.title in titles]


@pytest.mark.parametrize(
    ("page", "popover", "key"),
    first(3, [
        ("design", "open_popover", "preset"), ("train", "", "train_designs"), ("inspect", "", "inspect_entry"),
        ("compare", "compare_add", "compare_catalogue"), ("ablate", "", "ablate_net"),
    ]),
)  # fmt: skip
def test_a_list_finds_what_the_catalogue_finds(home: Path, page: str, popover: str, key: str) -> None:
    running = open_page(page)
    if page == "design":
        running.run()
    if page == "ablate":
        running.segmented_control(key="ablate_view").set_value("New ablation").run()
    if page == "inspect":
        running.session_state["inspect_own_box"] = True
        running.run()
        running.segmented_control(key="inspect_source").set_value("Catalogue").run()
    if popover:
        unfold(running, popover)
    everything = options(running, key)
    assert everything == catalog.names()
    for words in ("感受野", "atrous", "resnet mnist"):
        running.text_input(key=f"{key}_search").set_value(words).run()
        assert not running.exception
        found = [entry.name for entry in catalog.search(words)]
        if key == "train_designs":  # several can be chosen: those that are stay, and none is added
            assert running.multiselect(key=key).value == ["inception-net-32"]
            assert set(options(running, key)) == {*found, "inception-net-32"}
        else:
            assert running.selectbox(key=key).value == found[0]
            assert options(running, key) == found
        assert f"{len(found)} of {len(everything)} networks match." in visible_text(running)
    running.text_input(key=f"{key}_search").set_value("Gogglenet").run()
    assert "Did you mean googlenet" in visible_text(running)
    assert options(running, key) == everything


def test_what_is_chosen_elsewhere_stays_beside_a_search(home: Path) -> None:
    running = open_page("ablate")
    running.segmented_control(key="ablate_view").set_value("New ablation").run()
    running.text_input(key="ablate_net_search").set_value("atrous").run()
    running.button(key="preset_homework").click().run()
    assert not running.exception
    assert running.selectbox(key="ablate_net").value == "inception-net-32"


def test_the_network_beside_the_first_is_searched_and_none_is_chosen_by_it(home: Path) -> None:
    running = open_page("receptive_field")
    running.text_input(key="field_other_search").set_value("atrous").run()
    assert not running.exception
    assert running.selectbox(key="field_other").value == ""
    assert options(running, "field_other") == [entry.name for entry in catalog.search("atrous")]
    running.selectbox(key="field_other").set_value("dilated-cnn").run()
    running.text_input(key="field_other_search").set_value("resnet").run()
    assert not running.exception
    assert running.selectbox(key="field_other").value == "dilated-cnn"
