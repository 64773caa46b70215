"""The catalogue is found by the words that people use."""

from __future__ import annotations

import json

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import edit, walk
from explorer.cli import main

FOUND = {
    "空洞": {"dilated-cnn", "dilated-cnn-121", "far-sighted-cnn"},
    "空洞卷积": {"dilated-cnn", "dilated-cnn-121", "far-sighted-cnn"},
    "感受野": {"dilated-cnn", "dilated-cnn-121", "near-sighted-cnn", "far-sighted-cnn"},
    "receptive": {"dilated-cnn", "dilated-cnn-121", "near-sighted-cnn", "far-sighted-cnn"},
    "inceptionv3": {"inception-v3"},
    "v1": {"googlenet", "inception-resnet-v1"},
    "2013": {"nin"},  # not every network with a paper of that year
    "网中网": {"nin"},
    "googlenet 96": {"googlenet-96"},
    "residual mnist": {"residual-mnist"},
}
TAGGED = {
    "skip": "residual", "残差": "residual", "注意力": "attention", "批归一化": "batch norm", "分组卷积": "grouped",
    "可分离卷积": "separable", "密集连接": "dense", "轻量": "mobile", "重参数化": "reparameterised",
}  # fmt: skip
FOUND |= {word: {entry.name for entry in catalog.entries() if tag in entry.tags} for word, tag in TAGGED.items()}


def names(text: str) -> set[str]:
    return {entry.name for entry in catalog.search(text)}


@pytest.mark.parametrize("text", FOUND)
def test_words_find_their_networks_in_any_case(text: str) -> None:
    assert names(text) == FOUND[text]
    assert names(text.upper()) == names(f"  {text.title()} ") == FOUND[text]


@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: entry.name)
def test_each_is_found_by_its_own_names(entry: catalog.Entry) -> None:
    aliases = [alias for alias, name in catalog.ALIASES.items() if name == entry.name]
    for text in (entry.name, entry.title, entry.architecture.name, *aliases, *entry.tags):
        assert entry in catalog.search(text)
        assert entry in catalog.search(text, group=entry.group, tags=entry.tags)
    assert catalog.entry(entry.name.upper()) is entry
    assert entry.group in catalog.GROUPS


def test_tags_say_what_is_there() -> None:
    """A reader of the values finds what the words promise."""
    for entry in catalog.entries():
        nodes = [node for _, node in walk(entry.architecture)]
        has = {
            "residual": any(node.op == "residual" for node in nodes),
            "attention": any(node.op == "attention" for node in nodes),
            "auxiliary heads": any(node.op == "auxiliary" for node in nodes),
            "batch norm": any(getattr(node, "norm", "none") == "batch" for node in nodes),
            "dilation": any(max(node.geometry.dilation) > 1 for node in nodes if node.op == "conv"),
        }
        assert {tag for tag in has if tag in entry.tags} == {tag for tag, there in has.items() if there}, entry.name
        if edit.blocks(entry.architecture):
            assert entry in catalog.search("多尺度 1×1 branch")


def test_what_is_near_is_suggested() -> None:
    assert catalog.suggest("resnett")[0] == "resnet"
    assert catalog.suggest("qqqq") == catalog.suggest("") == []
    for word in catalog.suggest("dilatd recptive"):
        assert catalog.search(word)


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "](javascript:alert(1))", "\x00", "a" * 5000, "GoogleNett d2l"]
)
def test_an_unknown_name_is_answered_shortly_and_with_listed_names(text: str) -> None:
    with pytest.raises(ValueError, match="the catalogue has no") as caught:
        catalog.entry(text)
    message = str(caught.value)
    assert len(message) < 250
    assert sum(name in message.partition(";")[2].split() for name in catalog.names()) <= 3
    assert not set(catalog.ALIASES) & set(message.partition(";")[2].replace("?", " ").split()) - set(catalog.names())
    assert catalog.search(text) == []


def test_the_command_line_has_the_same_groups_and_search(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "空洞", "--json"]) == 0
    assert {entry["name"] for entry in json.loads(capsys.readouterr().out)} == FOUND["空洞"]
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert [out.index(title) for title in list(catalog.GROUPS.values())[:4]] == sorted(
        out.index(title) for title in list(catalog.GROUPS.values())[:4]
    )
    assert main(["list", "注意力", "--sort", "params"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[0] for line in lines] == sorted(
        FOUND["注意力"], key=lambda name: analyze(catalog.get(name)).params
    )
    assert main(["list", "--group", "lesson"]) == 0
    assert "googlenet" not in capsys.readouterr().out
    assert main(["list", "resnett"]) == 2
    assert "did you mean resnet" in capsys.readouterr().err
