"""Networks built from an empty page, by mouse alone and by keyboard alone, equal to the catalogue's by structure."""

import json
import re

import pytest

from explorer import catalog
from explorer.architecture import edit, to_link
from tests.browser.design import until
from tests.browser.helpers import go
from tests.sizes import THOROUGH, thorough


def structure(node):
    """A node without names."""
    data = {name: getattr(node, name) for name in type(node).model_fields if name not in ("name", node.child_field)}
    return data, [structure(child) for child in node.nodes]


class Hand:
    """What a visitor does to build; by which hand is the subclass's."""

    def __init__(self, design):
        self.design = design
        self.page = design.page
        self.picture = self.page.locator(".st-key-diagram")

    def gap(self, place, path):
        return self.picture.locator(f'.gap[data-place="{place}"][data-beside="{path}"]').first

    def node(self, path):
        area = ".block-area" if "/" in path else ".overview-area"
        return self.picture.locator(f'{area} g[data-path="{path}"]')

    def tool(self, key):
        return self.picture.locator(f'[data-tool="{key}"]')

    def set_command(self, path, field):
        return json.dumps({"do": "set", "path": path, "field": field}, separators=(",", ":"))

    def changes(self, act):
        """Do something, and wait until the address has another design; gives what is chosen then."""
        before = self.design.query("net")
        act()
        until(lambda: self.design.query("net") != before, "a new design in the address")
        return self.design.query("at")

    def insert(self, place, path, part):
        return self.changes(lambda: self.choose_from_menu(self.gap(place, path), part))

    def wrap(self, kind):
        return self.changes(lambda: self.choose_from_menu(self.tool("wrap"), kind))

    def duplicate(self):
        return self.changes(lambda: self.press(self.tool("duplicate")))

    def remove(self):
        return self.changes(lambda: self.press(self.tool("remove")))

    def item(self, value):
        return self.picture.locator(f'[role=menuitem][data-value="{value}"]')

    def value(self, path, field):
        return getattr(edit.find(self.design.architecture, path), field)


class Mouse(Hand):
    def press(self, locator):
        locator.click()

    def choose_from_menu(self, opener, value):
        opener.click()
        self.item(value).click()

    def choose(self, path):
        self.node(path).click(position={"x": 8, "y": 40} if "/" in path else None)
        until(lambda: self.design.query("at") == path, "that it is chosen")

    def option(self, path, field, value):
        radio = self.design.by_id(f"{self.set_command(path, field)}:{value}")
        if not radio.is_visible():
            self.design.by_id(f"more:{path}").click()
        if radio.get_attribute("aria-checked") != "true":
            self.changes(radio.click)

    def slide(self, path, value, field="out_channels"):
        """As far as the slider goes, until it is there: its track grows with the value."""
        while self.value(path, field) != value:
            slider = self.design.ribbon(path, field)
            text = slider.get_attribute("aria-valuetext")
            last = int(slider.get_attribute("max"))
            at = self.place_of(slider, value)
            self.changes(lambda: self.design.drag(slider, at / last, steps=3))  # noqa: B023
            until(lambda: self.design.ribbon(path, field).get_attribute("aria-valuetext") != text, "a new slider")  # noqa: B023

    def place_of(self, slider, value):
        """Where a value lies: the positions are multiples of a step."""
        last = int(slider.get_attribute("max"))
        now = int(re.match(r"\d+", slider.get_attribute("aria-valuetext"))[0])
        at = int(slider.evaluate("node => node.value"))
        step = now / (at + 1)
        return min(last, round(value / step) - 1)


STANDS_BEFORE_THE_FOCUS = """node => {
    const root = node.getRootNode(), active = root.activeElement  // none: the focus is in another component
    const [from, to] = active === null && root.host ? [document.activeElement, root.host] : [active, node]
    return from !== null && Boolean(from.compareDocumentPosition(to) & Node.DOCUMENT_POSITION_PRECEDING)
}"""


class Keyboard(Hand):
    """Enter, arrows, Tab and letters; nothing is clicked."""

    def has_focus(self, locator):
        return locator.evaluate("node => node === node.getRootNode().activeElement")

    def reach(self, locator, key="Tab", most=60):
        if key == "Tab" and locator.count() and locator.evaluate(STANDS_BEFORE_THE_FOCUS):
            key = "Shift+Tab"
        for _ in range(most):
            if locator.count() and self.has_focus(locator):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{locator} was not reached by {key}")

    def press(self, locator):
        self.reach(locator)
        self.page.keyboard.press("Enter")

    def choose_from_menu(self, opener, value):
        if not self.has_focus(opener):
            self.to_gap(opener) if opener.get_attribute("data-place") else self.reach(opener)
        self.page.keyboard.press("Enter")
        self.reach(self.item(value), "ArrowDown")
        self.page.keyboard.press("Enter")

    def to_gap(self, gap):
        self.page.keyboard.press("Escape")  # from the settings back to the picture
        group = ".overview-area" if gap.evaluate("node => Boolean(node.closest('.overview-area'))") else ".block-area"
        self.reach(self.picture.locator(f"{group} .gap[tabindex='0']"))
        marks = self.picture.locator(f"{group} .gap").evaluate_all("nodes => nodes.map((node) => node.outerHTML)")
        for key in ("Home", *["ArrowRight"] * len(marks)):
            self.page.keyboard.press(key)
            if self.has_focus(gap):
                return
        raise AssertionError("the gap was not reached")

    def choose(self, path):
        self.page.keyboard.press("Escape")  # from the settings back to the picture
        boxes = self.picture.locator(".block-area" if "/" in path else ".overview-area")
        self.reach(boxes.locator("g[data-path][tabindex='0']"))
        for key in ("Home", *["ArrowRight"] * boxes.locator("g[data-path]").count()):
            self.page.keyboard.press(key)
            if self.has_focus(self.node(path)):
                break
        self.page.keyboard.press("Enter")
        until(lambda: self.design.query("at") == path, "that it is chosen")

    def settings(self, path):
        """Enter on what is chosen leads to its settings."""
        panel = self.page.locator(".st-key-editor")
        if panel.locator("[data-id]:focus").count():
            return
        self.page.keyboard.press("Enter")
        until(lambda: panel.locator("[data-id]:focus").count() == 1, f"focus in the settings of {path}")

    def option(self, path, field, value):
        self.settings(path)
        group = self.set_command(path, field)
        radio = self.design.by_id(f"{group}:{value}")
        if radio.get_attribute("aria-checked") == "true":
            return
        if not radio.is_visible():
            self.press(self.design.by_id(f"more:{path}"))
        self.reach(self.page.locator(f".st-key-editor [data-id^={json.dumps(group)}][aria-checked=true]"))
        for _ in range(6):
            self.changes(lambda: self.page.keyboard.press("ArrowRight"))
            until(lambda: radio.count() == 1, "the choice, drawn anew")
            if radio.get_attribute("aria-checked") == "true":
                return
        raise AssertionError(f"{field} {value} was not reached")

    def slide(self, path, value, field="out_channels"):
        if self.value(path, field) == value:
            return
        self.settings(path)
        self.reach(self.design.exact(path, field))
        self.page.keyboard.type(str(value))
        self.changes(lambda: self.page.keyboard.press("Enter"))


HANDS = {"mouse": Mouse, "keyboard": Keyboard}


def begin(design, hand):
    made = HANDS[hand](design.open(to_link(catalog.empty())))
    if hand == "keyboard":
        made.reach(made.gap("inside", ""), most=100)
    return made


# By mouse a layer is put in below, too.
@pytest.mark.parametrize("hand", [pytest.param("mouse", marks=THOROUGH), "keyboard"])
def test_the_network_of_the_course_notes(design, hand):
    made = begin(design, hand)
    at = made.insert("inside", "", "stem")
    for part in ("inception", "inception", "head"):
        at = made.insert("after", at, part)
    wanted = catalog.get("inception-net-32")
    assert structure(design.architecture.trunk) == structure(wanted.trunk)
    assert design.agree()[1].params == 326_122


def trunk(design):
    return [node.name for node in design.architecture.trunk.nodes]


def focus_in(page):
    """Path of what has the focus in the picture, or what else it is."""
    return page.evaluate("""() => {
        let active = document.activeElement
        while (active?.shadowRoot) active = active.shadowRoot.activeElement
        return active?.getAttribute("data-path") ?? active?.getAttribute("data-tool") ?? active?.tagName
    }""")


def test_layers_are_named_moved_copied_wrapped_removed_dragged_and_pasted_as_text(design):
    made = Keyboard(design.open("inception-net-32", at="inception1"))
    keys = made.page.keyboard
    made.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    made.node("inception1").focus()
    keys.press("F2")
    until(lambda: made.tool("name").evaluate("node => node === node.getRootNode().activeElement"), "the field")
    keys.type("not a name")
    keys.press("Enter")
    until(lambda: "letters, digits or _" in design.notice(), "the rule")
    made.tool("name").fill("first")
    assert made.changes(lambda: keys.press("Enter")) == "first"
    made.node("first").focus()
    made.changes(lambda: keys.press("Alt+ArrowRight"))
    assert trunk(design)[1:3] == ["inception2", "first"]
    made.changes(lambda: keys.press("Alt+ArrowLeft"))
    # The browser's own copy and paste; what is copied is text.
    made.node("first").focus()
    keys.press("Control+c")
    assert json.loads(made.page.evaluate("navigator.clipboard.readText()"))["nodes"][0]["name"] == "first"
    assert made.changes(lambda: keys.press("Control+v")) == "first_2"
    until(lambda: focus_in(made.page) == "first_2", "focus on what was pasted")
    keys.press("Shift+ArrowLeft")
    until(lambda: made.picture.get_by_role("group", name="Chosen: 2 layers").count() == 1, "two chosen")
    made.press(made.tool("wrap"))
    made.reach(made.item("residual"), "ArrowDown")
    assert made.changes(lambda: keys.press("Enter")) == "residual"
    assert trunk(design)[1:3] == ["residual", "inception2"]
    made.changes(lambda: made.press(made.tool("unwrap")))
    made.node("first_2").focus()
    assert made.changes(lambda: keys.press("Delete")) == "inception2"
    until(lambda: focus_in(made.page) == "inception2", "focus on the neighbour of what was removed")
    drag_a_column_into_a_lane_and_paste_text(design)


def drag_a_column_into_a_lane_and_paste_text(design):
    made = Mouse(design)
    page, lane = made.page, "inception1/branch_3x3/reduce"
    go(page, "/design?net=inception-net-32&at=inception1")
    until(made.node("inception1").is_visible, "the network as it was")
    made.insert("after", "inception1", "activation")
    made.choose("inception1")
    # Drawn anew after the choice: there is no box while an answer arrives.
    source = until(made.node("activation").bounding_box, "the column")
    target = until(made.gap("after", lane).bounding_box, "the gap of the lane")
    page.mouse.move(source["x"] + source["width"] / 2, source["y"] + 60)
    page.mouse.down()
    page.mouse.move(source["x"] + 30, source["y"] + 90, steps=3)
    page.mouse.move(target["x"] + 10, target["y"] + 10, steps=3)
    assert made.changes(page.mouse.up) == "inception1/branch_3x3/activation"
    # What is refused is told, and still there to be mended.
    made.gap("before", lane).click()
    made.item("paste").click()
    field = made.picture.locator("textarea")
    field.fill('{"nodes": [{"op": "flatten", "name": "f"}]')
    made.tool("insert-text").click()
    until(lambda: "not valid JSON" in design.notice(), "why it was refused")
    made.gap("before", lane).click()
    made.item("paste").click()
    field.fill('{"nodes": [{"op": "norm", "name": "<b>"}]}')
    made.tool("insert-text").click()
    until(lambda: "letters, digits or _" in design.notice(), "why it was refused")
    made.tool("paste").click()
    assert field.input_value() == '{"nodes": [{"op": "norm", "name": "<b>"}]}'
    field.fill(edit.copy(catalog.get("inception-v3"), "Mixed_7b"))
    made.changes(made.tool("insert-text").click)
    assert "Mixed_7b" in [node.name for node in edit.find(design.architecture, "inception1/branch_3x3").nodes]


@thorough("tests/browser/test_building.py::test_the_network_of_the_course_notes")
@pytest.mark.parametrize("hand", HANDS)
def test_googlenets_block_with_every_branch(design, hand):
    made = begin(design, hand)
    made.insert("inside", "", "parallel")
    made.choose("split/branch_3x3")
    made.remove()
    for kind in ("reduce_conv", "reduce_conv", "pool_project"):
        made.insert("inside", "split", kind)
    for path, channels in (
        ("branch_1x1", 64),
        ("branch_3x3/reduce", 96),
        ("branch_3x3/conv", 128),
        ("branch_3x3_2/reduce", 16),
        ("branch_3x3_2/conv", 32),
    ):
        made.choose(f"split/{path}")
        made.slide(f"split/{path}", channels)
    made.slide("split/branch_3x3_2/conv", 5, "kernel_size")
    wanted = catalog.get("inception-block")
    assert structure(edit.find(design.architecture, "split")) == structure(edit.find(wanted, "inception"))


@thorough("tests/browser/test_building.py::test_the_network_of_the_course_notes")
@pytest.mark.parametrize("hand", HANDS)
def test_the_stem_of_inception_v3(design, hand):
    made = begin(design, hand)
    at = made.insert("inside", "", "conv")
    made.choose(at)
    for field, value in (("norm", "batch"), ("norm_eps", 0.001), ("stride", 2), ("padding", 0)):
        made.option(at, field, value)
    made.slide(at, 32)
    for part, channels, padding in (
        ("conv", 32, 0),
        ("conv", 64, "same"),
        ("pool", None, 0),
        ("conv_1x1", 80, "same"),
        ("conv", 192, 0),
        ("pool", None, 0),
    ):
        made.choose(at)
        at = made.insert("after", at, part)
        made.choose(at)
        made.option(at, "padding", padding)
        if channels:
            made.slide(at, channels)
    wanted = catalog.get("inception-v3").trunk.nodes[:7]
    assert [structure(node) for node in design.architecture.trunk.nodes] == [structure(node) for node in wanted]


@thorough("tests/browser/test_building.py::test_the_network_of_the_course_notes")
@pytest.mark.parametrize("hand", HANDS)
def test_mixed_7b(design, hand):
    made = begin(design, hand)
    made.insert("inside", "", "parallel")
    made.choose("split/branch_3x3")
    made.remove()
    made.choose("split/branch_1x1")
    made.option("split/branch_1x1", "norm", "batch")
    made.option("split/branch_1x1", "norm_eps", 0.001)
    made.slide("split/branch_1x1", 320)
    made.insert("inside", "split", "conv_1x1")
    made.choose("split/conv")
    made.slide("split/conv", 384)
    # A split in a branch: what follows the reduction is wrapped, and the split is filled.
    made.insert("after", "split/conv", "conv_1x3")
    made.choose("split/conv/conv")
    made.wrap("parallel")
    made.insert("inside", "split/conv/conv", "conv_3x1")
    # The third branch is the second with a 3×3 more.
    made.press(made.tool("around:split/conv"))
    until(lambda: design.query("at") == "split/conv", "the branch as a whole")
    made.duplicate()
    made.insert("after", "split/conv_2/first", "conv")
    made.choose("split/conv_2/first")
    made.slide("split/conv_2/first", 448)
    made.insert("inside", "split", "pool_project")
    made.choose("split/branch_pool/pool")
    made.option("split/branch_pool/pool", "kind", "avg")
    made.choose("split/branch_pool/project")
    made.slide("split/branch_pool/project", 192)
    wanted = edit.find(catalog.get("inception-v3"), "Mixed_7b")
    assert structure(edit.find(design.architecture, "split")) == structure(wanted)
