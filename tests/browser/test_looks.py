"""Light, dark and a phone: every page renders, nothing is wider than the window; pictures of them are kept."""

import pytest

from tests.browser.design import until
from tests.browser.helpers import ARTIFACTS, open_app, settle

LOOKS = [("light", (1280, 900)), ("dark", (1280, 900)), ("light", (390, 844)), ("dark", (1920, 1080))]
PAGES = {"design": "/design?net=googlenet", "catalogue": "/catalogue"}

# The smallest ratio of contrast of the page's own texts in our components, by the formula of WCAG 2.
CONTRAST = """() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
    const rgb = (text) => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1)
        return [...canvas.getImageData(0, 0, 1, 1).data]
    }
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
    const paper = light(rgb(getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor))
    const found = []
    for (const name of ['diagram', 'growth', 'costs', 'editor']) {
        const host = [...document.querySelectorAll(`.st-key-${name} *`)].find((node) => node.shadowRoot)
        const root = host?.shadowRoot ?? document.querySelector(`.st-key-${name}`)
        for (const node of root.querySelectorAll('text, span, b')) {
            if (!node.textContent.trim() || !node.getClientRects().length || node.closest('.tip, .bubble')) continue
            const style = getComputedStyle(node)
            const ink = light(rgb(node.tagName === 'text' ? style.fill : style.color))
            const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)
            found.push([ratio, name, node.textContent.slice(0, 30)])
        }
    }
    return found.sort((a, b) => a[0] - b[0]).slice(0, 3).concat([[found.length]])
}"""


@pytest.mark.parametrize(("color_scheme", "viewport"), LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_page_renders(server, page, name, color_scheme, viewport):
    open_app(page, server.url + PAGES[name])
    if name == "design":
        page.locator(".st-key-editor .head b").wait_for(state="attached")
        until(lambda: page.locator(".st-key-diagram .block-area .box").count() > 5, "the block's picture")
    else:
        page.get_by_role("heading", name="Inception v3").wait_for()
    settle(page)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{color_scheme}-{viewport[0]}"
    page.screenshot(path=ARTIFACTS / f"{stem}.png")
    wide = page.evaluate(
        "() => [document.scrollingElement, document.querySelector('[data-testid=stMain]')]"
        ".map((node) => node.scrollWidth - node.clientWidth)"
    )
    assert max(wide) <= 0
    background = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 25)"}[color_scheme]
    if name == "design":
        *lowest, (texts,) = page.evaluate(CONTRAST)
        assert texts > 50
        assert lowest[0][0] >= 3, lowest
        # What lies further down belongs to the picture too.
        main = page.get_by_test_id("stMain")
        for part, share in (("middle", 0.4), ("end", 1.0)):
            main.evaluate("(node, share) => node.scrollTo(0, share * node.scrollHeight)", share)
            settle(page)
            page.screenshot(path=ARTIFACTS / f"{stem}-{part}.png")
