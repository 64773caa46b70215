"""Pictures of the running app for the README: `make screenshots` writes them to assets/screenshots."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.browser.helpers import ROOT, launching, new_context, open_app, serving, settle

FOLDER = ROOT / "assets" / "screenshots"

WIDE, PHONE = (1440, 1000), (390, 844)

SHOTS: list[tuple[str, str, str, tuple[int, int]]] = [
    ("design-light", "design?net=googlenet&at=inception_3b/branch_5x5/conv", "light", WIDE),
    ("design-dark", "design?net=googlenet&at=inception_3b/branch_5x5/conv", "dark", WIDE),
    ("inception-v3", "design?net=inception-v3&at=Mixed_7b", "light", WIDE),
    ("design-phone", "design?net=inception-net&at=inception1", "light", PHONE),
    ("catalogue", "catalogue", "light", WIDE),
]
"""File name, address, colour scheme, size of the window."""


def main() -> None:
    """Take every picture anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, serving(Path(home)) as server, launching() as browser:
        for name, address, scheme, size in SHOTS:
            context = new_context(browser, scheme, size)
            page = context.new_page()
            open_app(page, f"{server.url}/{address}")
            if address.startswith("design"):
                page.get_by_role("radiogroup", name="fusion").wait_for()
            settle(page)
            page.mouse.move(0, 0)
            page.screenshot(path=FOLDER / f"{name}.png")
            print(f"{name}.png")
            context.close()


if __name__ == "__main__":
    main()
