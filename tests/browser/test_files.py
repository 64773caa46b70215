"""Opening, saving and uploading designs; pictures as files; the tabs below the pictures."""

import json
import re
import struct
from xml.etree import ElementTree as ET

import onnx
import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import MAX_TEXT_BYTES, edit, from_json, to_json, to_link
from tests.browser.design import until
from tests.browser.helpers import LUMINANCE, each_look, go, rerun, settle
from tests.sizes import ALL, THOROUGH, thorough

NET = "inception-net-32"
UPLOAD = ".st-key-upload [data-testid=stFileUploaderDropzoneInput]"
CHANGED = edit.replace(catalog.get(NET), "inception1/branch_1x1", out_channels=96)


# The ratio of contrast of each word of a code, with its kind.
CONTRASTS = "(code) => {" + LUMINANCE + """
    const paper = luminance(getComputedStyle(code.closest('pre')).backgroundColor)
    return [...code.querySelectorAll('.token')]
        .map((word) => [contrast(luminance(getComputedStyle(word).color), paper), word.className])
}"""


def panel(page):
    return page.get_by_test_id("stPopoverBody")


def test_a_preset_is_found_by_typing_and_bad_uploads_keep_the_design_and_say_why(design, tmp_path):
    page = design.open(NET).page
    design.button("open_popover").click()
    panel(page).get_by_label("Search the catalogue").click()
    page.keyboard.type("空洞")  # the list follows while one types
    panel(page).get_by_text("networks match").wait_for()
    settle(page)
    with design.changing():
        panel(page).get_by_role("button", name="Open this network").click()
    assert design.query("net") in {"dilated-cnn", "dilated-cnn-121"}
    assert design.query("base") == ""
    with design.changing():
        design.button("undo_button").click()
    assert design.query("net") == NET
    upload_bad_files(design, tmp_path)


@thorough("tests/pages/test_pages.py::test_a_preset_is_picked_from_the_list_and_a_new_design_begun")
def test_new_design_is_named_and_kept(design):
    page = design.open("googlenet").page
    design.button("open_popover").click()
    with design.changing():
        panel(page).get_by_role("button", name="New, small network").click()
    assert design.title() == "Untitled"
    page.keyboard.press("Escape")
    with design.changing():
        page.locator(".st-key-title input").fill("Small one")
        page.keyboard.press("Enter")
    assert design.architecture.name == "Small one"
    assert design.query("base")  # measured from the untitled beginning
    design.button("changes_popover").click()
    until(lambda: "Untitled" in panel(page).inner_text(), "what the changes are measured from")


def test_download_and_upload_give_the_same_design(design, tmp_path, watch):
    watch.allow(
        r"404 .*/media/|Download Button source error - 404",
        because="the browser looks for the file of each button that comes, which the next choice has replaced by then",
    )
    page = design.open(to_link(CHANGED)).page
    design.button("export_open").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Download InceptionNet-32-32.py").wait_for()  # what is asked for most
    code = dialog.locator("code")
    code.locator(".comment").first.wait_for()  # coloured a moment after it is shown
    # A phone has the same colours: to draw the code anew for it takes seconds.
    phone = [("light", (390, 844)), ("dark", (390, 844))] if ALL else []
    for _ in each_look(page, [*phone, ("light", (1280, 900)), ("dark", (1280, 900))]):
        words = code.evaluate(CONTRASTS)
        assert len(words) > 500
        assert min(words)[0] >= 4.5
    page.locator(".st-key-export_format input").click()
    page.get_by_role("option", name="JSON").click()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download InceptionNet-32-32.json").click()
    # In sight, with a button to copy it; there is nothing to wait for that comes with it.
    until(lambda: '"inception1"' in dialog.locator("code").inner_text(), "the text of the file")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog.get_by_test_id("stCode").hover()
    dialog.get_by_role("button", name="Copy").first.click()
    copied = until(lambda: page.evaluate("navigator.clipboard.readText()"), "the code is copied")
    page.context.clear_permissions()
    assert download.value.suggested_filename == "InceptionNet-32-32.json"
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    saved = from_json(file.read_bytes())
    assert from_json(copied.encode()) == saved
    assert edit.replace(saved, "", provenance=CHANGED.provenance) == CHANGED
    page.locator(".st-key-export_format input").click()
    page.get_by_role("option", name="PDF picture").click()
    dialog.get_by_role("button", name="Write it").click()  # what is no text is written when asked for
    dialog.get_by_role("button", name="Download InceptionNet-32-32.pdf").wait_for()
    page.locator(".st-key-export_format input").click()
    page.get_by_role("option", name="Training script").click()
    dialog.get_by_role("button", name="Download InceptionNet-32-32.train.py").wait_for()
    page.locator(".st-key-export_recipe input").click()
    page.get_by_role("option", name="quick").click()
    dialog.get_by_text("schedule one_cycle").first.wait_for()  # in the code, which is in sight
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert saved.provenance.startswith("Based on InceptionNet")  # and no longer "course notes" alone

    go(page, "/design?net=googlenet")
    until(lambda: design.title() == "GoogLeNet", "another network")
    design.button("open_popover").click()
    with design.changing():
        page.locator(UPLOAD).set_input_files(file)
    assert design.architecture == saved
    assert not panel(page).is_visible()  # the list no longer lies over what was opened


@thorough("tests/pages/test_import_model.py::test_an_onnx_file_is_opened_with_its_weights_and_a_damaged_one_changes_nothing")
def test_an_onnx_file_is_downloaded_and_opened_with_its_weights(design, tmp_path):
    page = design.open(to_link(CHANGED)).page
    design.button("export_open").click()
    dialog = page.get_by_role("dialog")
    page.locator(".st-key-export_format input").click()
    page.get_by_role("option", name="ONNX").click()
    dialog.get_by_role("button", name="Write and check it").click()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download InceptionNet-32-32.onnx").click(timeout=60_000)
    assert dialog.get_by_text("Read by onnxruntime").is_visible()
    download.value.save_as(tmp_path / "net.onnx")
    written = onnx.load(tmp_path / "net.onnx")
    saved = from_json({each.key: each.value for each in written.metadata_props}["explorer.design"])
    assert edit.replace(saved, "", provenance=CHANGED.provenance) == CHANGED
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")

    design.open("googlenet").button("open_popover").click()
    with design.changing():
        page.locator(UPLOAD).set_input_files(tmp_path / "net.onnx")
    assert design.architecture == saved
    page.get_by_text("Its weights are kept as imported-InceptionNet").wait_for()
    page.get_by_role("link", name="Inspect its weights").click()
    page.get_by_text("334,858").first.wait_for(timeout=60_000)


@thorough("tests/pages/test_import_model.py::test_a_network_is_imported_and_its_weights_are_kept")
def test_a_network_of_torchvision_by_its_address_and_by_its_name(design):
    page = design.open("torchvision:resnet50").page
    assert analyze(design.architecture).params == 25_557_032  # as torchvision publishes it
    design.button("open_popover").click()
    page.locator(".st-key-import_name input").click()
    page.keyboard.type("squeezenet1_1")
    page.get_by_role("option").filter(has_text="torchvision:squeezenet1_1").click()
    with design.changing():
        panel(page).get_by_role("button", name="Import", exact=True).click()
    assert analyze(design.architecture).params == 1_235_496
    page.get_by_text("random numbers, are kept as imported-squeezenet1_1").wait_for()


def bad_files():
    good = json.loads(to_json(CHANGED))
    return {
        "no-json": (b"not json at all", "not valid JSON"),
        "cut": (to_json(CHANGED).encode()[:-40], "not valid JSON"),
        "binary": (bytes(range(256)), "not valid JSON"),
        "unknown-key": (json.dumps({**good, "nmae": "x"}).encode(), "did you mean 'name'?"),
        "too-large": (b" " * (MAX_TEXT_BYTES + 1), f"at most {MAX_TEXT_BYTES:,} are allowed"),
        "not-a-number": (to_json(CHANGED).replace(": 96", ": NaN", 1).encode(), "NaN is not a number"),
    }


@thorough("tests/pages/test_pages.py::test_renaming_undo_redo_and_pinning")
def test_changes_are_listed_and_measured_from_here(design):
    page = design.open(NET).page
    assert "no changes" in design.button("changes_popover").inner_text()
    with design.changing():
        design.choice("attention", "SE").click()
    design.button("changes_popover").click()
    until(lambda: "inception1" in panel(page).inner_text(), "the list of changes")
    with rerun(page):
        panel(page).get_by_role("button", name="Measure from here").click()
    until(lambda: design.query("base") == "", "the baseline to be the design")
    until(lambda: {change.split(", ")[-1] for _, _, change in design.headline()[:5]} == {"unchanged"}, "no changes")
    design.agree()


@thorough("tests/profiling/test_summary.py::test_the_text_is_torchinfos_own")
def test_torchinfo_summary(design):
    page = design.open(NET).page
    with rerun(page, timeout=120):
        page.get_by_role("tab", name="torchinfo summary").click()
    now = analyze(design.architecture)
    listing = page.locator(".st-key-summary_table_text pre")
    until(
        lambda: re.search(rf"Total params: +{now.params:,}\b", listing.inner_text()),
        "torchinfo's total",
        patience=120,
    )
    design.agree()


def upload_bad_files(design, tmp_path):
    page = design.page
    kept, headline = design.query("net"), design.headline()
    design.button("open_popover").click()
    bad = list(bad_files().items())
    for name, (content, reason) in bad if ALL else bad[:2]:  # tests/architecture refuses all of them without a page
        file = tmp_path / f"{name}.json"
        file.write_bytes(content)
        with rerun(page):
            page.locator(UPLOAD).set_input_files(file)
        until(lambda reason=reason: reason in design.notice(), f"what is wrong with {name}")
        assert "your design is kept" in design.notice()
        assert design.query("net") == kept
        assert design.headline() == headline
    # Said once: the next thing that is done goes on as usual.
    page.keyboard.press("Escape")
    with design.changing():
        design.choice("norm", "batch").click()
    assert design.notice() == ""


@pytest.mark.parametrize("color_scheme", ["light", pytest.param("dark", marks=THOROUGH)])
def test_pictures_as_files_and_where_the_cost_is(design, tmp_path, color_scheme):
    page = design.open("googlenet").page
    for kind in ("SVG", "PNG"):
        with page.expect_download() as download:
            page.locator(".st-key-diagram .block-area").get_by_role("button", name=kind, exact=True).click()
        assert download.value.suggested_filename == f"inception_3a.{kind.lower()}"
        download.value.save_as(tmp_path / kind)
    text = (tmp_path / "SVG").read_text(encoding="utf-8")
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join(root.itertext())
    for shown in ("1×1", "3×3", "5×5", "concat 256", "128", "192"):
        assert shown in words
    outside = [value for node in root.iter() for value in node.attrib.values() if re.search(r"url\(|://|var\(", value)]
    assert outside == []
    assert "<script" not in text
    png = (tmp_path / "PNG").read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == (2 * round(float(root.get("width"))), 2 * round(float(root.get("height"))))
    assert len(png) > 5_000
    show_cost(design)


def show_cost(design):
    page = design.page
    with rerun(page):
        page.get_by_role("tab", name="Where the cost is").click()
    picture = page.locator(".st-key-treemap .js-plotly-plot")
    until(lambda: picture.locator("path.surface").count() > 20, "the treemap")
    assert "inception_3a" in picture.inner_text()
    with rerun(page):
        page.get_by_text("Parameters", exact=True).last.click()
    until(lambda: "6,998,552" in picture.inner_text() or picture.locator("path.surface").count() > 20, "parameters")
    # An edit while this tab is open draws it anew.
    with design.changing():
        design.choice("norm", "batch").click()
    assert page.locator(".st-key-treemap .js-plotly-plot path.surface").count() > 20
