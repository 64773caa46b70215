"""What no test in a browser may leave behind: errors in the console, and requests that leave this machine."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, WebSocket

LOCAL_HOSTS = {"127.0.0.1", "localhost"}

# Problems that are none, each with its reason.
ALLOWED = [
    # On a deep link such as /compare Streamlit's page looks for its server below that path first.
    r"console error: Failed to load resource: .* 404 .*\(http://127\.0\.0\.1:\d+/\w+/_stcore/(health|host-config)\)$",
]


@dataclass
class Watch:
    """Collects what no test may leave behind: errors in the console, and requests that leave this machine."""

    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    allowed: list[re.Pattern[str]] = field(default_factory=lambda: [re.compile(pattern) for pattern in ALLOWED])

    def allow(self, pattern: str, *, because: str) -> None:
        """Expect a problem in this test: a pattern of its text, and why it is right that it happens."""
        assert because
        self.allowed.append(re.compile(pattern))

    def remaining(self) -> list[str]:
        return [text for text in self.problems if not any(pattern.search(text) for pattern in self.allowed)]

    def servers(self) -> set[str]:
        """Hosts and ports of this machine that were asked for something."""
        return {each.netloc for each in map(urlsplit, self.requests) if each.hostname in LOCAL_HOSTS}

    def follow(self, context: BrowserContext) -> Callable[[], None]:
        """Listen to all pages of a context; what is returned ends it."""
        listeners: dict[str, Callable[[Any], None]] = {
            "request": self._request,
            "console": self._console,
            "weberror": lambda error: self.problems.append(f"page error: {error.error}"),
            "page": self._page,
            "dialog": self._dialog,
        }
        for event, listener in listeners.items():
            context.on(event, listener)  # type: ignore[call-overload]
        before = list(context.pages)
        for page in before:
            self._page(page)

        def end() -> None:
            for event, listener in listeners.items():
                context.remove_listener(event, listener)
            for page in before:
                page.remove_listener("websocket", self._websocket)
                page.remove_listener("crash", self._crash)

        return end

    def _page(self, page: Page) -> None:
        page.on("websocket", self._websocket)
        page.on("crash", self._crash)

    def _crash(self, page: Page) -> None:
        self.problems.append(f"the page crashed: {page.url}")

    def _dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location.get("url", "")
            self.problems.append(f"console error: {message.text} ({where})")

    def _request(self, request: Request) -> None:
        self._visit(request.url)

    def _websocket(self, websocket: WebSocket) -> None:
        self._visit(websocket.url)

    def _visit(self, url: str) -> None:
        self.requests.append(url)
        address = urlsplit(url)
        if address.scheme not in {"data", "blob", "about"} and address.hostname not in LOCAL_HOSTS:
            self.problems.append(f"request left this machine: {url}")
