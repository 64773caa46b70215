"""The lessons on receptive fields in a browser: steps by keys, and what is drawn at each."""

from itertools import product

from tests.browser.helpers import open_app


def test_steps_outputs_and_sliders_by_keys(server, page):
    open_app(page, f"{server.url}/receptive_field?tab=steps&lesson=chain")
    chain = page.locator(".st-key-lesson_chain")
    steps, said = chain.get_by_role("slider", name="Step"), chain.get_by_role("status")
    said.filter(has_text="All 9 units together, each with its 3×3: 25 pixels of the image.").wait_for()
    numbers = chain.locator("figure").last.locator("text")
    assert [int(each) for each in numbers.all_text_contents()] == [a * b for a, b in product((1, 2, 3, 2, 1), repeat=2)]
    steps.press("Home")
    said.filter(has_text="One unit of the output.").wait_for()
    steps.press("ArrowRight")
    said.filter(has_text="It reads 3×3: 9 pixels of the map behind layer 1.").wait_for()
    around, seen = list(product((-1, 0, 1), repeat=2)), set()
    for number, (row, column) in enumerate(around, 1):
        steps.press("ArrowRight")
        seen |= {(row + down, column + across) for down, across in around}
        said.filter(has_text=f"Unit {number} of 9").filter(has_text=f"3×3: {len(seen)} pixels of the image").wait_for()
    chain.get_by_role("button", name="One step on").press("Enter")
    assert steps.input_value() == steps.get_attribute("max")

    page.get_by_role("radio", name="4 · Dilation and holes").click()
    dilations = page.locator(".st-key-lesson_dilations")
    dilations.get_by_text("81 of 9 × 9 pixels are read: 100.0 %").wait_for()
    slider = page.locator(".st-key-lesson_sliders_dilations_3 input").first
    slider.press("ArrowRight")
    dilations.get_by_text("of 11 × 11 pixels are read").wait_for()

    page.get_by_role("radio", name="1 · One window").click()
    window = page.locator(".st-key-lesson_window")
    told = window.get_by_role("status")
    told.filter(has_text="Output (1, 1) reads rows 1, 2, 3 and columns 1, 2, 3 of the image.").wait_for()
    window.get_by_label("Output row").press("ArrowRight")
    told.filter(has_text="Output (2, 1) reads rows 2, 3, 4").wait_for()
    box = window.locator("rect.pickable").bounding_box()
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    told.filter(has_text="Output (0, 0) reads rows 0, 1, 2 and columns 0, 1, 2").wait_for()
