"""``explorer.show``: one line in a notebook, which needs no script, no network and neither theme."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from IPython.core.interactiveshell import InteractiveShell

import explorer
from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import edit
from explorer.text import format_count
from tests.export.test_pictures import HOSTILE

TAGS = {"figure", "style", "b", "dl", "div", "dt", "dd", "ul", "li", "svg", "title", "desc", "rect", "polyline",
        "polygon", "text", "figcaption"}  # fmt: skip


class Reader(HTMLParser):
    """Tags, attributes and words of HTML; raises where tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def check(html: str) -> Reader:
    found = Reader(html)
    assert found.tags <= TAGS
    for name, value in found.attributes:
        assert not name.startswith("on"), name
        assert name not in ("href", "src", "xlink:href", "srcdoc")
        assert name == "xmlns" or "url(" not in (value or "")
    style = re.search("<style>(.*?)</style>", html, re.S)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    return found


@pytest.mark.parametrize("name", ["googlenet", "densenet-121", "lenet-5"])
def test_a_network_is_drawn_with_its_numbers(name: str) -> None:
    architecture = catalog.get(name)
    shown = explorer.show(architecture)
    words = check(shown._repr_html_()).words
    analysis = analyze(architecture)
    for number in (analysis.params, analysis.macs):
        assert format_count(number) in words
        assert format_count(number) in repr(shown)
    assert architecture.name in words


def test_both_themes_colour_everything_that_is_drawn() -> None:
    html = explorer.show(catalog.get("cifar-inception-cbam"))._repr_html_()
    used = set(re.findall(r'explorer-(?:fill|stroke)-([\w]+)(?=[" ])', html))
    assert len(used) > 8
    for key in used:
        assert len(re.findall(rf"--x-{key}:#[0-9a-f]{{6}}", html)) == 4, "light, dark, and a notebook's own two"
        assert f"var(--x-{key})" in html


def test_a_block_and_another_size() -> None:
    shown = explorer.show(catalog.get("googlenet"), (3, 320, 320), path="inception_3a")
    words = check(shown._repr_html_()).words
    assert "256 × 40 × 40" in words
    assert "GoogLeNet, inception_3a" in words


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(name: str) -> None:
    found = check(explorer.show(edit.replace(catalog.get("lenet-5"), "", name=name))._repr_html_())
    assert "script" not in found.tags
    if name.isprintable():
        assert name in found.words


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(TypeError, match="not a str"):
        explorer.show("googlenet")
    with pytest.raises(ValueError, match="inception_9z"):
        explorer.show(catalog.get("googlenet"), path="inception_9z")._repr_html_()


def test_a_notebook_draws_an_architecture_by_itself() -> None:
    shell = InteractiveShell()
    shell.extension_manager.load_extension("explorer")
    data, _ = shell.display_formatter.format(catalog.get("lenet-5"))
    assert check(data["text/html"]).words
