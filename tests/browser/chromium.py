"""Find a Chromium for the browser tests, or install one: ``python -m tests.browser.chromium`` prints its path."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_APPS = ("Google Chrome", "Chromium")


def find() -> str | None:
    """The first Chromium that starts: $CHROMIUM, the PATH, the Mac's applications, Playwright's own copy."""
    on_path = [shutil.which(name) for name in NAMES]
    apps = [f"/Applications/{app}.app/Contents/MacOS/{app}" for app in MAC_APPS]
    candidates = [os.environ.get("CHROMIUM"), *on_path, *apps]
    return next((path for path in candidates if _starts(path)), None) or _playwrights_own()


def install() -> str | None:
    """Playwright's download first, which needs no rights; then the distribution's package."""
    print("No Chromium found: installing one for the browser tests …", file=sys.stderr, flush=True)
    playwright = [sys.executable, "-m", "playwright"]
    if _run(*playwright, "install", "chromium"):
        if path := find():
            return path
        if _run(*playwright, "install-deps", "chromium") and (path := find()):
            return path
    if shutil.which("apt-get"):
        rights = [] if os.geteuid() == 0 else ["sudo", "-n"] if shutil.which("sudo") else None
        if rights is not None and _run(*rights, "apt-get", "update", "-qq"):
            environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
            _run(*rights, *environment, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
    return find()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if _starts(path) else None


def _starts(path: str | None) -> bool:
    return bool(path) and Path(path).exists() and _run(path, "--version", timeout=60)


def _run(*command: str, timeout: float = 900) -> bool:
    try:
        done = subprocess.run(command, timeout=timeout, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def main() -> int:
    path = find() or install()
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
