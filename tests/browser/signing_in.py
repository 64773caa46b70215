"""A real OpenID Connect provider on this machine, a server that asks it who somebody is, and people who sign in."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from explorer import datasets
from explorer.person import Person, act_as, read_claims
from explorer.runs import ExperimentRow, Point, Trial, new_run_id, series
from explorer.training import open_manager
from tests.browser.helpers import Server, free_port, open_app, serving, settle
from tests.challenges.parts import trained
from tests.runs.parts import create
from tests.speed import write_speed
from tests.test_ownership import archive

SECRET = "0123456789abcdef" * 4
HOSTILE_NAME = "<img src=x onerror=alert(1)> **b** [a](javascript:alert(1)) \u202eevil"
PEOPLE: dict[str, dict[str, Any]] = {
    "ann": {"name": "Ann Archer", "email": "ann@example.org", "email_verified": True},
    "bob": {"name": "Bob Baker", "email": "bob@example.org", "email_verified": True},
    "eve": {"name": "Eve Evans", "email": "Eve@example.org", "email_verified": True},
    # says that an administrator's address is theirs, which the provider does not vouch for
    "mallory": {"name": HOSTILE_NAME, "email": "eve@example.org", "email_verified": False},
}
"""Claims by subject. Eve administers."""


@contextmanager
def providing(folder: Path) -> Iterator[str]:
    """Run a provider that knows PEOPLE; gives its address."""
    port = free_port()
    users = [f"--user-claims={json.dumps({'sub': sub, **claims})}" for sub, claims in PEOPLE.items()]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", f"--port={port}", *users]
    environment = {**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"}
    with (folder / "provider.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / "provider.log").read_text()) from None
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def write_secrets(path: Path, provider: str, url: str, **changes: str) -> Path:
    """Write a secrets.toml as README shows it, for a server at ``url``."""
    values = {
        "redirect_uri": f"{url}/oauth2callback", "cookie_secret": SECRET, "client_id": "explorer",
        "client_secret": "not-checked", "server_metadata_url": f"{provider}/.well-known/openid-configuration",
    } | changes  # fmt: skip
    path.write_text("[auth]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    return path


@contextmanager
def sharing(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    prepare: Callable[[Path, dict[str, Person]], None] | None = None,
    **settings: Any,
) -> Iterator[Server]:
    """A server with sign-in, beside its provider; ``prepare`` fills its data directory for people before it starts."""
    with providing(folder) as provider:
        home = folder / "home"
        write_speed(home)
        (home / "issuer").write_text(provider)
        if prepare is not None:
            prepare(home, {sub: person_of(home, sub) for sub in PEOPLE})
        port = free_port()
        secrets = write_secrets(folder / "secrets.toml", provider, f"http://127.0.0.1:{port}")
        around = {
            "EXPLORER_ADMINS": "eve@example.org", "EXPLORER_SIGN_IN": "required", "AUTHLIB_INSECURE_TRANSPORT": "1",
            "EXPLORER_QUOTA_UPLOADS": "50kB", "EXPLORER_QUOTA_QUEUE": "3", "EXPLORER_QUOTA_DISK": "1GB",
            **(environment or {}),
        }  # fmt: skip
        with serving(home, f"--secrets.files={secrets}", environment=around, port=port, **settings) as server:
            yield server


def claims_of(home: Path, sub: str, **changes: Any) -> dict[str, Any]:
    """What the provider of a data directory says of somebody."""
    now = time.time()
    issued = {"iss": (home / "issuer").read_text(), "sub": sub, "iat": int(now), "exp": int(now + 3600)}
    return issued | PEOPLE[sub] | changes


def person_of(home: Path, sub: str) -> Person:
    """Somebody as the server of a data directory knows them."""
    found = read_claims(claims_of(home, sub), ("eve@example.org",), time.time())
    assert found is not None
    return found


def sign_in(page: Page, url: str, sub: str) -> Page:
    """Go to an address, sign in as somebody, and wait for what was asked for."""
    open_app(page, url)
    page.locator(".st-key-sign_in").get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=sub, exact=True).click()
    page.locator(".st-key-account").wait_for(state="attached")
    settle(page)
    return page


IDS: dict[str, str] = {}
"""Of what ``prepare`` has made."""


def prepare(home: Path, people: dict[str, Person]) -> None:
    """Ann has a run of her own, one that others may look at, and an experiment; Bob one that has finished."""
    manager = open_manager(home)
    for person in people.values():
        manager.store.people.welcome(person)
    ann = manager.act_for(people["ann"])
    for name in ("private", "shared"):
        run = create(ann)
        ann.annotate(run.id, name=f"{name} run of Ann")
        manager.store.record(run.id, [Point(series=series.TEST_ACCURACY, step=1, value=0.5, seconds=1.0)], step=1)
        ann.stop(run.id)
        IDS[name] = run.id
    ann.share(IDS["shared"], True)
    row = ExperimentRow(id=new_run_id(), name="secret widths", created=1.0, plan="{}")
    ann.save_experiment(row)
    place = Trial(experiment=row.id, variant="w", seed=1)
    trial = ann.create("trial of Ann", run.architecture, run.config, trial=place)
    ann.stop(trial.id)
    ann.remove_experiment(row.id)  # its plan is none; the run stays
    IDS["trial"] = trial.id
    with pytest.MonkeyPatch.context() as patch, act_as(people["ann"]):
        patch.setenv("EXPLORER_HOME", str(home))
        IDS["data"] = datasets.import_upload(archive(), "cats.zip", name="Secret cats of Ann").name
    IDS["bobs"] = trained(manager.act_for(people["bob"]), 0.8, name="Bob's network").id
    manager.close()
