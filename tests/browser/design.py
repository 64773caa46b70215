"""The Design page as its tests speak of it: nodes, controls, headline; and the check that everything shown agrees."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from playwright.sync_api import Locator, Page

from explorer import catalog
from explorer.analysis import Analysis, analyze
from explorer.architecture import Architecture
from explorer.text import compact_shape, format_bytes, format_change, format_extent, format_si
from tests.browser.helpers import open_app, settle

JOINER = "\u2060"  # without width; keeps Markdown from making addresses and icons of what people typed
PATIENCE = 30  # seconds; a machine that runs other things too may need some of them


def until(check: Any, what: str = "", patience: float = PATIENCE) -> Any:
    """The first true value that ``check`` gives; what it last gave or raised is said when time is up."""
    deadline = time.monotonic() + patience
    last: object = None
    pause = 0.03  # seconds; what takes longer is asked for less often, since each question costs some milliseconds
    while time.monotonic() < deadline:
        try:
            if last := check():
                return last
        except AssertionError as error:
            last = error
        time.sleep(pause)
        pause = min(1.2 * pause, 0.1)
    raise AssertionError(f"{what or 'what was waited for'} did not happen within {patience} s; last: {last}")


class Design:
    """A visitor's Design page."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base

    def open(self, net: str = "", **query: str) -> "Design":
        """Visit the page by an address and wait until it is there."""
        asked = {"net": net, **query}
        text = "&".join(f"{key}={quote(value, safe='')}" for key, value in asked.items() if value)
        open_app(self.page, f"{self.base}/design{'?' if text else ''}{text}")
        self.page.locator(".st-key-editor .head b").wait_for()
        return self

    # ---- what the screen says ----

    def query(self, key: str) -> str:
        # Asked of the browser: Playwright's own copy of the address stands still while nothing is asked.
        return parse_qs(urlsplit(self.page.evaluate("location.href")).query).get(key, [""])[0]

    @property
    def architecture(self) -> Architecture:
        return catalog.resolve(self.query("net"))

    def headline(self) -> list[list[str]]:
        """[label, value, change] of each number."""
        return self.page.evaluate(  # type: ignore[no-any-return]
            """() => [...document.querySelectorAll('.st-key-headline [data-testid=stMetric]')].map((metric) =>
                ['Label', 'Value', 'Delta'].map((part) =>
                    metric.querySelector(`[data-testid=stMetric${part}]`)?.innerText.trim() ?? ''))"""
        )

    def number(self, label: str) -> str:
        return next(value for name, value, _ in self.headline() if name.startswith(label))

    def title(self) -> str:
        return self.page.locator(".st-key-title input").input_value()

    def notice(self) -> str:
        return " ".join(self.page.get_by_test_id("stAlert").all_inner_texts()).replace(JOINER, "")

    # ---- what can be clicked ----

    def by_id(self, data_id: str) -> Locator:
        return self.page.locator(f".st-key-editor [data-id={json.dumps(data_id)}]")

    def control(self, **command: Any) -> Locator:
        """A control by the command that it sends."""
        return self.by_id(json.dumps(command, separators=(",", ":"), ensure_ascii=False))

    def ribbon(self, path: str, field: str = "out_channels") -> Locator:
        return self.control(do="set", path=path, field=field)

    def exact(self, path: str, field: str = "out_channels") -> Locator:
        return self.by_id(f"exact:{_id(do='set', path=path, field=field)}")

    def choice(self, label: str, option: str) -> Locator:
        group = self.page.locator(".st-key-editor").get_by_role("radiogroup", name=label, exact=True).first
        return group.get_by_role("radio", name=option, exact=True)

    def menu(self, **command: Any) -> Locator:
        """The button that opens a list of things to choose from."""
        return self.by_id(f"menu:{_id(**command)}")

    def choose_from_menu(self, value: str, **command: Any) -> None:
        self.menu(**command).click()
        self.page.locator(f".st-key-editor [role=menuitem][data-value='{value}']").click()

    def card(self, path: str) -> Locator:
        return self.by_id(f"card:{path}")

    def node(self, path: str) -> Locator:
        """A box of the block's picture."""
        return self.page.locator(f".st-key-diagram .block-area [data-path='{path}']")

    def column(self, path: str) -> Locator:
        """A column of the overview."""
        return self.page.locator(f".st-key-diagram .overview-area [data-path='{path}']")

    def widget(self, key: str) -> Locator:
        return self.page.locator(f".st-key-{key}")

    def button(self, key: str) -> Locator:
        return self.widget(key).get_by_role("button").first

    # ---- doing something, and what must hold afterwards ----

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Around an action that changes the design: afterwards screen, address and analysis agree."""
        before = self.query("net")
        yield
        until(lambda: self.query("net") != before, "a new design in the address")
        self.agree()

    def agree(self) -> tuple[Architecture, Analysis]:
        """Wait until the screen shows what the analysis says of the design in the address, and no error."""
        settle(self.page, quiet=0.1)
        until(self._agrees, "agreement of screen and address")
        architecture = self.architecture
        return architecture, analyze(architecture)

    def _agrees(self) -> bool:
        architecture = self.architecture
        base = catalog.resolve(self.query("base")) if self.query("base") else architecture
        now, before = analyze(architecture), analyze(base)
        shown = self.headline()
        assert self.title() == architecture.name
        assert self.page.get_by_test_id("stException").count() == 0
        expected = [
            (format_si(now.params), now.params, before.params, format_si),
            (format_si(now.macs), now.macs, before.macs, format_si),
            (format_bytes(now.training_bytes), now.training_bytes, before.training_bytes, format_bytes),
            (format_bytes(now.inference_bytes), now.inference_bytes, before.inference_bytes, format_bytes),
            (format_extent(now.receptive_field.size), max(now.receptive_field.size),
             max(before.receptive_field.size), format_si),
        ]  # fmt: skip
        for (label, value, change), (text, new, old, unit) in zip(shown, expected, strict=False):
            assert value == text, f"{label}: {value} on the screen, {text} by the analysis"
            sign = "−" if new < old else "+"
            said = f"{sign}{unit(abs(new - old))} ({format_change(new, old)})" if new != old else "unchanged"
            assert change.split(", ")[-1] == said, f"{label}: {change} on the screen, {said} by the analysis"
        assert len(shown) == 6
        assert shown[5][1] == compact_shape(now.output_shape)
        return True

    def drag(self, slider: Locator, share: float, *, steps: int = 6, release: bool = True) -> None:
        """Take the thumb where it is and move it to a share of the track, by the mouse."""
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box is not None
        inset = 8  # the thumb's centre moves between these
        at, last = (int(slider.evaluate(f"node => Number(node.{name})")) for name in ("value", "max"))
        start = box["x"] + inset + (box["width"] - 2 * inset) * at / last
        end = box["x"] + inset + (box["width"] - 2 * inset) * share
        middle = box["y"] + box["height"] / 2
        self.page.mouse.move(start, middle)
        self.page.mouse.down()
        self.page.mouse.move(end, middle, steps=steps)
        if release:
            self.page.mouse.up()


def _id(**command: Any) -> str:
    return json.dumps(command, separators=(",", ":"), ensure_ascii=False)


def value_of(slider: Locator) -> int:
    """The value that a ribbon tells: the first number of its text."""
    text = slider.get_attribute("aria-valuetext") or ""
    match = re.match(r"\d+", text)
    assert match, text
    return int(match[0])
