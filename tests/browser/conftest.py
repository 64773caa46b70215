"""Fixtures for tests in a real browser: `server`, `fresh_server`, `browser`, `page`, `new_page`, `watch`.

A test asks for `server` and `page`, and may parametrise `color_scheme` and `viewport`:

    @pytest.mark.parametrize("color_scheme", ["light", "dark"])
    def test_title(server, page):
        open_app(page, f"{server.url}/design")
        with rerun(page):
            page.locator(".st-key-width input[type=range]").press("ArrowRight")
        assert page.get_by_role("heading", name="GoogLeNet").is_visible()

It fails at its end if the page logged an error, the server printed a traceback, or a request left this machine.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.design import Design
from tests.browser.helpers import ARTIFACTS, SERVER_TROUBLE, Server, launching, new_context, serving
from tests.browser.watching import Watch
from tests.speed import write_speed

HERE = Path(__file__).parent
SERVERS = pytest.StashKey[list[Server]]()
REPORT = pytest.StashKey[pytest.TestReport]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
    # Last, because quick tests should speak first and Playwright's event loop stays with the process.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[REPORT] = report
    return report


@pytest.fixture(scope="session")
def _servers(request: pytest.FixtureRequest) -> list[Server]:
    return request.config.stash.setdefault(SERVERS, [])


@pytest.fixture(scope="session")
def forks(forked_worker: tuple[str, ...]) -> str:
    """Who forks servers: seconds of a core less each than Python, Streamlit and torch take to start."""
    return forked_worker[-1]


@pytest.fixture(scope="session")
def server(_servers: list[Server], tmp_path_factory: pytest.TempPathFactory, forks: str) -> Iterator[Server]:
    """One running app for all tests: `.url`, `.log`, `.home` (its data directory); test_start.py starts it as
    `make run` does."""
    home = tmp_path_factory.mktemp("server")
    write_speed(home)
    with serving(home, forks=forks) as running:
        _servers.append(running)
        yield running
        _servers.remove(running)


@pytest.fixture(scope="session")
def shared(_servers: list[Server], tmp_path_factory: pytest.TempPathFactory, forks: str) -> Iterator[Server]:
    """A server with sign-in, of which Ann, Bob, Eve and Mallory are visitors; see signing_in.py."""
    from tests.browser.signing_in import prepare, sharing

    with sharing(tmp_path_factory.mktemp("shared"), prepare=prepare, forks=forks) as running:
        _servers.append(running)
        yield running
        _servers.remove(running)


@pytest.fixture
def fresh_server(
    request: pytest.FixtureRequest, _servers: list[Server], tmp_path: Path
) -> Iterator[Callable[..., Server]]:
    """`fresh_server()` starts an app that nobody has visited; `fresh_server(home=..., environment={...})`."""
    with _starting(_servers, tmp_path, request) as start:
        yield start


@pytest.fixture(scope="module")
def module_server(
    request: pytest.FixtureRequest, _servers: list[Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Server]]:
    """The same for the tests of a module together: a server is started once, and stopped behind the last of them."""
    with _starting(_servers, tmp_path_factory.mktemp("module"), request) as start:
        yield start


@contextmanager
def _starting(servers: list[Server], folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:

        def start(*arguments: str, home: Path | None = None, **settings: Any) -> Server:
            home = home or folder / f"home-{len(servers)}"
            write_speed(home)
            forks = request.getfixturevalue("forks")  # not before: every test of pages could start one
            running = stack.enter_context(serving(home, *arguments, forks=forks, **settings))
            servers.append(running)
            stack.callback(servers.remove, running)
            return running

        yield start


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # The second of V8's optimizing compilers works longer than what a test does with a page: a tenth of a load's
    # seconds of a core, a quarter of those of a look by axe.
    with launching("--js-flags=--no-opt") as running:
        yield running


@pytest.fixture
def color_scheme() -> str:
    return "light"


@pytest.fixture
def viewport() -> tuple[int, int]:
    return 1280, 900


@pytest.fixture
def watch(request: pytest.FixtureRequest, _servers: list[Server], fresh_server: object) -> Iterator[Watch]:
    """What the test's pages did; `watch.allow(pattern, because=...)` expects a problem in this test.

    It asks for `fresh_server` only to look before those servers are stopped.
    """
    watching = Watch()
    before = {running.log_file: len(running.log) for running in _servers}
    yield watching
    for running in _servers:
        printed = running.log[before.get(running.log_file, 0) :]
        watching.problems += [f"server log: {line}" for line in SERVER_TROUBLE.findall(printed)]
        if _failed(request) or watching.remaining():
            request.node.add_report_section("teardown", "server log", printed[-8000:])
    if remaining := watching.remaining():
        pytest.fail("\n".join(["Not allowed in any test:", *dict.fromkeys(remaining)]), pytrace=False)


@pytest.fixture(scope="session")
def _windows(browser: Browser) -> Iterator[list[Page]]:
    """Windows that wait for a visitor, the last one first: a load costs half of what it does in a new one."""
    waiting: list[Page] = []
    yield waiting
    for window in waiting:
        window.context.close()


@pytest.fixture
def new_page(
    request: pytest.FixtureRequest,
    browser: Browser,
    watch: Watch,
    color_scheme: str,
    viewport: tuple[int, int],
    _windows: list[Page],
) -> Iterator[Callable[..., Page]]:
    """`new_page()` is one more visitor with cookies of their own; `color_scheme=` and `viewport=` may differ.

    Nobody had the window before or has it after where it has a screen to `touch`.
    """
    used: list[tuple[Page, Callable[[], None]]] = []
    new: list[BrowserContext] = []

    def visit(
        color_scheme: str = color_scheme,
        viewport: tuple[int, int] = viewport,
        *,
        touch: bool = False,
    ) -> Page:
        if touch:
            new.append(new_context(browser, color_scheme, viewport, touch=touch))
            watch.follow(new[-1])
            return new[-1].new_page()
        window = _windows.pop() if _windows else new_context(browser).new_page()
        used.append((window, watch.follow(window.context)))
        width, height = viewport
        window.emulate_media(color_scheme="dark" if color_scheme == "dark" else "light")
        window.set_viewport_size({"width": width, "height": height})
        return window

    yield visit
    contexts = [*(window.context for window, _ in used), *new]
    look_back(request, watch, [page for context in contexts for page in context.pages])
    # A window is emptied of what it keeps for the server where it is; the next server may have the port of another.
    wandered = len(watch.servers()) > 1
    for window, end in reversed(used):
        if wandered or window.is_closed():
            window.context.close()
        else:
            leave(window)
            _windows.append(window)
        end()
    for context in new:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """The window of a visitor."""
    return new_page()


def leave(window: Page) -> None:
    """Empty a window for the next test, with what it keeps of the last one, and close those opened from it."""
    for each in window.context.pages:
        if each is not window:
            each.close()
    window.evaluate("location.protocol === 'http:' && [localStorage, sessionStorage].forEach((each) => each.clear())")
    window.context.clear_cookies()
    window.goto("about:blank")


def look_back(request: pytest.FixtureRequest, watch: Watch, pages: list[Page]) -> None:
    """What a test has left on the screen: exceptions are problems, and what failed is kept as a picture."""
    pages = [page for page in pages if not page.is_closed()]
    for page in pages:
        if page.locator("[data-testid=stException]").count():
            watch.problems.append(f"exception shown on {page.url}")
    if _failed(request) or watch.remaining():
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"[^\w.-]+", "-", request.node.nodeid.removeprefix("tests/browser/"))[:120]
        for number, page in enumerate(pages):
            page.screenshot(path=ARTIFACTS / f"{stem}-{number}.png", full_page=True)


@pytest.fixture
def design(server: Server, page: Page) -> Design:
    """The visitor's Design page; `design.open("googlenet")` goes there."""
    return Design(page, server.url)


def _failed(request: pytest.FixtureRequest) -> bool:
    report = request.node.stash.get(REPORT, None)
    return report is None or report.failed
