"""What our components leave behind: nothing that goes on watching what is no longer there."""

from tests.browser.design import Design, until
from tests.browser.helpers import settle

NET, BLOCK = "inception-net-32", "inception1"

_COUNT_OBSERVERS = """() => {
    window.__observers = new Set();
    const Plain = window.ResizeObserver;
    window.ResizeObserver = class extends Plain {
        observe(node, options) {
            if (node.getRootNode() instanceof ShadowRoot) window.__observers.add(this);
            super.observe(node, options);
        }
        disconnect() {
            window.__observers.delete(this);
            super.disconnect();
        }
    };
}"""


def test_what_is_drawn_anew_is_no_longer_observed(server, new_page):
    page = new_page()
    page.add_init_script(f"({_COUNT_OBSERVERS})()")
    design = Design(page, server.url).open(NET)
    settle(page)
    count = "window.__observers.size"
    before = page.evaluate(count)
    assert before > len(design.architecture.trunk.nodes)  # a track of each slider, and the pictures
    for option in ("batch", "none", "batch", "none"):
        with design.changing():
            design.choice("norm", option).click()
    until(lambda: page.evaluate(count) == before, "as many as before")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Catalogue").click()
    page.get_by_role("heading", name="Catalogue").wait_for()
    until(lambda: page.evaluate(count) == 0, "none on a page without pictures")
