"""Text from strangers, as a design's name, notes and provenance, appears as it was written and does nothing."""

import pytest

from explorer import catalog
from explorer.architecture import edit, to_link
from tests.browser.design import JOINER, until
from tests.browser.helpers import go, rerun, settle
from tests.sizes import THOROUGH, thorough

NAMES = {
    "image": "<img src=x onerror=alert(1)>",
    "script": "</style><script>alert(1)</script>&lt;b&gt;",
    "link": "](javascript:alert(1)) [x](http://evil.example)",
    "math": r"$\href{javascript:alert(1)}{x}$ \(a\) $$b$$",
    "template": "%{customdata} %{id} {{7*7}} ${7*7}",
    "directions": "abc\u202etxt.exe\u202c \u200fdef",
    "formula": "=cmd|' /C calc'!A0",
    "long": "W" * 120,
    "markdown": "# 1. **b** _i_ ~~s~~ `c` :red[r] :material/home: :smile: | a | --- >",
    "addresses": "www.evil.example http://evil.example/x.png me@evil.example",
}


def hostile(name, provenance):
    arch = catalog.get("inception-net-32")
    return edit.replace(arch, "", name=name, provenance=f"from {provenance}", notes=name + provenance)


def read(locator):
    """What a person reads: without the character of no width that keeps Markdown's addresses and icons apart."""
    return locator.inner_text().replace(JOINER, "")


def harmless(design):
    """No markup of the text has come to life; requests and dialogs are watched besides."""
    page = design.page
    assert page.locator("img[src='x'], .katex, math").count() == 0
    assert page.locator("a[href*='evil'], a[href^='javascript'], a[href^='mailto']").count() == 0
    shown = page.locator("[data-testid=stMarkdown] :is(h1,h2,h3,em,strong,del,table,script), .stMarkdownColoredText")
    texts = [text for text in shown.all_inner_texts() if "Click a layer" not in text]
    assert texts == []


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        ("image", "link"),
        ("markdown", "long"),
        *(  # the next test types all of these
            pytest.param(*pair, marks=THOROUGH)
            for pair in (("math", "script"), ("template", "addresses"), ("directions", "formula"), ("long", "markdown"))
        ),
    ],
)
@thorough("tests/browser/test_hostile.py::test_names_typed_into_the_field")
def test_names_in_a_link(design, kind, other):
    text, page = NAMES[kind], design.page
    design.open(to_link(hostile(text, NAMES[other])))
    design.agree()
    assert design.title() == text
    assert f"from {NAMES[other]}" in read(page.get_by_test_id("stMain"))
    assert text in page.locator(".st-key-diagram .overview-area svg").get_attribute("aria-label")
    harmless(design)
    # Nothing of it makes the page wider than the window.
    assert page.evaluate("document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth")

    with design.changing():
        design.choice("norm", "batch").click()
    design.button("changes_popover").click()
    popover = page.get_by_test_id("stPopoverBody")
    until(lambda: f"Since the baseline, {text}" in read(popover), "the list of changes")
    harmless(design)
    page.keyboard.press("Escape")
    design.button("share_popover").click()
    until(lambda: "net=1." in popover.inner_text(), "the address to share")
    harmless(design)
    page.keyboard.press("Escape")
    design.button("export_open").click()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name="Download").click()
    harmless(design)
    assert all(ch.isalnum() or ch in "-._" for ch in download.value.suggested_filename)
    page.keyboard.press("Escape")
    with rerun(page):
        page.get_by_role("tab", name="Where the cost is").click()
    picture = page.locator(".st-key-treemap .js-plotly-plot")
    until(lambda: picture.locator("path.surface").count() > 10, "the treemap")
    labels = picture.locator("text").evaluate_all("nodes => nodes.map((node) => node.textContent)")
    assert text in labels
    harmless(design)


def refuse_names_of_layers_and_paths_literally(design):
    page = design.page
    text = NAMES["image"]
    design.open(text, at=text, base=text, ribbon=text)
    until(lambda: text in design.notice(), "the name in the message, as it was written")
    harmless(design)
    assert design.title() == "GoogLeNet"
    # A path that does not exist chooses the nearest that does, or nothing; the page goes on.
    settle(page)
    design.agree()


def test_names_typed_into_the_field(design):
    """Behind such of layers and paths, in the address that a visitor comes with."""
    page = design.page
    refuse_names_of_layers_and_paths_literally(design)
    go(page, "/design?net=inception-net-32")
    until(lambda: design.title() == catalog.get("inception-net-32").name, "another network")
    title = page.locator(".st-key-title input")
    for text in NAMES.values():
        with design.changing():
            title.fill(text)
            page.keyboard.press("Enter")
        assert design.architecture.name == text
        harmless(design)
