"""The Catalogue page: its list, searched and filtered; the family tree; and the ways from it."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from explorer import catalog
from explorer.analysis import analyze
from explorer.comparison import list_published
from explorer.text import format_si
from tests.number_style import check_page
from tests.pages.parts import address, design_of, mounted, open_page
from tests.pages.sending import send

TREE = "catalogue_family"


def listed(running: AppTest) -> list[str]:
    return [each.value for each in running.subheader]


def test_catalogue_search() -> None:
    running = open_page("catalogue", view="list")
    groups = {key: [entry.title for entry in catalog.entries() if entry.group == key] for key in catalog.GROUPS}
    assert [each.label for each in running.expander if each.label.startswith("**")] == [
        f"**{catalog.GROUPS[key]}** · {len(titles)}" for key, titles in groups.items() if titles
    ]
    assert listed(running) == groups["course"]  # the others are folded
    assert sorted(listed(open_page("catalogue", view="list", sort="name"))) == sorted(
        entry.title for entry in catalog.entries()
    )
    for key, titles in groups.items():
        if titles:
            assert listed(open_page("catalogue", view="list", group=key)) == titles
    running.text_input(key="search").set_value("residual mnist").run()
    assert listed(running) == [catalog.entry("residual-mnist").title]
    running.text_input(key="search").set_value("no such thing").run()
    assert running.info
    running.text_input(key="search").set_value("resnett").run()
    assert "Did you mean resnet or resnext?" in running.info[0].value


def test_what_was_searched_and_chosen_is_in_the_address() -> None:
    running = open_page("catalogue", q="ReceptiVe", sort="params", **{"with": "dilation"})
    found = ["far-sighted-cnn", "dilated-cnn", "dilated-cnn-121"]
    assert listed(running) == [catalog.entry(name).title for name in found]
    running.selectbox(key="catalogue_order").set_value("")
    running.get_by_key("catalogue_group").set_value("course").run()
    assert listed(running) == [catalog.entry(name).title for name in found[1:]]
    kept = {name: address(running, name) for name in ("q", "group", "with")}
    assert kept == {"q": "ReceptiVe", "group": "course", "with": "dilation"}
    assert "sort" not in running.query_params
    assert listed(open_page("catalogue", **kept)) == listed(running)
    assert listed(open_page("catalogue", view="list", group="nothing", sort="<script>")) == listed(
        open_page("catalogue", view="list")
    )


def test_the_tree_has_every_member_of_the_family_with_our_numbers_and_published_ones() -> None:
    tree = mounted(open_page("catalogue"), TREE)
    assert {node["name"] for node in tree["nodes"]} == {entry.name for entry in catalog.family()}
    for node in tree["nodes"]:
        entry = catalog.entry(node["name"])
        now = analyze(entry.architecture)
        assert node["numbers"][0] == f"{format_si(now.params)} params"
        assert node["numbers"][1] == f"{format_si(now.macs)} MACs"
        told = dict(node["facts"])
        for each in (entry, *catalog.forms(entry)):
            fact = catalog.published_accuracy(each)
            if fact is not None:
                of = "" if each is entry else f" of {each.title}"
                assert fact.source in told[f"top-1 on ImageNet{of}"]


def test_who_searches_comes_to_the_list_and_back_to_the_tree_at_will() -> None:
    running = open_page("catalogue")
    assert not listed(running)
    running.text_input(key="search").set_value("residual mnist").run()
    assert listed(running) == [catalog.entry("residual-mnist").title]
    running.get_by_key("catalogue_view").set_value("tree").run()
    assert mounted(running, TREE)["nodes"]
    assert (address(running, "view"), address(running, "q")) == ("tree", "residual mnist")
    running.text_input(key="search").set_value("dilated").run()
    assert all("ilated" in title or "dilation" in title for title in listed(running)[:2])


def test_a_network_of_the_tree_is_chosen_and_opened_in_design_or_compared() -> None:
    running = send(open_page("catalogue"), (TREE, "choose", "inception-v3"))
    assert address(running, "network") == "inception-v3"
    assert mounted(open_page("catalogue", network="inception-v3"), TREE)["chosen"] == "inception-v3"
    for nothing in ("inception-net", "<script>", 7):
        assert mounted(send(running, (TREE, "choose", nothing)), TREE)["chosen"] == ""
    opened = send(open_page("catalogue"), (TREE, "open", "googlenet-torchvision"))
    assert design_of(opened) == catalog.get("googlenet-torchvision")
    compared = send(open_page("catalogue"), (TREE, "compare", "googlenet-torchvision"))
    assert any(
        each["origin"] == "catalogue:googlenet-torchvision" for each in compared.session_state["compare"]["entries"]
    )
    assert mounted(send(open_page("catalogue"), (TREE, "open", "no such network")), TREE)


def test_a_step_between_generations_is_shown_with_live_numbers_and_walked() -> None:
    running = send(open_page("catalogue", network="inception-v4"), (TREE, "step", "two-3x3"))
    assert (address(running, "view"), address(running, "step")) == ("changes", "two-3x3")
    step = catalog.step("two-3x3")
    numbers = running.table[0].value
    assert numbers.loc["parameters"].tolist() == ["102,400", "73,728", "−28 %"]
    for side, block in (("before", step.before), ("after", step.after)):
        drawn = mounted(running, f"step_diagram_{side}")
        assert drawn["block"]["title"] == block.name
        assert drawn["block"]["description"].count("conv to 64 channels") == len(block.trunk.nodes[0].nodes)
    names = [each.name for each in catalog.steps()]
    running.button(key="step_next").click().run()
    assert address(running, "step") == names[names.index("two-3x3") + 1]
    assert not open_page("catalogue", view="changes", step="<script>").exception


def test_every_step_is_shown_without_a_fault() -> None:
    running = open_page("catalogue", view="changes")
    for step in catalog.steps():
        running.selectbox(key="catalogue_step").set_value(step.name).run()
        assert not running.exception, step.name
        check_page(running)


def test_accuracy_against_cost_names_the_source_of_each_point() -> None:
    running = open_page("catalogue", view="accuracy")
    found = {point.entry.name: point for point in list_published()}
    marks = {mark["key"]: mark for mark in mounted(running, "catalogue_accuracy")["marks"]}
    assert set(marks) == set(found)
    for name, mark in marks.items():
        assert (mark["x"], mark["y"]) == (found[name].macs, found[name].accuracy.value)
        assert found[name].accuracy.source in dict(mark["facts"])["source"]
    running.get_by_key("catalogue_axis").set_value("params").run()
    assert address(running, "against") == "params"
    marks = {mark["key"]: mark for mark in mounted(running, "catalogue_accuracy")["marks"]}
    assert all(mark["x"] == found[name].params for name, mark in marks.items())
    send(running, ("catalogue_accuracy", "choose", "inception-v3"))
    assert mounted(running, "catalogue_accuracy")["chosen"] == "inception-v3"
