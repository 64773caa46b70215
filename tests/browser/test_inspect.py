"""The Inspect page in a real browser: real uploads, choosing nodes, maps and units, long work that is cancelled."""

import io
import json
import re

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from explorer import catalog
from explorer.architecture import edit, to_json
from explorer.inspection import unit_field
from explorer.modules import build
from explorer.runs import Manager
from tests.browser.design import JOINER, until
from tests.browser.helpers import each_look, go, open_app, rerun
from tests.inspection.parts import learnt, trained_run
from tests.sizes import ALL, thorough

NAME = "<img src=x onerror=alert(1)> **b** $x$ :smile: [a](javascript:alert(1))"
TILES = ".st-key-inspect_tiles .tile"


@pytest.fixture(scope="module")
def gallery(module_server, tmp_path_factory):
    """A server with a run of a tiny network that learnt the digits; and the run."""
    home = tmp_path_factory.mktemp("home")
    run = trained_run(Manager(home), NAME)
    return module_server(home=home), run


def saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def files():
    """By name: content, and what the page must say of it; '' where there is nothing to say."""
    grid = np.arange(60 * 40 * 3, dtype=np.uint32).reshape(60, 40, 3)
    image = Image.fromarray((grid * 7 % 251).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    first, second = (Image.new("RGB", (30, 20), colour) for colour in ("red", "blue"))
    moving = {"save_all": True, "append_images": [second]}
    wide = Image.fromarray(np.linspace(0, 65535, 40 * 30).reshape(40, 30).astype(np.uint16))
    good = {
        "plain.jpg": (saved(image, "JPEG"), "JPEG, 40 × 60 pixels"),
        "plain.png": (saved(image, "PNG"), "PNG, 40 × 60 pixels"),
        "wide.png": (saved(wide, "PNG"), "16 bits scaled to 8"),
        "cmyk.jpg": (saved(image.convert("CMYK"), "JPEG"), "CMYK converted to RGB"),
        "turned.jpg": (saved(image, "JPEG", exif=exif), "JPEG, 60 × 40 pixels; turned upright"),
        "moving.gif": (saved(first, "GIF", **moving), "GIF, 30 × 20 pixels; first"),
        "moving.webp": (saved(first, "WEBP", **moving), "WEBP, 30 × 20 pixels; first"),
    }
    bad = {
        "cut.jpg": (saved(image, "JPEG")[:-200], "incomplete or damaged"),
        "huge.png": (saved(Image.new("1", (9500, 9500)), "PNG"), "limit 40 MP"),
        "text.png": (b"no picture at all", "not a supported image"),
        f"{NAME.replace('/', '')}.png": (b"", "is empty"),
    }
    return good, bad


def upload(page, tmp_path, contents):
    paths = []
    for name, (data, _) in contents.items():
        (tmp_path / name).write_bytes(data)
        paths.append(tmp_path / name)
    with rerun(page):
        page.locator(".st-key-inspect_card input[type=file]").first.set_input_files(paths)


def told(page):
    return page.get_by_test_id("stMain").inner_text().replace(JOINER, "")


def query(page, key):
    return page.evaluate("(key) => new URL(location.href).searchParams.get(key) || ''", key)


def weights_of_every_kind():
    """By name: files of weights that open, with what must be told; then such that do not, with the reason."""
    torch.manual_seed(0)
    plain = build(learnt(0)[0]).state_dict()
    half = {f"module.{key}": each.half() if each.is_floating_point() else each for key, each in plain.items()}

    def written(content, **options):
        out = io.BytesIO()
        torch.save(content, out, **options)
        return out.getvalue()

    keys = list(plain)
    index = {key: f"model-0000{1 + place % 2}-of-00002.safetensors" for place, key in enumerate(keys)}
    shards = {
        name: safetensors.torch.save({key: plain[key] for key in keys if index[key] == name})
        for name in sorted(set(index.values()))
    }
    good = [
        ({"best.ckpt": written({"epoch": 3, "state_dict": half})}, "the prefix 'module.' taken off the names; float16"),
        ({"old.pth": written(plain, _use_new_zipfile_serialization=False)}, "torch's older form"),
        ({**shards, "model.safetensors.index.json": json.dumps({"weight_map": index}).encode()}, "2 shards joined"),
    ]
    bad = [
        ({"net.h5": b"\x89HDF\r\n\x1a\n" + bytes(99)}, "net.h5 is of Keras"),
        ({"whole.pt": written(torch.nn.Linear(2, 2))}, "whole.pt holds a whole Python object"),
        ({next(iter(shards)): next(iter(shards.values()))}, "is one shard of 2; give all shards together"),
        ({"cut.pt": written(plain)[:-50]}, "cut.pt is cut off or damaged"),
        ({"other.pt": written({"layer1.0.conv1.weight": torch.ones(1)})}, "which are those of a ResNet"),
    ]
    return good, bad


@thorough("tests/pages/test_inspect.py::test_weights_as_people_save_them_open_and_their_conversions_are_shown")
def test_own_weights_of_every_kind(gallery, page, tmp_path):
    """Brought one after the other; each wrong one is told, taken away, and the next one opens."""
    server, run = gallery
    open_app(page, f"{server.url}/inspect?model={run}&pictures=digits:3")
    with rerun(page):
        page.get_by_text("Your own weights").last.click()
    with rerun(page):
        page.locator(".st-key-inspect_source").get_by_text("JSON file").click()
    (tmp_path / "net.json").write_text(to_json(learnt(0)[0]))
    with rerun(page):
        page.locator(".st-key-inspect_json input[type=file]").set_input_files(tmp_path / "net.json")
    good, bad = weights_of_every_kind()
    opened = 0
    for contents, text in [*bad, *good]:
        box = page.locator(f".st-key-inspect_weights_{opened}")
        while box.get_by_test_id("stFileChipDeleteBtn").count():
            with rerun(page):
                box.get_by_test_id("stFileChipDeleteBtn").first.locator("button").first.click()
        for name, data in contents.items():
            (tmp_path / name).write_bytes(data)
        with rerun(page):
            box.locator("input[type=file]").set_input_files([tmp_path / name for name in contents])
        with rerun(page):
            page.locator(".st-key-inspect_open button").click()
        until(lambda text=text: text in told(page), f"{next(iter(contents))}: {text}", patience=30)
        opened += any(text is told_text for _, told_text in good)


def test_uploads_of_every_kind(gallery, page, tmp_path):
    server, run = gallery
    open_app(page, f"{server.url}/inspect?model={run}")
    good, bad = files()
    if not ALL:  # the other forms are read in tests/datasets/test_images.py
        good = {name: good[name] for name in ("plain.jpg", "plain.png", "turned.jpg")}
        bad = {name: bad[name] for name in ("cut.jpg", f"{NAME.replace('/', '')}.png")}
    upload(page, tmp_path, {**good, **bad})
    until(lambda: page.locator(TILES).count() == len(good), "a tile for each picture", patience=60)
    until(lambda: page.get_by_test_id("stAlert").count() == len(bad), "a sentence for each that cannot be read")
    alerts = page.get_by_test_id("stAlert").all_inner_texts()
    for name, (_, reason) in bad.items():
        assert any(text.replace(JOINER, "").startswith(name) and reason in text for text in alerts), (name, alerts)
    for index, (name, (_, note)) in enumerate(good.items()):
        if page.locator(TILES).nth(index).get_attribute("aria-pressed") != "true":
            page.locator(TILES).nth(index).click()
        until(lambda note=note: note in told(page), f"{name}: {note}")
        assert name in page.locator(TILES).nth(index).get_attribute("aria-label")
        assert page.locator(".st-key-inspect_predictions .bar").count() == 5
    assert query(page, "pictures") == ""
    # The picture that the browser shows is upright, and no image of the page is broken.
    turned = page.locator(TILES).nth(list(good).index("turned.jpg")).locator("img")
    assert turned.evaluate("(image) => image.naturalWidth > image.naturalHeight")
    assert page.locator(f"{TILES} img").evaluate_all("(all) => all.every((image) => image.naturalWidth > 0)")
    # Gone on Clear: no tile is left, and the next picture is taken as before.
    with rerun(page):
        page.get_by_role("button", name="Clear").click()
    until(lambda: page.locator(TILES).count() == 0, "no picture")
    for count, name in enumerate(("plain.png", "plain.jpg", "cmyk.jpg")[: 3 if ALL else 2], start=1):
        page.wait_for_timeout(2500)  # parts of the page are drawn anew every two seconds
        upload(page, tmp_path, {name: good[name]})
        until(lambda count=count: page.locator(TILES).count() == count, "one picture more")


def test_a_chosen_unit_and_where_its_field_is_drawn(gallery, page, new_page):
    server, run = gallery
    net = learnt(0)[0]
    open_app(page, f"{server.url}/inspect?model={run}&pictures=digits:3,digits:10")
    page.locator(".st-key-inspect_maps .map").first.wait_for()
    with rerun(page):
        page.locator(".st-key-inspect_diagram .overview-area .column").nth(2).click()
    until(lambda: query(page, "node") == "residual", "the node in the address")
    page.locator(".st-key-inspect_maps .title").get_by_text("residual", exact=True).wait_for()
    maps = page.locator(".st-key-inspect_maps .map")
    until(lambda: maps.count() == 8, "eight channels")
    with rerun(page):
        maps.nth(3).click()
    channel = maps.nth(3).get_attribute("data-map").split()[1]
    until(lambda: query(page, "channel") == channel, "the channel in the address")
    units = page.locator(".st-key-inspect_maps .units")
    frame = units.bounding_box()
    with rerun(page):  # of 6 × 6 units the one in row 1, column 4
        units.click(position={"x": frame["width"] * 4.5 / 6, "y": frame["height"] * 1.5 / 6})
    until(lambda: query(page, "unit") == "1-4", "the unit in the address")
    page.locator(".st-key-inspect_maps .units").focus()
    with rerun(page):
        page.keyboard.press("ArrowRight")
    until(lambda: query(page, "unit") == "1-5", "the next unit by the keyboard")
    with rerun(page):
        page.get_by_role("tab", name="Receptive field").click()
    drawn(page, net, (1, 5))
    # The address leads another visitor to the same unit.
    other = new_page()
    open_app(other, page.evaluate("location.href"))
    drawn(other, net, (1, 5))
    assert query(other, "channel") == channel
    assert run == query(other, "model")


def drawn(page, net, unit):
    """The rectangles that the browser has drawn are those of the analysis."""
    field = unit_field(net, "residual", unit)
    drawing = page.locator(".st-key-inspect_field [data-plane='source 0']")
    box, dashed = drawing.locator("rect.box"), drawing.locator("rect.outside")
    box.wait_for(state="attached")

    def told(rect):
        return tuple(float(number) for number in rect.get_attribute("data-box").split())

    until(lambda: told(box) == tuple(field.box), "the field where the analysis says")
    assert told(dashed) == tuple(field.unclipped)
    # What is seen on the screen agrees: the image fills exactly the rows and columns of the input.
    image, on_screen = drawing.locator("image").first.bounding_box(), box.bounding_box()
    assert on_screen["x"] - image["x"] == pytest.approx(image["width"] * field.box.left / 12, abs=7)
    assert on_screen["width"] == pytest.approx(image["width"] * (field.box.right - field.box.left) / 12, abs=12)
    picture = page.locator(".st-key-inspect_field_picture svg[data-frame='On the picture'] rect.box")
    assert float(picture.get_attribute("x")) == pytest.approx(field.box.left * 28 / 12)


def show_names_literally(page):
    page.locator(".st-key-inspect_two_tiles .tile").wait_for()
    assert (
        NAME in page.locator(".st-key-inspect_model").inner_text().replace(JOINER, "")
        or NAME in page.locator(".st-key-inspect_model input").input_value()
    )
    assert page.locator("img[src='x'], .katex").count() == 0  # that nothing leaves the machine is watched in every test


@thorough("tests/browser/test_inspect.py::test_long_work_is_carried_out_when_asked_for")
def test_long_work_is_cancelled_and_begins_anew(gallery, page, tmp_path):
    """A thousand images of 96 × 96 take a GoogLeNet many seconds: time enough to think better of it."""
    server, _ = gallery
    large = edit.replace(catalog.get("googlenet-96"), "", input_shape=(3, 96, 96))
    slow = trained_run(Manager(server.home), "slow", untrained=large)
    open_app(page, f"{server.url}/inspect?model={slow}&tab=test")
    evaluate, cancel = (page.get_by_role("button", name=name, exact=True) for name in ("Evaluate", "Cancel"))
    bar = page.get_by_test_id("stMain").get_by_role("progressbar")
    for _ in range(2):
        evaluate.click()
        until(lambda: re.search(r"Evaluating: [1-9]", told(page)), "the work is under way", patience=60)
        with rerun(page):
            cancel.click()
        until(lambda: bar.count() == 0, "the bar is gone")
        assert evaluate.is_visible()
        assert "Accuracy" not in told(page)
        assert all("Upload a picture" in text for text in page.get_by_test_id("stAlert").all_inner_texts())
    # The model is asked about a picture as if nothing had been.
    upload(page, tmp_path, {"plain.png": files()[0]["plain.png"]})
    until(lambda: page.locator(TILES).count() == 1, "a tile")


def test_long_work_is_carried_out_when_asked_for(gallery, page):
    """By a run whose name is hostile, beside itself at first."""
    server, run = gallery
    open_app(page, f"{server.url}/inspect?model={run}&pictures=digits:3&tab=two&second={run}")
    show_names_literally(page)
    go(page, f"/inspect?model={run}&pictures=digits:3&tab=why")
    page.locator(".st-key-inspect_why input[type=range]").wait_for()
    heat = page.locator(".st-key-inspect_why svg image").last
    slider = page.locator(".st-key-inspect_why input[type=range]")
    slider.evaluate("(node) => { node.value = 25; node.dispatchEvent(new Event('input')) }")
    assert heat.get_attribute("opacity") == "0.25"
    with rerun(page):
        page.get_by_text("Integrated gradients", exact=True).click()
    steps = page.locator(".st-key-inspect_steps input")
    with rerun(page):
        steps.fill("7")
        steps.press("Enter")
    with rerun(page):
        page.get_by_role("button", name="Compute").click()
    page.get_by_text(re.compile("all pixels together")).first.wait_for()
    assert page.locator(".st-key-inspect_why input[type=range]").input_value() == "25"
    with rerun(page):
        page.get_by_role("tab", name="Test set").click()
    with rerun(page):
        page.get_by_role("button", name="Evaluate").click()
    page.locator(".st-key-inspect_confusion svg").wait_for()
    assert page.locator(".st-key-inspect_worst .tile").count() == 24
    count = page.locator(TILES).count()
    with rerun(page):
        page.locator(".st-key-inspect_worst .tile").first.click()
    until(lambda: page.locator(TILES).count() == count + 1, "the most wrong image among the pictures")
    make_slim(page)


def make_slim(page):
    """Fold, undo, prune to a budget, undo: numbers and proofs as they are told."""
    with rerun(page):
        page.get_by_role("tab", name="Slim").click()
    fold = page.get_by_role("button", name="Fold norms", exact=True)
    fold.wait_for()
    numbers, undo = page.locator(".st-key-inspect_slim_numbers"), page.get_by_role("button", name="Undo", exact=True)
    cells = page.locator("[data-testid=stDataFrame]:visible td")  # what the table's picture says to a screen reader
    whole = numbers.inner_text()

    def take(button, row):
        with rerun(page):
            button.click()
        until(lambda: row in cells.all_text_contents(), f"the step {row}")
        assert numbers.inner_text() != whole
        assert "A step that changes no answer differs by rounding alone" in told(page)
        proof = next(each for each in cells.all_text_contents() if " of " in each)
        assert float(proof.split(" of ")[0]) <= 1e-4
        while undo.is_enabled():
            with rerun(page):
                undo.click()
        assert numbers.inner_text() == whole

    take(fold, "fold norms")
    page.get_by_text("time", exact=True).click()
    page.get_by_text("in turns with the network as it is now").wait_for()
    with rerun(page):
        page.get_by_text("parameters", exact=True).click()
    take(page.get_by_role("button", name="Prune", exact=True), "prune channels")


LOOKS = [("light", (1440, 1000)), ("dark", (1440, 1000)), ("light", (390, 844))]
DRAWN = {
    "maps": ".st-key-inspect_maps .units",
    "branches": ".st-key-inspect_contributions .bar",
    "field": ".st-key-inspect_field rect.box",
}


@thorough("tests/browser/test_looks.py::test_page_renders")
@pytest.mark.parametrize("tab", DRAWN)
def test_looks(gallery, page, tab):
    server, run = gallery
    open_app(page, f"{server.url}/inspect?model={run}&pictures=digits:3,digits:10&tab={tab}")
    page.locator(DRAWN[tab]).first.wait_for(state="attached")
    for _ in each_look(page, LOOKS):
        unnamed = page.locator("svg[role=img], svg[role=application], [role=img]").evaluate_all(
            "(all) => all.filter((node) => !node.getAttribute('aria-label')).length"
        )
        assert unnamed == 0
