"""What an edited network is called: based on what it was made from, and no longer as published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explorer import catalog
from explorer.architecture import Architecture, edit, from_json, from_link, to_json, to_link
from explorer.cli import main
from explorer.comparison import compare, make_report, render_html, render_markdown

GOOGLENET = catalog.get("googlenet")
PAPER = catalog.entry("googlenet").source


def edited(count: int = 3) -> Architecture:
    after = GOOGLENET
    for block in edit.blocks(GOOGLENET)[:count]:
        after = edit.set_residual(after, block, "projection")
    return after


def emptied(architecture: Architecture) -> Architecture:
    return edit.replace(architecture, "", trunk=architecture.trunk.with_nodes(architecture.trunk.nodes[:1]))


@pytest.mark.parametrize("name", catalog.names())
def test_the_catalogue_s_own_are_what_they_are_and_edits_of_them_are_not(name: str) -> None:
    known = catalog.get(name)
    assert catalog.find_origin(known) is None
    assert catalog.describe_origin(known) == known.provenance
    path = next(node.name for node in known.trunk.nodes)
    after = edit.rename(known, path, "another")
    assert catalog.describe_origin(after).startswith(f"Based on {known.name}, only names differ · ")
    for other in (emptied(known), edit.duplicate(known, path)):
        if other == known:  # a block of one node has nothing to be emptied of
            continue
        origin = catalog.find_origin(other)
        assert origin is not None
        assert origin.entry.name == name
        assert origin.changes > 0


def test_changes_are_counted_by_structure() -> None:
    assert catalog.describe_origin(edited(1)) == f"Based on GoogLeNet, 1 change · {PAPER}"
    assert catalog.describe_origin(edited(9)) == f"Based on GoogLeNet, 9 changes · {PAPER}"
    titled = edit.replace(GOOGLENET, "", name="My network")
    assert catalog.describe_origin(titled) == f"Based on GoogLeNet, only names differ · {PAPER}"


def test_of_several_with_one_source_the_nearest() -> None:
    """The course notes have four networks of one day."""
    mine = edit.replace(edit.remove(catalog.get("dilated-cnn-121"), "conv1"), "", name="Homework")
    origin = catalog.find_origin(mine)
    assert origin is not None
    assert origin.entry.name == "dilated-cnn-121"
    assert origin.changes == 1


def test_a_network_from_elsewhere_is_left_alone() -> None:
    for provenance in ("", "my own", "as published, by me"):
        mine = edit.replace(edited(), "", provenance=provenance)
        assert catalog.describe_origin(mine) == provenance
        assert catalog.state_origin(mine) is mine


def test_it_survives_links_and_files() -> None:
    after = edited()
    assert catalog.describe_origin(from_link(to_link(after))) == catalog.describe_origin(after)
    stated = from_json(to_json(catalog.state_origin(after)))
    assert stated.provenance == f"Based on GoogLeNet, 3 changes · {PAPER}"
    more = edit.set_residual(stated, "inception_5b", "projection")
    assert catalog.describe_origin(more) == f"Based on GoogLeNet, 4 changes · {PAPER}"
    assert catalog.state_origin(GOOGLENET) is GOOGLENET


def test_reports_and_the_command_line_say_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = make_report(compare([GOOGLENET, edited()]))
    for text in (render_html(found), render_markdown(found)):
        assert "Based on GoogLeNet, 3 changes" in text
        assert text.count("as published") == 1
    file = tmp_path / "mine.json"
    file.write_text(to_json(edited()))
    assert main(["analyze", str(file)]) == 0
    assert f"Based on GoogLeNet, 3 changes · {PAPER}" in capsys.readouterr().out
    assert main(["analyze", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["origin"].startswith("Based on GoogLeNet, 3 changes")
    assert main(["export", str(file)]) == 0
    assert from_json(capsys.readouterr().out).provenance.startswith("Based on GoogLeNet, 3 changes")
    assert main(["compare", "googlenet", str(file)]) == 0
    assert "Based on GoogLeNet, 3 changes" in capsys.readouterr().out
