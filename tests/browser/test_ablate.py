"""The Ablate page in a real browser: from the wizard to a table that fills by itself, and how it looks."""

import csv
import io

import pytest

from explorer.catalog import get
from explorer.experiments import collect_results, draw_conclusions, list_experiments, plan, start, to_csv
from explorer.training import open_manager, recipe
from tests.browser.design import JOINER, until
from tests.browser.helpers import LUMINANCE, each_look, open_app, open_beside, rerun, settle
from tests.experiments.parts import finish
from tests.sizes import ALL, thorough

SEEDS = ".st-key-ablation .panel:nth-of-type({}) .seed"
NAME = "<img src=x onerror=alert(1)> **b** $x$ :smile: [a](javascript:alert(1))"
LOOKS = [("light", (1440, 1000)), ("dark", (390, 844))]


@pytest.fixture(scope="module")
def laboratory(module_server, tmp_path_factory):
    """A server with a data directory of its own that is looked after from here: no worker ever starts."""
    home = tmp_path_factory.mktemp("home")
    manager = open_manager(home)
    manager.acquire()
    yield module_server(home=home), manager
    manager.close()


def accuracies(seed, variant):
    gain = {"base": 0.0, "residual": 0.02, "CBAM": 0.005, "residual + CBAM": 0.024}[variant]
    return 0.5, 0.6 + 0.004 * seed + gain + 0.001 * (len(variant) + seed) % 0.003


def end(manager, experiment, count):
    """The first so many runs of an experiment that wait are trained."""
    waiting = [(trial, run) for trial, run in manager.trials(experiment) if run.status == "queued"]
    for trial, run in waiting[:count]:
        finish(manager, run, *accuracies(trial.seed, trial.variant), seconds=60.0)


def test_from_the_wizard_to_a_table_that_fills_by_itself(laboratory, page, new_page):
    server, manager = laboratory
    open_app(page, f"{server.url}/ablate")
    with rerun(page):
        page.get_by_text("All combinations", exact=True).click()
    with rerun(page):
        page.get_by_role("textbox", name="Name").fill(NAME)
        page.keyboard.press("Enter")
    page.get_by_text("4 variants").wait_for()
    page.get_by_role("button", name="Start 12 runs").click()
    stored = until(lambda: list_experiments(manager), "the experiment")[0]
    until(lambda: f"experiment={stored.id}" in page.evaluate("location.href"), "the address")
    assert page.get_by_role("heading", level=2).inner_text().replace(JOINER, "") == NAME
    assert page.locator("img[src='x'], .katex, a[href^=javascript]").count() == 0

    # Nobody touches the page: numbers and marks come while it is looked at, in the same picture.
    other = new_page() if ALL else open_beside(page)
    open_app(other, page.evaluate("location.href"))
    for each in (page, other):
        each.locator(".st-key-ablation svg").first.wait_for()
        each.evaluate("document.querySelector('.st-key-ablation').__mark = 'kept'")
    end(manager, stored.id, 5)
    for each in (page, other):
        until(lambda each=each: each.locator(SEEDS.format(1)).count() == 5, "five runs")
        each.get_by_text("5 of 12 runs finished").wait_for()
        assert each.locator(SEEDS.format(2)).count() == 3  # seed 0 of three variants has a base to be compared with
    end(manager, stored.id, 7)
    until(lambda: page.locator(SEEDS.format(1)).count() == 12, "all runs")
    page.get_by_text("12 of 12 runs finished").wait_for()
    assert page.evaluate("document.querySelector('.st-key-ablation').__mark") == "kept"

    # The keyboard walks over the variants, and each says what it holds.
    row = page.locator(".st-key-ablation [role=img][data-variant=base]").first
    row.focus()
    page.keyboard.press("ArrowDown")
    rows = collect_results(manager, stored)
    spoken = page.locator(".st-key-ablation .panel:nth-of-type(1) [data-variant=residual]").get_attribute("aria-label")
    assert f"mean {100 * rows[1].accuracy.mean:.2f} %" in spoken
    assert page.locator(".st-key-ablation .tip").evaluate("node => node.classList.contains('shown')")

    settle(page)
    page.locator(".st-key-experiment_more button").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    text = download.value.path().read_text(encoding="utf-8")
    assert text == to_csv(stored, rows, draw_conclusions(manager, stored, rows))
    assert len(list(csv.reader(io.StringIO(text)))) == 6  # header, four variants, their interaction
    with page.expect_download() as download:
        page.get_by_role("button", name="Markdown", exact=True).click()
    assert "| residual | 3/3 |" in download.value.path().read_text(encoding="utf-8")


# The smallest ratio of contrast of the texts in the pictures, by the formula of WCAG 2.
CONTRAST = "() => {" + LUMINANCE + """
    const paper = luminance(getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor)
    const host = [...document.querySelectorAll('.st-key-ablation *')].find((node) => node.shadowRoot)
    return [...host.shadowRoot.querySelectorAll('text, .title b, .title span')].filter((node) => node.textContent)
        .map((node) => luminance(node.tagName === 'text' ? getComputedStyle(node).fill : getComputedStyle(node).color))
        .map((ink) => contrast(ink, paper))
}"""


@thorough("tests/browser/test_looks.py::test_page_renders")
def test_it_looks_right(laboratory, page):
    server, manager = laboratory
    planned = plan(
        get("inception-net-32"), ("residual", "cbam"), recipe("course", "digits"), seeds=(0, 1, 2), combine=True
    )
    stored = start(manager, planned)
    end(manager, stored.id, 11)
    open_app(page, f"{server.url}/ablate?experiment={stored.id}")
    until(lambda: page.locator(SEEDS.format(1)).count() == 11, "the picture")
    for _ in each_look(page, LOOKS):
        ratios = page.evaluate(CONTRAST)
        assert len(ratios) > 20
        assert min(ratios) >= 4.5
        labels = page.locator(".st-key-ablation .panel:nth-of-type(1) .hitrow text").all_text_contents()
        assert labels == ["base", "residual", "CBAM", "residual + CBAM"]
    with rerun(page):
        page.get_by_text("New ablation", exact=True).click()
    page.get_by_role("button", name="Start 9 runs").wait_for()
    for _ in each_look(page, LOOKS):
        assert page.get_by_role("button", name="Start 9 runs").is_visible()
