"""What browser tests and the screenshot script share: a real server, a real Chromium, and what to wait for.

Nothing here knows a page of the product; see conftest.py for the fixtures.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import chromium
from tests.runs.forking import fork

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "tests" / "artifacts"

SERVER_TROUBLE = re.compile(r"^.*(?:Traceback \(most recent|Uncaught app|Warning: |deprecated).*$", re.MULTILINE)
"""What a server must not print."""

CHROMIUM_ARGUMENTS = [
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),  # Chromium's own rule for root
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    # No name but localhost resolves: a request that wants to leave the machine fails at once instead of waiting.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


# --- the server -------------------------------------------------------------------------------------------------------


@dataclass
class Server:
    """A running `streamlit run app.py` with a data directory of its own."""

    url: str
    home: Path
    process: psutil.Process
    log_file: Path

    @property
    def log(self) -> str:
        """Everything that the server has printed so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End the server, its process group, and whatever still works in its data directory (training runs)."""
        for sig, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, sig)
            with suppress(psutil.TimeoutExpired):
                self.process.wait(patience)
                break
        for pid in processes_of(self.home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def serving(
    home: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    timeout: float = 60,
    script: str | Path = "app.py",
    worker_command: tuple[str, ...] = (),
    forks: str = "",
    port: int | None = None,
) -> Iterator[Server]:
    """Start the app, or another script, on a free port or this one; wait until it is healthy, stop it at the end.

    Its training runs start as ``worker_command`` says, where one is given (``tests.runs.forking``); it itself is forked
    where the address of who does that is given.
    """
    home.mkdir(parents=True, exist_ok=True)
    port = port or _take_port()
    module = ["tests.browser.light_server", json.dumps(worker_command)] if worker_command else ["streamlit"]
    words = [*module, "run", str(script), "--server.headless=true", f"--server.port={port}"]
    words += ["--server.fileWatcherType=none", *arguments]
    server = _start(home, words, environment or {}, timeout, port, forks)
    try:
        yield server
    finally:
        server.stop()
        _left_ports.append(port)


def _start(
    home: Path, words: list[str], environment: Mapping[str, str], timeout: float, port: int, forks: str
) -> Server:
    # A developer's own Streamlit settings must not decide what the tests see.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")}
    environment = {**inherited, "EXPLORER_HOME": str(home), "PYTHONUNBUFFERED": "1", **environment}
    with tempfile.NamedTemporaryFile(dir=home, prefix="server-", suffix=".log", delete=False) as log:
        if forks:
            process = psutil.Process(fork(forks, words, environment, log.fileno()))
        else:
            process = psutil.Popen(
                [sys.executable, "-m", *words],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    server = Server(f"http://127.0.0.1:{port}", home, process, Path(log.name))
    deadline = time.monotonic() + timeout
    while not _healthy(server.url):
        with suppress(psutil.TimeoutExpired):
            status = process.wait(0.05)
            raise RuntimeError(f"The server ended before it was healthy (exit status {status}):\n{server.log}")
        if time.monotonic() > deadline:
            server.stop()
            raise RuntimeError(f"The server did not become healthy:\n{server.log}")
    return server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_left_ports: list[int] = []
"""Of servers that have stopped, the last one last."""


def _take_port() -> int:
    """One that a server has left, where it is still free: what a browser has loaded from there, it need not again."""
    while _left_ports:
        port = _left_ports.pop()
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections that fade away are no server
            probe.bind(("127.0.0.1", port))
            return port
    return free_port()


def _healthy(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def processes_of(home: Path) -> list[int]:
    """Processes that were given this data directory (Linux; elsewhere a test stops the runs that it starts)."""
    mark = f"EXPLORER_HOME={home}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(entry.name) != os.getpid() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


# --- the browser ------------------------------------------------------------------------------------------------------


@contextmanager
def launching(*arguments: str) -> Iterator[Browser]:
    """A headless Chromium that reaches nothing but this machine; what benchmarks measure is one without arguments."""
    path = chromium.find()
    if path is None:
        raise RuntimeError("No Chromium found; `make test` installs one, CHROMIUM=/path names one.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_ARGUMENTS, *arguments])
        try:
            yield browser
        finally:
            browser.close()


def new_context(
    browser: Browser, color_scheme: str = "light", viewport: tuple[int, int] = (1280, 900), *, touch: bool = False
) -> BrowserContext:
    """A visitor with cookies of their own and the stated preference of appearance."""
    width, height = viewport
    context = browser.new_context(
        color_scheme="dark" if color_scheme == "dark" else "light",
        viewport={"width": width, "height": height},
        locale="en-US",
        timezone_id="UTC",
        reduced_motion="reduce",
        has_touch=touch,
    )
    context.add_init_script(f"({_COUNT_MESSAGES})()")
    return context


def open_app(page: Page, url: str) -> Page:
    """Visit an address of the app and wait until its script has run."""
    page.goto(url, wait_until="domcontentloaded")
    # On a busy machine the page is connected for a while before its script begins: that quiet is not the end of it.
    page.locator("[data-testid=stMain] [data-testid=stElementContainer]").first.wait_for(state="attached")
    settle(page)
    return page


_POLL_MS = 50
"""Playwright by itself looks at every picture of the browser, which takes 8 % of a core while it waits; this, 1.4 %."""

_SETTLED = """([call, quiet]) => {
    const app = document.querySelector('[data-testid="stApp"]');
    const calm = app !== null
        && app.getAttribute("data-test-connection-state") === "CONNECTED"
        && app.getAttribute("data-test-script-state") === "notRunning"
        && document.querySelector('[data-testid="stSkeleton"], [data-testid="stAppSkeleton"]') === null;
    const now = performance.now();
    if (!calm || window.__settling?.call !== call) {
        window.__settling = { call, since: calm ? now : Infinity };
    } else if (window.__settling.since === Infinity) {
        window.__settling.since = now;
    }
    return calm && now - window.__settling.since >= quiet;
}"""


def settle(page: Page, *, quiet: float = 0.3, timeout: float = 60) -> None:
    """Wait until the page is connected and no script has run for `quiet` seconds.

    After an action that must cause a rerun use `rerun`, which also waits for the rerun to begin.
    """
    arg = [time.monotonic_ns() % 2**53, quiet * 1000]
    page.wait_for_function(_SETTLED, arg=arg, timeout=timeout * 1000, polling=_POLL_MS)


# A short run begins and ends within one picture of the browser, whose state then never shows it: so it is the server's
# messages that are counted.
_COUNT_MESSAGES = """() => {
    window.__messages = 0;
    const Plain = window.WebSocket;
    window.WebSocket = class extends Plain {
        constructor(...wanted) {
            super(...wanted);
            this.addEventListener("message", () => { window.__messages += 1 });
        }
    };
}"""


@contextmanager
def rerun(page: Page, *, timeout: float = 60) -> Iterator[None]:
    """Around an action that makes the script run again: `with rerun(page): button.click()`."""
    before = page.evaluate("window.__messages")
    yield
    page.wait_for_function(
        "before => window.__messages > before", arg=before, timeout=timeout * 1000, polling=_POLL_MS
    )
    settle(page, timeout=timeout)


def go(page: Page, address: str) -> None:
    """Another address in the app that is open, as the browser's Back goes there: its session and scripts stay."""
    with rerun(page):
        page.evaluate(
            "address => { history.pushState({}, '', address); dispatchEvent(new PopStateEvent('popstate')) }", address
        )


def open_beside(page: Page) -> Page:
    """Another window of the same browser, which has what the first has loaded and compiled."""
    with page.expect_popup() as opened:
        page.evaluate("window.open('about:blank')")
    return opened.value


Look = tuple[str, tuple[int, int]]
"""An appearance, light or dark, and the size of a window."""


def each_look(page: Page, looks: Iterable[Look]) -> Iterator[Look]:
    """The page in one look after another, without loading it again; in none is it wider than the window."""
    for look in looks:
        scheme, (width, height) = look
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": height})
        background = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 20, 25)"}[scheme]
        page.wait_for_function(_BACKGROUND, arg=background, polling=_POLL_MS)
        settle(page)
        yield look
        check_width(page)


_BACKGROUND = """expected =>
    getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor === expected"""


LUMINANCE = """const luminance = (() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
    return (colour) => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1)
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255)
            .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
    }
})()
const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
"""
"""JavaScript: the luminance of a colour as CSS writes it, and the contrast of two such, by the formulas of WCAG 2."""


def check_width(page: Page) -> None:
    """Nothing makes the page wider than the window."""
    wide = page.evaluate(
        "() => [document.scrollingElement, document.querySelector('[data-testid=stMain]')]"
        ".map((node) => node.scrollWidth - node.clientWidth)"
    )
    assert max(wide) <= 0, f"the page is {max(wide)} pixels wider than the window"
