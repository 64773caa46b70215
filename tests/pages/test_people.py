"""Sign-in that is asked for and cannot be had: no page shows anything, and the sentence says what to do."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import people
from pages.ui.router import PAGES

from .parts import ROOT, messages

AUTH = {
    "redirect_uri": "http://localhost/oauth2callback", "cookie_secret": "x" * 32, "client_id": "a",
    "client_secret": "b", "server_metadata_url": "http://127.0.0.1:9/",
}  # fmt: skip


def visit(page: str, auth: dict[str, object] | None) -> AppTest:
    running = AppTest.from_file(ROOT / "app.py", default_timeout=90)
    running.switch_page(f"pages/{page}.py")
    if auth is not None:
        running.secrets["auth"] = auth
    running.run()
    assert not running.exception
    return running


def assert_nothing_is_shown(running: AppTest) -> None:
    keys = {each.key for each in [*running.button, *running.selectbox, *running.text_input, *running.toggle]}
    assert {key for key in keys if key and not key.startswith("sign_in")} == set()
    assert [each.value for each in running.title] == ["Sign in"]
    assert "design" not in running.session_state
    assert "train" not in running.session_state


@pytest.mark.parametrize("page", PAGES)
def test_a_lost_file_of_secrets_opens_no_page(page: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORER_SIGN_IN", "required")
    running = visit(page, None)
    assert_nothing_is_shown(running)
    assert "has no section [auth]" in messages(running)
    monkeypatch.delenv("EXPLORER_SIGN_IN")  # for the fixture's end


@pytest.mark.parametrize("page", PAGES)
def test_nobody_signed_in_sees_no_page(page: str, home: Path) -> None:
    running = visit(page, dict(AUTH))
    assert_nothing_is_shown(running)
    assert [each.key for each in running.button] == ["sign_in_default"]


def test_a_page_looks_for_sign_in_once_and_the_next_run_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr(people, "_find_damage", lambda: looked.append("") or "")
    running = visit("train", None)
    assert len(looked) < 5  # manager() alone asks a dozen times
    running.secrets["auth"] = dict(AUTH)
    running.run()
    assert [each.value for each in running.title] == ["Sign in"]
    assert not running.text_input


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        ({**AUTH, "cookie_secret": "short"}, "at least 32 random characters"),
        ({key: value for key, value in AUTH.items() if key != "client_id"}, "lacks client_id"),
        ({"redirect_uri": "x", "cookie_secret": "x" * 32}, "lacks client_id, client_secret, server_metadata_url"),
        ({"redirect_uri": "x", "cookie_secret": "x" * 32, "lab": {"client_id": "a"}}, "lacks lab.client_secret"),
        ({**AUTH, "my_lab": {"client_id": "a"}}, "underscore"),
        ("yes", "lacks"),
    ],
)
def test_half_a_configuration_admits_nobody(auth: object, said: str, home: Path) -> None:
    running = visit("train", auth)  # type: ignore[arg-type]
    assert_nothing_is_shown(running)
    assert said in messages(running)


def test_the_example_in_the_readme_is_complete(home: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("### A shared server") :]
    text = section.partition("```toml\n")[2].partition("```")[0]
    auth = tomllib.loads(text)["auth"]
    assert auth["cookie_secret"] == "…"
    running = visit("design", {**auth, "cookie_secret": "0" * 64})
    assert [each.key for each in running.button] == ["sign_in_default"]


def test_each_provider_has_a_button(home: Path) -> None:
    shared = {key: AUTH[key] for key in ("redirect_uri", "cookie_secret")}
    one = {key: AUTH[key] for key in ("client_id", "client_secret", "server_metadata_url")}
    running = visit("design", {**shared, "google": one, "lab": one})
    assert [each.label for each in running.button] == ["Sign in with Google", "Sign in with Lab"]


def test_without_authlib_the_sentence_has_the_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "is_authlib_installed", lambda: False)
    running = visit("design", dict(AUTH))
    assert_nothing_is_shown(running)
    assert 'python -m pip install "streamlit[auth]"' in messages(running)


def test_a_damaged_file_of_secrets_opens_no_page(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text("[auth\n")
    monkeypatch.setattr(people.st, "get_option", lambda name: [str(path)] if name == "secrets.files" else None)
    assert "cannot be read" in people.find_problem()
    assert people.sign_in_is_on()


def test_every_file_that_is_taken_away_goes_by_the_button_that_leaves_a_line() -> None:
    found = [path.name for path in (ROOT / "pages").rglob("*.py") if "st.download_button(" in path.read_text("utf-8")]
    assert found == ["downloads.py"]


def test_where_sign_in_is_off_it_is_looked_up_once_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[bool] = []
    monkeypatch.setattr(people, "_auth", lambda: looks.append(True) or {})
    with people.one_look_at_sign_in():
        assert not any(people.sign_in_is_on() for _ in range(9))
        assert len(looks) == 1
        monkeypatch.setattr(people, "_required", lambda: True)
        assert not people.sign_in_is_on()
    assert people.sign_in_is_on(), "what runs next looks again: a part of the page that runs alone, or its callbacks"
    with people.one_look_at_sign_in():
        assert people.sign_in_is_on()
