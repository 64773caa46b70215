"""What the tests of all pages share: opening a page, and reading what a person or one of our components is given."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from explorer.architecture import Architecture
from explorer.editor import History
from tests.number_style import check_page

ROOT = Path(__file__).resolve().parents[2]
JOINER = "\u2060"
HOSTILE = "<img src=x onerror=alert(1)> **b** $x$ :smile: [a](javascript:alert(1))"


def open_page(page: str, **query: str | list[str]) -> AppTest:
    """The page by its own address, in a new session; no other page is rendered before it."""
    running = AppTest.from_file(ROOT / "app.py", default_timeout=90)
    running.switch_page(f"pages/{page}.py")
    for key, value in query.items():
        running.query_params[key] = value
    running.run()
    assert not running.exception
    check_page(running)
    return running


def design_of(running: AppTest) -> Architecture:
    """The design of the session."""
    return running.session_state["design"]["history"].current  # type: ignore[no-any-return]


def set_design(running: AppTest, architecture: Architecture) -> None:
    """As if it had been made on the Design page."""
    running.session_state["design"]["history"] = History(architecture)


def plain(text: str) -> str:
    """What a person reads."""
    return re.sub(r"\\(.)", r"\1", text).replace(JOINER, "")


def messages(running: AppTest) -> str:
    """What the page tells: errors, warnings and notes."""
    kinds = (running.error, running.warning, running.success, running.info)
    return " ".join(plain(each.value) for kind in kinds for each in kind)


def visible_text(running: AppTest) -> str:
    """What the page tells, its captions and its text."""
    return " ".join([messages(running), *(plain(each.value) for each in [*running.caption, *running.markdown])])


def mounted(running: AppTest, key: str) -> dict[str, Any]:
    """What one of our components is given; as strict JSON, which is all that a browser reads."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    (found,) = [each for each in running.main if each.type == "bidi_component" and each.proto.id.endswith(f"-{key}")]
    return json.loads(found.proto.json, parse_constant=refuse)  # type: ignore[no-any-return]


def address(running: AppTest, key: str) -> str:
    """One parameter of the address; '' where it is not there."""
    value = running.query_params.get(key, "")
    return value if isinstance(value, str) else "".join(value)


def unfold(running: AppTest, popover: str) -> AppTest:
    """What unfolds is made when it is opened."""
    running.session_state[popover] = True
    running.run()
    check_page(running)
    return running


def press(running: AppTest, key: str) -> AppTest:
    """Click a button."""
    running.button(key=key).click().run()
    assert not running.exception
    check_page(running)
    return running
