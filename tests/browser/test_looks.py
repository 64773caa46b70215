"""Light, dark and a phone: every page renders, its texts can be read, nothing is wider than the window."""

import pytest

from tests.browser.design import until
from tests.browser.helpers import LUMINANCE, each_look, open_app
from tests.sizes import THOROUGH

LOOKS = [("light", (1280, 900)), ("dark", (1280, 900)), ("light", (390, 844)), ("dark", (1920, 1080))]
PAGES = {"design": "/design?net=googlenet", "catalogue": "/catalogue?network=inception-v3"}

# The smallest ratio of contrast of the page's own texts in our components, by the formula of WCAG 2.
CONTRAST = "() => {" + LUMINANCE + """
    const paper = luminance(getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor)
    const found = []
    for (const name of ['diagram', 'growth', 'costs', 'editor']) {
        const host = [...document.querySelectorAll(`.st-key-${name} *`)].find((node) => node.shadowRoot)
        const root = host?.shadowRoot ?? document.querySelector(`.st-key-${name}`)
        for (const node of root.querySelectorAll('text, span, b')) {
            if (!node.textContent.trim() || !node.getClientRects().length || node.closest('.tip, .bubble')) continue
            const style = getComputedStyle(node)
            const ink = luminance(node.tagName === 'text' ? style.fill : style.color)
            found.push([contrast(ink, paper), name, node.textContent.slice(0, 30)])
        }
    }
    return found.sort((a, b) => a[0] - b[0]).slice(0, 3).concat([[found.length]])
}"""


@pytest.mark.parametrize("name", ["design", pytest.param("catalogue", marks=THOROUGH)])
def test_page_renders(server, page, name):
    open_app(page, server.url + PAGES[name])
    if name == "design":
        page.locator(".st-key-editor .head b").wait_for(state="attached")
        until(lambda: page.locator(".st-key-diagram .block-area .box").count() > 5, "the block's picture")
    else:
        page.get_by_role("heading", name="Inception v3").wait_for()
    for _ in each_look(page, LOOKS):
        if name == "design":
            *lowest, (texts,) = page.evaluate(CONTRAST)
            assert texts > 50
            assert lowest[0][0] >= 3, lowest
