"""Ribbon sliders by mouse, keyboard and typing; choosing a layer in the picture, the strip and the table."""

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import edit
from explorer.text import format_bytes, format_si
from tests.browser.design import until, value_of
from tests.browser.helpers import go, rerun, settle
from tests.sizes import ALL

BLOCK = "inception_3a"
CONV = f"{BLOCK}/branch_3x3/conv"


def channels(design, path=CONV):
    return edit.find(design.architecture, path).out_channels


def test_ribbon_by_mouse_keyboard_and_typing_choosing_a_layer_everywhere_and_the_chosen_metric(design):
    page = design.open("googlenet").page
    slider = design.ribbon(CONV)
    address, macs, text = design.query("net"), design.number("MACs"), slider.get_attribute("aria-valuetext")
    assert text.startswith("128, 1.58 G MACs")

    design.drag(slider, 0.85, release=False)
    # The browser reads the value under the thumb from the ribbon itself: no answer of the server is waited for.
    held = slider.get_attribute("aria-valuetext")
    assert held != text
    assert value_of(slider) > 200
    bubble = slider.locator("xpath=preceding-sibling::*[contains(@class, 'bubble')]")
    assert bubble.is_visible()
    assert bubble.inner_text().startswith(f"{value_of(slider)} → ")
    promised = bubble.inner_text().split("→ ")[1].split(" MACs")[0]
    until(lambda: design.number("MACs") == promised, "the headline to follow while the thumb is held")
    until(lambda: str(value_of(slider)) in design.node(CONV).text_content(), "the picture to follow")
    assert design.query("net") == address  # the address waits for the release
    assert macs != promised

    value = value_of(slider)
    with design.changing():
        page.mouse.up()
    assert channels(design) == value
    assert design.number("MACs") == promised
    assert str(value) in design.node(CONV).text_content()
    assert design.exact(CONV).input_value() == str(value)
    changed = design.query("net")

    # However many values the drag passed, it is one step.
    with design.changing():
        design.button("undo_button").click()
    assert design.query("net") == "googlenet"
    assert design.button("undo_button").is_disabled()
    until(lambda: value_of(slider) == 128, "the slider back")
    with design.changing():
        design.button("redo_button").click()
    assert design.query("net") == changed
    until(lambda: value_of(slider) == value, "the slider forward")
    with design.changing():
        page.keyboard.press("Control+z")
    assert design.query("net") == "googlenet"

    until(lambda: value_of(slider) == 128, "the slider back again")
    # A thumb that is put back where it was has changed nothing.
    at = int(slider.input_value()) / int(slider.get_attribute("max"))
    design.drag(slider, 0.9, release=False)
    until(lambda: design.number("MACs") != macs, "the headline to follow")
    box = slider.bounding_box()
    page.mouse.move(box["x"] + 8 + (box["width"] - 16) * at, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    until(lambda: design.number("MACs") == macs, "the headline back")
    settle(page)
    design.agree()
    assert design.query("net") == address
    assert design.button("undo_button").is_disabled()
    choose_layers(design)
    use_the_keyboard(design)
    type_values(design)
    choose_metric(design)


def use_the_keyboard(design):
    page = design.page
    go(page, "/design?net=inception-net-32&at=inception1")
    until(lambda: design.title() == catalog.get("inception-net-32").name, "another network")
    path = "inception1/branch_3x3/reduce"
    slider = design.ribbon(path)
    slider.focus()
    step = 4  # from 96 channels the track goes to 256 in 64 steps
    expected = channels(design, path)
    for key, difference in [("ArrowRight", step), ("ArrowUp", step), ("ArrowLeft", -step), ("ArrowDown", -step)]:
        expected += difference
        with design.changing():
            page.keyboard.press(key)
        assert channels(design, path) == expected == value_of(slider)
        text = slider.get_attribute("aria-valuetext")
        assert text.startswith(f"{expected}, {format_si(analyze(design.architecture).macs)} MACs")
        assert slider.evaluate("node => node.getRootNode().activeElement === node"), f"focus is lost after {key}"
    for key in ("PageUp", "PageDown"):
        before = channels(design, path)
        with design.changing():
            page.keyboard.press(key)
        # Browsers differ in how far a page is; it is further than a step.
        assert (channels(design, path) - before) * (1 if key == "PageUp" else -1) > step
    with design.changing():
        page.keyboard.press("End")
    assert channels(design, path) == 256
    with design.changing():
        page.keyboard.press("Home")
    assert channels(design, path) <= 8
    assert slider.evaluate("node => node.getRootNode().activeElement === node")
    # Fast keys are neither lost nor doubled.
    before = int(slider.input_value())
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    until(lambda: value_of(slider) == channels(design, path) and int(slider.input_value()) == before + 5, "five steps")
    design.agree()


def type_values(design):
    page = design.page
    path = "inception1/branch_3x3/conv"
    with design.changing():
        design.exact(path).fill("77")
        page.keyboard.press("Enter")
    assert channels(design, path) == 77
    until(lambda: value_of(design.ribbon(path)) == 77, "the slider to stand at the typed number")

    with design.changing():
        design.exact(path, "kernel_size").fill("1x7")
        page.keyboard.press("Tab")
    assert edit.find(design.architecture, path).kernel_size == (1, 7)
    assert design.page.locator(".st-key-editor").get_by_text("kernel width").count()
    assert "1×7" in design.node(path).text_content()

    kept, headline = design.query("net"), design.headline()
    refused = [("99999", "at most 8,192"), ("0", "at least 1"), ("many", "must be a whole number")]
    for typed, said in refused if ALL else refused[:1]:  # tests/editor refuses all of them
        with rerun(page):
            design.exact(path).fill(typed)
            page.keyboard.press("Enter")
        until(lambda said=said: said in design.notice(), f"the rule that {typed} breaks")
        assert path in design.notice()
        assert typed in design.notice()
        assert design.query("net") == kept
        assert design.headline() == headline
        assert value_of(design.ribbon(path)) == 77

    design.exact(path).fill("123")
    page.keyboard.press("Escape")
    assert design.exact(path).input_value() == "77"
    page.keyboard.press("Tab")
    settle(page)
    assert design.query("net") == kept


def choose_metric(design):
    now = analyze(design.architecture)
    slider = design.ribbon("inception1/branch_1x1")
    metrics = [
        ("params", f"{format_si(now.params)} parameters"),
        ("receptive_field", f"{max(now.receptive_field.size)} px"),
        ("training_bytes", format_bytes(now.training_bytes)),
        ("inference_bytes", format_bytes(now.inference_bytes)),
    ]
    for metric, shown in metrics if ALL else metrics[:2]:  # tests/editor/test_panel.py has the points of each
        with rerun(design.page):
            design.by_id("metric").select_option(metric)
        until(lambda metric=metric: design.query("ribbon") == metric, "the metric in the address")
        until(lambda shown=shown: shown in slider.get_attribute("aria-valuetext"), "the metric on the ribbon")
    design.agree()


def selected_rows(page):
    return page.evaluate(
        "() => [...document.querySelectorAll('.st-key-layer_table [role=row][aria-selected=true]')]"
        ".map((row) => row.querySelector('[role=gridcell][aria-colindex=\"2\"], [role=gridcell]').textContent)"
    )


def choose_layers(design):
    page = design.page
    with rerun(page):
        design.node(CONV).click()
    until(lambda: design.query("at") == CONV, "the layer in the address")
    until(lambda: design.by_id(f"layer:{CONV}").locator("..").get_attribute("class") == "group chosen", "its card")
    until(lambda: any(CONV in text for text in selected_rows(page)), "its row")
    assert len(selected_rows(page)) == 1
    assert design.node(CONV).get_attribute("aria-pressed") == "true"

    # Another row: the table is a canvas, so a row is clicked by its place below the header.
    table = page.locator(".st-key-layer_table canvas").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    branch = f"{BLOCK}/branch_5x5/conv"
    row = page.locator(".st-key-layer_table [role=row]", has_text=branch).get_attribute("aria-rowindex")
    with rerun(page):
        page.mouse.click(box["x"] + 260, box["y"] + 35 * (int(row) - 0.5))
    until(lambda: design.query("at") == branch, "the clicked row in the address")
    until(lambda: design.node(branch).get_attribute("aria-pressed") == "true", "the picture")
    until(lambda: design.by_id(f"layer:{branch}").locator("..").get_attribute("class") == "group chosen", "the editor")
    design.agree()

    # The overview's columns, by the keyboard.
    design.column(BLOCK).focus()
    page.keyboard.press("ArrowRight")
    with rerun(page):
        page.keyboard.press("Enter")
    until(lambda: design.query("at") == "inception_3b", "the next column")
    title = page.locator(".st-key-editor .head b")
    until(lambda: title.inner_text() == "inception_3b", "its editor")
    until(lambda: design.column("inception_3b").get_attribute("aria-pressed") == "true", "its frame")
    page.keyboard.press("End")
    with rerun(page):
        page.keyboard.press("Enter")
    until(lambda: title.inner_text() == "fc", "the last column's editor")
    page.keyboard.press("Home")
    with rerun(page):
        page.keyboard.press(" ")
    until(lambda: title.inner_text() == "conv1", "the first column's editor")
    design.agree()
