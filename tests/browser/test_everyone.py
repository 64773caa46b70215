"""Every page, tab and popover for everyone: axe-core finds nothing in light or dark, signs are glyphs, focus shows."""

from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from explorer import challenges
from explorer.catalog import get
from explorer.experiments import plan, start
from explorer.runs import Point, series
from explorer.training import open_manager, recipe
from pages.ui import router
from tests.browser.design import until
from tests.browser.helpers import each_look, go, open_app, settle
from tests.challenges.parts import small, trained
from tests.experiments.parts import finish
from tests.sizes import ALL, THOROUGH

PAGES = {
    # In `make test` the same pages with fewer layers, fewer networks.
    "design": f"/design?net={'googlenet&at=inception_3b' if ALL else 'inception-net-32&at=inception1'}/branch_5x5/conv",
    "compare": "/compare",
    "compare_lesson": "/compare?tab=lesson&options=part:hand",
    "train": "/train",
    "ablate": "/ablate",
    "search": "/search",
    "challenges": "/challenges",
    "inspect": "/inspect",
    "receptive_field": "/receptive_field?net=googlenet&at=inception_3b",
    "catalogue": "/catalogue?network=inception-v3",
    "catalogue_changes": "/catalogue?view=changes&step=inception-residual",
    "catalogue_accuracy": "/catalogue?view=accuracy",
    "catalogue_list": f"/catalogue?view=list{'' if ALL else '&q=inception-resnet'}",
}
FURTHER_VIEWS = {"compare_lesson", "catalogue_changes", "catalogue_accuracy", "catalogue_list"}
"""Of a page that is looked at in another view; they have its parts, so that they wait for `make test-all`."""
SIZE = (1280, 900)
ACCEPTED = {
    # Streamlit's own box around a file uploader's button is a bare section that carries a name; nothing of it is lost.
    "presentation-role-conflict": 'data-testid="stFileUploaderDropzone"',
}
"""For each rule, the mark of an element that is Streamlit's own and out of our reach."""

# In the dark only colours differ. Targets as WCAG 2.2 has them, and names that begin with the text in sight, are looked
# at too, which axe leaves out by itself.
AXE = """([within, dark]) => axe.run(within, dark
    ? { runOnly: ["color-contrast"], resultTypes: ["violations"] }
    : { rules: { "target-size": { enabled: true }, "label-content-name-mismatch": { enabled: true } },
        resultTypes: ["violations"] })
    .then(({ violations }) => violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, html, failureSummary }) => [id, html, `${target.flat(9)}: ${failureSummary}`])))"""

# Signs that are drawn as a character is that no font has, and names of icons that there are not.
GLYPHS = """() => {
    const context = Object.assign(document.createElement("canvas"), { width: 48, height: 48 })
        .getContext("2d", { willReadFrequently: true })
    const drawn = (family, sign) => {
        context.clearRect(0, 0, 48, 48)
        context.font = `24px ${family}`
        context.fillText(sign, 4, 34)
        return context.getImageData(0, 0, 48, 48).data.join()
    }
    const met = new Set(), missing = []
    const walk = (root) => {
        for (const node of root.querySelectorAll("*")) {
            if (node.shadowRoot) walk(node.shadowRoot)
            if (node.matches("style, script, title, desc")) continue
            const own = [...node.childNodes].filter((child) => child.nodeType === 3)
            const text = own.map((child) => child.data).join("")
            if (!text.trim() || !node.getClientRects().length) continue
            const style = getComputedStyle(node)
            if (style.fontFamily.includes("Material Symbols")) {
                if (node.scrollWidth > 1.5 * parseFloat(style.fontSize)) missing.push(text)
                continue
            }
            for (const sign of text) {
                if (/[\\p{ASCII}\\s\\p{Cf}\\p{M}]/u.test(sign) || met.has(style.fontFamily + sign)) continue
                met.add(style.fontFamily + sign)
                if (drawn(style.fontFamily, sign) === drawn(style.fontFamily, "\\u0378")) missing.push(sign)
            }
        }
    }
    walk(document)
    return missing
}"""


@pytest.fixture(scope="module")
def house(module_server, tmp_path_factory):
    """A server whose pages of runs have something to show; no worker ever starts."""
    home = tmp_path_factory.mktemp("home")
    manager = open_manager(home)
    manager.acquire()
    stored = start(manager, plan(get("inception-net-32"), ("residual",), recipe("course", "digits"), seeds=(0, 1)))
    for number, (_, run) in enumerate(manager.trials(stored.id)):
        finish(manager, run, 0.5, 0.6 + 0.01 * number)
        blocks = {"conv1": 0.01, "inception1": 0.1, "fc": 0.3}  # for the tab with the gradient of each block
        points = [
            Point(series=series.of_block(series.GRADIENT_NORM, block), step=20, value=value, seconds=1.0)
            for block, value in blocks.items()
        ]
        manager.store.record(run.id, points)
    challenge = challenges.start(manager, small())
    challenges.hand_in(manager, challenge.id, trained(manager, 0.8).id, "Ann")
    challenges.hand_in(manager, challenge.id, trained(manager, 0.4).id, "Bob")
    yield module_server(home=home)
    manager.close()


class Visit:
    """A page that is looked at part by part; what is found is kept with where it was."""

    def __init__(self, page, name):
        self.page, self.name, self.found = page, name, []
        self.schemes = ["dark", "light"]  # the last look's is the last
        page.evaluate(AXE_SCRIPT)

    def look(self, what, within="body"):
        # First as it is: a change of the colours draws everything anew.
        self.schemes.reverse()
        for scheme, _ in each_look(self.page, [(scheme, SIZE) for scheme in self.schemes]):
            for rule, markup, told in self.page.evaluate(AXE, [within, scheme == "dark"]):
                if ACCEPTED.get(rule, " ") not in markup:
                    self.found.append(f"{self.name}, {what}, {scheme}: {rule}: {told}")
        self.found += [f"{self.name}, {what}: no glyph for {sign!r}" for sign in self.page.evaluate(GLYPHS)]

    def whole(self):
        """The page as it opens, with its boxes unfolded."""
        main = self.page.get_by_test_id("stMain")
        boxes = main.get_by_test_id("stExpander").all()
        # From below: above the boxes of Inspect is the long code of a model's card, with which each layout takes half a
        # second. Then again, for those that are within others.
        for box in [*reversed(boxes), *boxes]:
            shut = box.is_visible() and box.locator("details").first.get_attribute("open") is None
            if shut and "torchinfo" not in box.inner_text():  # its text is that of the tab on Design
                box.locator("summary").first.click()
                settle(self.page, quiet=0.1)
        self.look("page")

    def example(self):
        """What Train shows where there is no run; then what the look for glyphs is worth."""
        self.look("example")
        # A sign that no font has, and an icon that there is not.
        self.page.evaluate("document.querySelector('h2').append('\\u0379')")
        self.page.evaluate("document.querySelector('[data-testid=stIconMaterial]').textContent = 'no_such_icon'")
        assert sorted(self.page.evaluate(GLYPHS)) == ["no_such_icon", "\u0379"]

    def start(self):
        """What runs start from, unfolded; on Ablate a switch brings it."""
        if self.name == "ablate":
            self.page.get_by_role("radio", name="New ablation").click()
            settle(self.page)
            self.page.locator(".st-key-ablate_from label").first.click()
            settle(self.page)
        self.page.locator(".st-key-train_from input").click()
        self.page.keyboard.type("mnist-inception")
        self.page.keyboard.press("Enter")
        self.page.get_by_text("Tensors that are taken, cut or begun anew").first.wait_for()
        settle(self.page)
        self.whole()

    def parts(self):
        """Each of its tabs and popovers."""
        main = self.page.get_by_test_id("stMain")
        tabs = main.get_by_role("tab")
        for number in range(1, tabs.count()):
            tabs.nth(number).click()
            settle(self.page)
            self.look(f"tab {tabs.nth(number).inner_text()}", "[role=tabpanel]")
        for popover in main.get_by_test_id("stPopover").locator("button:visible").all():
            popover.click()
            self.page.get_by_test_id("stPopoverBody").wait_for()
            settle(self.page, quiet=0.15)
            self.look(f"popover {popover.inner_text()}", "[data-testid=stPopoverBody]")
            self.page.keyboard.press("Escape")


WITHOUT_RUNS = [
    *((name, "whole") for name in PAGES if name not in FURTHER_VIEWS and name not in ("train", "ablate")),
    ("train", "example"),
]
WITH_RUNS = [("train", "whole"), ("ablate", "whole"), ("ablate", "parts")]
IN_TEST_ALL = [
    *((name, "whole") for name in PAGES if name in FURTHER_VIEWS),
    *((name, "parts") for name in PAGES if name != "ablate"),
    *((name, "start") for name in ("train", "ablate")),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "views",
    [
        pytest.param(WITHOUT_RUNS, id="without runs"),
        pytest.param(WITH_RUNS, id="with runs"),
        *(pytest.param([each], id="-".join(each), marks=THOROUGH) for each in IN_TEST_ALL),
    ],
)
def test_axe_finds_nothing_and_every_sign_is_a_glyph(request, page, views):
    """One visitor goes from page to page."""
    first, _ = views[0]
    home = request.getfixturevalue("house" if first in ("train", "ablate") else "server")
    open_app(page, home.url + PAGES[first])
    visit = Visit(page, first)
    for name, what in views:
        if name != visit.name:
            visit.name = name
            go(page, PAGES[name])
        title, _ = router.PAGES[urlsplit(PAGES[name]).path.strip("/").partition("/")[0]]
        page.get_by_role("heading", level=1, name=title).wait_for(state="attached")
        settle(page)
        getattr(visit, what)()
    assert visit.found == []


FOCUS = """() => {
    let node = document.activeElement
    while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement
    const style = getComputedStyle(node)
    return [node.tagName, node.innerText ?? "", style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2]
}"""


def show_focus_and_keep_pictures(page):
    links = page.get_by_test_id("stSidebarNav").get_by_role("link")
    links.first.focus()
    for number in range(links.count()):
        tag, text, shown = page.evaluate(FOCUS)
        assert (tag, shown) == ("A", True), text
        page.keyboard.press("Tab")
        assert number == links.count() - 1 or page.evaluate(FOCUS)[1] != text
    label = page.locator(".st-key-diagram svg text").first
    label.wait_for()
    page.emulate_media(forced_colors="active")
    try:
        label.evaluate("node => { node.style.color = 'CanvasText' }")
        assert label.evaluate("node => getComputedStyle(node).fill === getComputedStyle(node).color")
    finally:
        page.emulate_media(forced_colors="none")


CUT = """() => [...document.querySelectorAll(".st-key-headline [data-testid=stMetric] p")].filter((text) => {
    const [inner, card] = [text, text.closest("[data-testid=stMetric]")].map((node) => node.getBoundingClientRect())
    return inner.left < card.left || inner.right > card.right || inner.bottom > card.bottom
}).map((text) => text.innerText)"""


@pytest.mark.parametrize("viewport", [(1280, 720)])
def test_focus_shows_forced_colours_keep_pictures_and_numbers_are_whole_and_in_sight_of_a_phones_sliders(design):
    page = design.open("inception-net-32").page
    show_focus_and_keep_pictures(page)
    design.exact("inception1/branch_1x1").fill("77")
    with design.changing():
        page.keyboard.press("Enter")
    changes = [change for _, _, change in design.headline()]
    assert sum("%" in change for change in changes) >= 3
    assert page.evaluate(CUT) == []
    tools = page.locator(".st-key-head > :not(:has(.st-key-title)):not(.st-key-title)")
    tops = tools.evaluate_all("(tools) => tools.map((tool) => Math.round(tool.getBoundingClientRect().top))")
    assert len(tops) > 1
    assert len(set(tops)) == 1  # in one row

    page.set_viewport_size({"width": 390, "height": 844})
    slider = design.ribbon("inception1/branch_1x1")
    line = page.locator(".numbers-line")
    page.locator(".st-key-title input").focus()
    assert not line.is_visible()
    slider.scroll_into_view_if_needed()
    at = slider.bounding_box()
    before = design.headline()
    page.mouse.move(at["x"] + 0.3 * at["width"], at["y"] + 20)
    page.mouse.down()
    page.mouse.move(at["x"] + 0.8 * at["width"], at["y"] + 20, steps=3)
    until(lambda: design.headline() != before, "numbers that follow")
    until(lambda: design.number("Parameters") in line.inner_text(), "the same in the line")
    place = until(line.bounding_box, "the line in sight")
    assert place["y"] == 0
    assert place["width"] == 390
    page.mouse.up()
    settle(page)
    design.agree()
