"""Pictures of the running app for the README: `make screenshots` writes them to assets/screenshots.

`make screenshots ARGS=train-light` takes that one alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from explorer import catalog, training
from explorer.runs import wait_until_ended
from explorer.training import open_manager
from tests.browser.helpers import ROOT, launching, new_context, open_app, serving, settle

FOLDER = ROOT / "assets" / "screenshots"

WIDE, PHONE = (1440, 1000), (390, 844)

SHOTS: list[tuple[str, str, str, tuple[int, int]]] = [
    ("design-light", "design?net=googlenet&at=inception_3b/branch_5x5/conv", "light", WIDE),
    ("design-dark", "design?net=googlenet&at=inception_3b/branch_5x5/conv", "dark", WIDE),
    ("inception-v3", "design?net=inception-v3&at=Mixed_7b", "light", WIDE),
    ("design-phone", "design?net=inception-net&at=inception1", "light", PHONE),
    ("compare-light", "compare", "light", (1440, 1500)),
    ("compare-dark", "compare?network=googlenet&network=googlenet-torchvision&tab=differences", "dark", (1440, 1200)),
    ("compare-phone", "compare", "light", PHONE),
    ("catalogue", "catalogue", "light", WIDE),
    ("train-light", "train?run={runs}&view=60", "light", WIDE),
    ("train-dark", "train?run={runs}&view=60", "dark", WIDE),
    ("train-phone", "train?run={runs}&view=60", "light", PHONE),
    ("inspect-light", "inspect", "light", (1440, 1400)),
    ("receptive-field", "receptive_field?net=googlenet&at=inception_3b&unit=13-12", "light", (1440, 1120)),
    ("inspect-dark", "inspect?model=cifar10-inception&pictures=sample:dog,sample:ship&tab=why", "dark", (1440, 1900)),
]
"""File name, address, colour scheme, size of the window."""


def _trained(home: Path) -> str:
    """Two networks that have learnt the digits, as the address names them."""
    os.environ["EXPLORER_HOME"] = str(home)
    manager = open_manager(home)
    config = training.recipe("course", "digits")
    made = [training.start(manager, catalog.get(name), config).id for name in ("cifar-inception", "inception-net-32")]
    for run in made:
        wait_until_ended(manager, run, 1200)
    return ",".join(made)


def main() -> None:
    """Take every picture anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, serving(Path(home)) as server, launching() as browser:
        shots = [shot for shot in SHOTS if shot[0] in sys.argv[1:] or not sys.argv[1:]]
        runs = _trained(Path(home)) if any("{" in address for _, address, _, _ in shots) else ""
        for name, address, scheme, size in shots:
            address = address.format(runs=runs)
            context = new_context(browser, scheme, size)
            page = context.new_page()
            open_app(page, f"{server.url}/{address}")
            if address.startswith("design"):
                page.get_by_role("radiogroup", name="fusion").wait_for()
            if address.startswith("compare"):
                page.locator("[class*=st-key-compare_] .block").first.wait_for()
            if address.startswith("train"):
                page.locator(".st-key-board .tile").first.wait_for()
            if address.startswith("receptive_field"):
                page.locator(".st-key-field_drawing .plane").first.wait_for()
            if address.startswith("inspect"):
                page.locator(".st-key-inspect_predictions .bar").first.wait_for()
            settle(page)
            page.mouse.move(0, 0)
            page.screenshot(path=FOLDER / f"{name}.png")
            print(f"{name}.png")
            context.close()


if __name__ == "__main__":
    main()
