"""The Train page in a real browser, with real workers: curves that stay, two visitors, refreshes, a killed worker."""

import gzip
import io
import lzma
import os
import signal
import time

import numpy as np
import psutil
import pytest
from PIL import Image

from explorer import datasets, training
from explorer.architecture import to_json
from explorer.catalog import get
from explorer.runs import RunFolder, is_locked, read_note
from explorer.training import _workers, open_manager
from tests.browser.design import until
from tests.browser.helpers import each_look, go, open_app, open_beside, settle
from tests.datasets.makers import classes, png, tar, zipped
from tests.runs.parts import end_all
from tests.sizes import ALL, thorough

PANELS = ".st-key-curves .panel svg[role=img]"
# Components live in shadow roots, which Playwright's locators look into and document.querySelector does not.
MARK = "(nodes) => nodes.forEach((node, index) => { node.__mark = `made-${index}` })"
MARKS = "(nodes) => nodes.map((node) => node.__mark)"

# Counts how often the loss curve has changed, from now on.
COUNT = """(panels) => {
    window.__updates = 0
    new MutationObserver(() => {
        const points = panels.querySelector('path[data-line=train]')?.getAttribute('d')
        if (points && points !== window.__points) { window.__points = points; window.__updates += 1 }
    }).observe(panels, { subtree: true, childList: true, attributes: true })
}"""


@pytest.fixture(scope="module")
def running_server(module_server, tmp_path_factory, forked_worker):
    home = tmp_path_factory.mktemp("home")
    return module_server(home=home, worker_command=forked_worker)


@pytest.fixture
def training_server(running_server):
    """A server with a data directory of its own, and its manager as another program sees it; nothing trains yet."""
    manager = open_manager(running_server.home)
    yield running_server, manager
    for run in manager.store.runs():
        manager.stop(run.id)
    end_all(running_server.home)
    until(lambda: not any(run.status in ("queued", "running", "pausing") for run in manager.store.runs()), "the end")


def queue(manager, epochs=2000, network="inception-net-32", **settings):
    config = training.recipe("course", "digits").changed(epochs=epochs, checkpoint_seconds=1.0, threads=1, **settings)
    return training.start(manager, training.fit_to_data(get(network), datasets.get_card("digits")), config)


def status(manager, run):
    return manager.store.get(run).status


@pytest.mark.timeout(480)
@pytest.mark.parametrize("updates", [3, pytest.param(60, marks=pytest.mark.soak)])
def test_curves_grow_in_a_picture_that_stays(training_server, page, new_page, updates):
    server, manager = training_server
    known = {run.id for run in manager.store.runs()}
    open_app(page, f"{server.url}/train")
    page.locator(".st-key-set_epochs_course_0 input").fill("2000")
    page.locator(".st-key-set_epochs_course_0 input").press("Enter")
    settle(page)
    page.get_by_role("button", name="Start", exact=True).click()
    run = until(lambda: [run.id for run in manager.store.runs() if run.id not in known], "the run was queued")[0]
    until(lambda: manager.store.get(run).step > 0, "the worker began", patience=120)
    begun = time.monotonic()
    page.locator(".st-key-curves path[data-line=train]").first.wait_for(state="attached")
    assert time.monotonic() - begun < 3
    assert f"run={run}" in page.evaluate("location.href")

    # Drag over the middle of the loss curve: what is seen there stays, however much comes after it.
    line = page.locator(".st-key-curves path[data-line=train]").first
    until(lambda: int(line.get_attribute("data-points")) > 2, "points")
    page.locator(PANELS).first.scroll_into_view_if_needed()  # the button to start stands below it
    frame = page.locator(PANELS).first.bounding_box()
    page.mouse.move(frame["x"] + 100, frame["y"] + 100)
    page.mouse.down()
    page.mouse.move(frame["x"] + 200, frame["y"] + 110, steps=4)
    page.mouse.up()
    whole = page.get_by_role("button", name="whole range")
    assert whole.is_visible()
    page.get_by_role("button", name="log scale").click()
    stretch = page.locator(f"{PANELS} >> nth=0").locator("text.muted[text-anchor=middle]")
    ticks = stretch.all_text_contents()
    assert len(ticks) >= 2
    page.locator(PANELS).evaluate_all(MARK)
    page.locator(".st-key-curves .panels").evaluate(COUNT)
    until(lambda: "view=log" in page.evaluate("location.href"), "the address tells the scale")
    other = new_page() if ALL else open_beside(page)
    open_app(other, page.evaluate("location.href"))

    # Update after update, while another visitor looks at the same run; the address tells the scale.
    until(lambda: page.evaluate("window.__updates") >= updates, "updates", patience=240)
    assert page.locator(PANELS).evaluate_all(MARKS) == ["made-0", "made-1"]
    assert whole.is_visible()
    assert page.get_by_role("button", name="log scale").get_attribute("aria-pressed") == "true"
    assert stretch.all_text_contents() == ticks  # the horizontal axis shows the same stretch

    # Either of them steers, both see it.
    other.get_by_role("button", name="Pause").click()
    until(lambda: status(manager, run) == "paused", "paused")
    for visitor in (page, other):
        visitor.locator(".st-key-run_head").get_by_text("paused").wait_for()
    # A refresh brings everything back.
    for visitor in (page, other) if ALL else (page,):
        visitor.reload(wait_until="domcontentloaded")
    for visitor in (page, other):
        visitor.locator(".st-key-curves path[data-line=train]").first.wait_for(state="attached")
        assert f"run={run}" in visitor.evaluate("location.href")
        assert visitor.get_by_role("button", name="log scale").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Resume").click()
    until(lambda: status(manager, run) == "running" and manager.store.get(run).attempt == 2, "resumed")
    for visitor in (page, other):
        visitor.locator(".st-key-run_head").get_by_text("running").wait_for()
    page.get_by_role("button", name="Stop").click()
    until(lambda: status(manager, run) == "stopped", "stopped")
    for visitor in (page, other):
        visitor.locator(".st-key-run_head").get_by_text("stopped").wait_for()


@thorough("tests/runs/test_faults.py::test_the_server_is_killed_then_the_workers_too")
def test_a_killed_worker_is_shown_and_its_run_goes_on(training_server, page):
    server, manager = training_server
    run = queue(manager).id
    open_app(page, f"{server.url}/train?run={run}")
    until(lambda: manager.store.get(run).step > 0, "the worker began", patience=120)
    lock = RunFolder(manager.root, run).lock
    os.kill(read_note(lock)["pid"], signal.SIGKILL)
    until(lambda: not is_locked(lock))
    page.locator(".st-key-run_head").get_by_text("interrupted").wait_for(timeout=5000)
    page.get_by_role("button", name="Resume").click()
    until(lambda: status(manager, run) == "running", "resumed")
    page.locator(".st-key-stop button").first.wait_for()


@thorough("tests/runs/test_faults.py::test_the_server_is_killed_then_the_workers_too")
def test_the_tab_is_closed_and_the_run_goes_on(training_server, new_page):
    server, manager = training_server
    page = new_page()
    run = queue(manager).id
    open_app(page, f"{server.url}/train?run={run}")
    until(lambda: manager.store.get(run).step > 0, "the worker began", patience=120)
    page.close()
    before = manager.store.get(run).step
    until(lambda: manager.store.get(run).step > before + 20, "steps without a visitor", patience=120)
    assert status(manager, run) == "running"


LOOKS = [("light", (1440, 1000)), ("dark", (1440, 1000)), ("light", (390, 844))]


@pytest.fixture(scope="module")
def finished_runs(module_server, tmp_path_factory, forked_worker):
    """A server with two runs that have ended, trained once."""
    home = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_HOME", str(home))
        patch.setattr(_workers, "COMMAND", forked_worker)
        manager = open_manager(home, per_device=2)
        manager.acquire()  # a worker that has ended would look after the next one itself, for a moment
        made = [queue(manager, epochs=2, network="near-sighted-cnn", seed=seed).id for seed in (0, 1)]
        until(
            lambda: manager.tick() or all(status(manager, run) == "finished" for run in made), "trained", patience=280
        )
        manager.close()
    yield module_server(home=home), made
    end_all(home)


@thorough("tests/browser/test_looks.py::test_page_renders")
def test_looks(finished_runs, page):
    server, (first, second) = finished_runs
    open_app(page, f"{server.url}/train?run={first},{second}&view=50")
    page.locator(".st-key-board .tile.wrong, .st-key-board .tile").first.wait_for()
    page.locator(".st-key-runs_table").wait_for()
    for _ in each_look(page, LOOKS):
        assert page.locator(".st-key-board .tile").count() > 0


def test_a_run_is_hidden_by_its_name_the_matrix_is_one_picture_and_a_click_opens_a_checkpoint(finished_runs, page):
    server, (first, second) = finished_runs
    open_app(page, f"{server.url}/train?run={first},{second}")
    lines = page.locator(f"{PANELS} >> nth=0 >> path.line")
    until(lambda: lines.count() == 4, "train and test of two runs")
    page.get_by_role("button", name="seed 1").click()
    until(lambda: lines.count() == 2, "one run")
    page.get_by_role("button", name="seed 1").click()
    until(lambda: lines.count() == 4, "both again")
    # The keyboard reads the points; Escape leaves a zoom.
    picture = page.locator(PANELS).first
    picture.focus()
    picture.press("ArrowLeft")
    assert "seed 0 · train" in page.locator(".st-key-curves .tip").inner_text()
    picture.press("+")
    assert page.get_by_role("button", name="whole range").is_visible()
    picture.press("Escape")
    assert not page.get_by_role("button", name="whole range").is_visible()
    # The axis that was chosen stands in the address.
    page.get_by_role("radio", name="time").click()
    until(lambda: "view=second" in page.evaluate("location.href"), "the address")

    # The matrix has no element for each cell, of which there may be ten thousand; and it is read by the pointer.
    matrix = page.locator(".st-key-board svg.grid")
    matrix.wait_for()
    settle(page)
    matrix.scroll_into_view_if_needed()
    assert matrix.locator("image.cells").count() == 1
    assert matrix.locator("rect").count() == 1
    box = matrix.locator("image.cells").bounding_box()
    tip = page.locator(".st-key-board .tip")
    for share, truth in ((0.05, "0"), (0.95, "9")):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
        until(lambda truth=truth: tip.inner_text().split("\n")[:4] == ["shows", truth, "predicted", truth], "its facts")
    # What has not changed is not drawn anew when the page runs again.
    matrix.evaluate("node => { node.__mark = 'made' }")
    page.get_by_role("button", name="seed 1").first.click()
    page.get_by_role("radio", name="step", exact=True).click()
    until(lambda: "view=step" in page.evaluate("location.href"), "another run of the page")
    settle(page)
    assert matrix.evaluate("node => node.__mark") == "made"
    open_the_checkpoint_of_a_ringed_point(page, first)


def open_the_checkpoint_of_a_ringed_point(page, first):
    go(page, f"/train?run={first}")
    ring = page.locator(f"{PANELS} >> nth=1 >> circle.kept").last
    ring.wait_for(state="attached")
    place = ring.bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y)
    tip = page.locator(".st-key-curves .tip")
    until(lambda: "checkpoint" in tip.inner_text() and "not kept" not in tip.inner_text(), "what is kept")
    page.mouse.click(x, y)
    page.wait_for_url("**/inspect?*")
    assert f"model={first}%40" in page.url or f"model={first}@" in page.url


@thorough("tests/pages/test_train.py::test_the_proposed_network_follows_the_design_until_somebody_chooses")
def test_a_design_that_was_never_saved_is_trained(training_server, page):
    """From the Design page to a run and back: the session's own network."""
    server, manager = training_server
    run = manager.create("mine", to_json(get("dilated-cnn")), training.recipe("course", "digits").model_dump_json())
    manager.stop(run.id)
    open_app(page, f"{server.url}/train?run={run.id}")
    page.get_by_role("tab", name="Settings").click()
    page.get_by_role("link", name="Open its network in Design").click()
    page.locator(".st-key-editor .head b").wait_for()
    until(lambda: "net=dilated-cnn" in page.evaluate("location.href"), "the address names it")
    page.get_by_role("link", name="Train", exact=True).click()
    page.locator(".st-key-train_designs").wait_for()
    settle(page)
    assert page.get_by_text("Networks", exact=True).is_visible()


def archives():
    """Archives of 12 images in two classes, laid out as data sets are shipped; by name."""
    sheet = "filename;label\n" + "".join(f"{n}.png;{'ab'[n % 2]}\n" for n in range(12))
    marks = "".join(f"v{n}.png\tn0{n % 2}\t0\t0\t7\t7\n" for n in range(2))
    listed = {"labels.csv": sheet.encode(), **{f"images/{n}.png": png(n) for n in range(12)}}
    return {
        "splits.zip": classes(2, 3, "p/Train/") | {f"p/TEST/class{n % 2}/{n}.png": png(900 + n) for n in range(6)},
        "names.tar.gz": {f"{name}.{n}.png": png(10 * c + n) for c, name in enumerate(("cat", "dog")) for n in range(6)},
        "listed.tar.xz": listed,
        "tiny.zip": {
            **{f"t/train/n0{c}/images/n0{c}_{n}.png": png(10 * c + n) for c in (0, 1) for n in range(5)},
            **{f"t/val/images/v{n}.png": png(900 + n) for n in range(2)},
            "t/val/val_annotations.txt": marks.encode(),
        },
    }


@thorough("tests/pages/test_train.py::test_a_folder_is_streamed_where_that_is_chosen")
def test_archives_of_every_kind_are_previewed(training_server, page, tmp_path):
    server, _ = training_server
    open_app(page, f"{server.url}/train")
    page.get_by_text("Bring your own images").click()
    upload = page.locator(".st-key-train_upload input[type=file]")
    card = page.locator(".st-key-new_card")
    kinds = list(archives().items())
    for name, members in kinds if ALL else kinds[:1]:  # tests/datasets reads every kind without a page
        data = tar(members)
        if name.endswith("xz"):
            data = lzma.compress(gzip.decompress(data))
        (tmp_path / name).write_bytes(data)
        if name.endswith("zip"):
            zipped(tmp_path / name, members)
        upload.set_input_files(tmp_path / name)
        card.locator("p").filter(has_text=f"{name.partition('.')[0]} · 12 images · 2 classes").wait_for()
        settle(page)
        assert page.get_by_role("button", name="Import", exact=True).is_enabled(), name
    # And what cannot be imported: each is told as what it is, and there is nothing to press.
    (tmp_path / "text.zip").write_text("nothing")
    zipped(tmp_path / "nested.zip", {"inner.zip": (tmp_path / "splits.zip").read_bytes()})
    zipped(tmp_path / "one.zip", classes(1, 4))
    bad = (("text.zip", "not a zip"), ("nested.zip", "inside"), ("one.zip", "class"))
    for name, reason in bad if ALL else bad[:1]:
        upload.set_input_files(tmp_path / name)
        card.get_by_test_id("stAlert").filter(has_text=name).filter(has_text=reason).first.wait_for()
        settle(page)
        assert page.get_by_role("button", name="Import", exact=True).count() == 0, name
    # A folder of this machine, whose images stay where they are.
    for at, data in archives()["splits.zip"].items():
        path = tmp_path / "folder" / at
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    page.locator(".st-key-train_path input").fill(str(tmp_path / "folder"))
    page.keyboard.press("Enter")
    page.get_by_text("Leave the images in their folder").click()
    settle(page)
    page.get_by_role("button", name="Import", exact=True).click()
    card.get_by_text(f"Streamed: 12 images in 2 classes, which stay in {tmp_path / 'folder'}").wait_for()
    assert not list(server.home.rglob("*.png"))


def test_own_images_are_uploaded(training_server, page, tmp_path):
    server, manager = training_server
    known = {run.id for run in manager.store.runs()}
    archive = zipped(tmp_path / "pets.zip", classes(2, 10))
    open_app(page, f"{server.url}/train")
    page.get_by_text("Bring your own images").click()
    upload = page.locator(".st-key-train_upload input[type=file]")
    upload.set_input_files(archive)
    page.get_by_text("20 images · 2 classes").wait_for()
    settle(page)
    assert not [path for path in server.home.rglob("*") if path.name.startswith("pets")]  # nothing is stored yet
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("16 + 4 images · 2 classes").wait_for()
    copies = [path for path in server.home.rglob("*") if path.suffix == ".zip" or path.name.startswith(".staging-")]
    assert not copies  # what was uploaded is gone
    # What is no zip is one sentence, without a button that ends nothing, and the page goes on.
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 nothing")
    page.get_by_text("Bring your own images").click()  # closed by the import
    upload.set_input_files(tmp_path / "bad.zip")
    page.locator(".st-key-new_card [data-testid=stAlert]").filter(has_text="bad.zip").wait_for()
    settle(page)
    assert page.get_by_role("button", name="Cancel", exact=True).count() == 0
    assert page.get_by_role("button", name="Start", exact=True).is_enabled()
    assert {run.id for run in manager.store.runs()} == known


@thorough("tests/browser/test_train.py::test_own_images_are_uploaded")
def test_a_large_import_is_cancelled_then_done_and_its_memory_is_given_back(training_server, page, tmp_path):
    server, _ = training_server

    def encode(image, level):
        out = io.BytesIO()
        image.save(out, "PNG", compress_level=level)
        return out.getvalue()

    def noise(number):
        return Image.fromarray(np.random.default_rng(number).integers(0, 256, (1100, 900, 3), dtype=np.uint8))

    # Many bytes, 119 MB of the 128 MB that the server takes (half of it in `make test`), and pixels that take a while.
    large, slow = (40 if ALL else 20), 10
    photos = [encode(noise(number), 0) for number in range(large)]
    photos += [encode(Image.new("RGB", (5000, 3300), (number, 0, 0)), 1) for number in range(slow)]
    count = large + slow
    archive = zipped(tmp_path / "large.zip", {f"{'ab'[n % 2]}/{n}.png": data for n, data in enumerate(photos)}, 0)
    assert large * 2_970_000 < archive.stat().st_size < 128 * 2**20

    def used():
        return psutil.Process(server.process.pid).memory_info().rss

    def left_behind():
        kept = [path for path in server.home.rglob("*") if path.name.startswith(".staging-")]
        return kept + [path for path in server.home.rglob("*") if "large" in path.name]

    open_app(page, f"{server.url}/train")
    page.get_by_text("Bring your own images").click()
    before = used()
    page.locator(".st-key-train_upload input[type=file]").first.set_input_files(archive)
    start = page.get_by_role("button", name="Import", exact=True)
    start.wait_for(timeout=120_000)
    settle(page)
    start.click()
    page.get_by_text("Reading the images: ").wait_for(timeout=60_000)
    page.get_by_role("button", name="Cancel").click()
    until(lambda: page.get_by_role("button", name="Cancel").count() == 0, "no dead button is left", patience=60)
    until(lambda: not left_behind(), "nothing of it is stored")
    # What was uploaded and seen is still there, and the import is done when asked for again.
    start.click()
    page.get_by_text(f"{count * 4 // 5} + {count - count * 4 // 5} images · 2 classes").wait_for(timeout=120_000)
    settle(page)
    assert used() - before < archive.stat().st_size  # a copy that is kept somewhere is a whole one
    copies = [path for path in server.home.rglob("*") if path.suffix == ".zip"]
    assert not copies
