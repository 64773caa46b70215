"""Find a Chromium for the browser tests, or install one: ``python -m tests.browser.chromium`` prints its path.

Preferred is its headless shell: the same engine without the rest of the browser, which halves what a page load costs.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SHELLS = ("chromium-headless-shell", "chrome-headless-shell", "headless_shell")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_APPS = ("Google Chrome", "Chromium")


def find() -> str | None:
    """The first that starts: $CHROMIUM, a headless shell (on the PATH, Playwright's own), then a whole browser."""
    return next((path for path in (os.environ.get("CHROMIUM"), *_shells(), *_browsers()) if _starts(path)), None)


def install() -> str | None:
    """Playwright's download first, which needs no rights; then the distribution's package."""
    print("Installing Chromium's headless shell for the browser tests …", file=sys.stderr, flush=True)
    playwright, before = [sys.executable, "-m", "playwright"], find()
    if _run(*playwright, "install", "--only-shell", "chromium"):
        if (path := find()) != before:
            return path
        if _run(*playwright, "install-deps", "chromium") and (path := find()) != before:
            return path
    if shutil.which("apt-get"):
        rights = [] if os.geteuid() == 0 else ["sudo", "-n"] if shutil.which("sudo") else None
        if rights is not None and _run(*rights, "apt-get", "update", "-qq"):
            command = [*rights, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq"]
            for package in ("chromium-headless-shell", "chromium"):
                if _run(*command, "--no-install-recommends", package):
                    break
    return find()


def _shells() -> Iterator[str | None]:
    yield from map(shutil.which, SHELLS)
    # .../ms-playwright/chromium-1234/chrome-linux64/chrome has a neighbour of its own version.
    version = Path(_playwrights_own()).parents[1]
    shell = version.with_name(version.name.replace("chromium-", "chromium_headless_shell-"))
    yield from (str(path) for name in SHELLS for path in shell.glob(f"*/{name}"))


def _browsers() -> Iterator[str | None]:
    yield from map(shutil.which, BROWSERS)
    yield from (f"/Applications/{app}.app/Contents/MacOS/{app}" for app in MAC_APPS)
    yield _playwrights_own()


def _playwrights_own() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _is_shell(path: str | None) -> bool:
    return path is not None and Path(path).name in SHELLS


def _starts(path: str | None) -> bool:
    return bool(path) and Path(path).exists() and _run(path, "--version", timeout=60)


def _run(*command: str, timeout: float = 900) -> bool:
    try:
        done = subprocess.run(command, timeout=timeout, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def main() -> int:
    path = find()
    if not os.environ.get("CHROMIUM") and not _is_shell(path):
        path = install()
    if path is None:
        print(
            "The browser tests need Chromium, and none could be installed: "
            "put chromium or google-chrome on the PATH, or name one with CHROMIUM=/path/to/it.",
            file=sys.stderr,
        )
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
