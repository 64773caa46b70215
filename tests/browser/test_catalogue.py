"""The Catalogue page: the family tree by keyboard; every entry with its numbers, search, and the way to Design."""

from explorer import catalog
from explorer.analysis import analyze
from explorer.text import format_count
from tests.browser.design import Design, until
from tests.browser.helpers import open_app, rerun
from tests.sizes import thorough


def entries(page):
    return [text.strip() for text in page.get_by_role("heading", level=3).all_inner_texts()]


def test_every_entry_with_its_numbers_is_searched_and_opened(server, page):
    open_app(page, f"{server.url}/catalogue?view=list&sort=name")
    until(lambda: len(entries(page)) == len(catalog.names()), "every entry")
    assert entries(page) == sorted((entry.title for entry in catalog.entries()), key=str.casefold)
    for entry in catalog.entries():
        text = page.locator(f".st-key-entry_{entry.name.replace('.', '-')}").inner_text()
        now = analyze(entry.architecture)
        assert f"{format_count(now.params)} parameters" in text
        assert f"{format_count(now.macs)} MACs" in text
        assert entry.summary in text
        assert entry.source in text
        assert text.count("Put right:") == len(entry.repairs)

    # Searched, and opened in Design.
    search = page.locator(".st-key-search input")
    with rerun(page):
        search.fill("residual mnist")
        page.keyboard.press("Enter")
    found = [catalog.entry("residual-mnist").title]
    until(lambda: entries(page) == found, "the one that was searched")
    page.reload()
    until(lambda: entries(page) == found and search.input_value() == "residual mnist", "the same after a reload")
    for text in ("nothing like this", "](javascript:alert(1))", "<img src=x onerror=alert(1)>"):
        with rerun(page):
            search.fill(text)
            page.keyboard.press("Enter")
        page.get_by_text("Nothing in the catalogue matches").wait_for()
    open_app(page, f"{server.url}/catalogue?view=list")  # one family is unfolded, and the others when they are clicked
    first = [entry.title for entry in catalog.entries() if entry.group == "course"]
    until(lambda: entries(page) == first, "the first family")
    with rerun(page):
        page.locator("summary").filter(has_text="Before GoogLeNet").click()
    until(lambda: len(entries(page)) > len(first), "another family")
    page.locator(".st-key-entry_inception-net-32").get_by_role("link", name="Open in Design").click()
    design = Design(page, server.url)
    until(lambda: design.query("net") == "inception-net-32", "the network in the address")
    page.locator(".st-key-editor .head b").wait_for()
    _, analysis = design.agree()
    assert analysis.params == 326_122
    assert "/design?" in page.evaluate("location.href")


@thorough("tests/browser/test_catalogue.py::test_the_tree_is_walked_by_keyboard_and_told_of_and_unfolds_on_a_phone")
def test_on_a_phone_each_network_is_a_few_lines_and_unfolds(server, new_page):
    page = new_page(viewport=(390, 844))
    open_app(page, f"{server.url}/catalogue?view=list")
    first = [entry.title for entry in catalog.entries() if entry.group == "course"]
    until(lambda: entries(page) == first, "the first family")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight") < 250 * (len(first) + 4)
    with rerun(page):
        page.locator(".st-key-search input").fill("inception-net-32")
        page.keyboard.press("Enter")
    entry = catalog.entry("inception-net-32")
    card = page.locator(f".st-key-entry_{entry.name}")
    until(lambda: entries(page)[:1] == [entry.title], "what was searched")
    assert card.bounding_box()["height"] < 200
    assert entry.summary not in card.inner_text()
    with rerun(page):
        card.get_by_text("About it").click()
    card.get_by_text(entry.summary).and_(page.locator(":visible")).wait_for()
    assert f"{entry.name}" in card.inner_text()
    card.get_by_role("link", name="Open in Design").click()
    Design(page, server.url)


def test_the_tree_is_walked_by_keyboard_and_told_of_and_unfolds_on_a_phone(server, page):
    members = catalog.family()
    for width, height in ((1280, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        open_app(page, f"{server.url}/catalogue")
        cards = page.locator(".st-key-catalogue_family .node")
        until(lambda cards=cards: cards.count() == len(members), "a card for every member")
        cards.first.focus()
        page.keyboard.press("End")
        with rerun(page):
            page.keyboard.press("Enter")
        chosen = page.locator('.st-key-catalogue_family .node[aria-pressed="true"]')
        name = chosen.get_attribute("data-name")
        entry = catalog.entry(name)
        told = page.get_by_role("region", name=f"About {entry.title}")
        assert entry.lineage.paper in told.inner_text()
        for parent in catalog.parents(entry):
            assert parent.change in told.inner_text()
        assert f"network={name}" in page.evaluate("location.href")
        assert chosen.evaluate("node => node.getRootNode().activeElement === node")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        told.get_by_role("button", name="Open in Design").click()
        design = Design(page, server.url)
        until(lambda design=design, name=name: design.query("net") == name, "the network in the address")
