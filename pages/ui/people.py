"""Sign-in on a server that several people share: whether it is on, who is signed in, and the screen before that."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.auth_util import is_authlib_installed
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from explorer import person
from explorer.person import Person

from .text import literal

_SHARED_KEYS = ("redirect_uri", "cookie_secret")
_PROVIDER_KEYS = ("client_id", "client_secret", "server_metadata_url")
_SHORTEST_SECRET = 32
_FILE = ".streamlit/secrets.toml"
_LOGO = Path(__file__).resolve().parents[2] / "assets" / "logo.svg"


_seen_off: ContextVar[bool] = ContextVar("_seen_off", default=False)
"""Whether this run of a page has found that sign-in is off."""


def sign_in_is_on() -> bool:
    """Whether pages are for people who are signed in alone: there is an [auth] in secrets.toml, or must be."""
    return not _seen_off.get() and (bool(_auth()) or _required() or bool(_find_damage()))


@contextmanager
def one_look_at_sign_in() -> Iterator[None]:
    """Where sign-in is off when a page begins, it is until the page ends.

    The page asks dozens of times, and each would look for two files.
    """
    _seen_off.set(not sign_in_is_on())
    try:
        yield
    finally:
        _seen_off.set(False)


def signed_in() -> Person | None:
    """Who is signed in; None where nobody is, and where sign-in is off."""
    if get_script_run_ctx(suppress_warning=True) is None or find_problem() or not _auth():
        return None
    claims = st.user.to_dict()
    return person.read_claims(claims, person.list_admins(), time.time()) if claims.get("is_logged_in") is True else None


def visitor() -> Person | None:
    """For whom a page acts: who is signed in, None for everybody where sign-in is off.

    Raises ValueError where nobody is signed in, but somebody must be.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not sign_in_is_on():
        return None  # without a context: a thread of the server's own
    found = signed_in()
    if found is None:
        if context.fragment_ids_this_run:  # a part that runs by itself passes no gate: the page anew does
            st.rerun()
        raise ValueError("nobody is signed in any more; reload the page and sign in")
    return found


person.ask_with(visitor)


def signed_in_at() -> float:
    """When the visitor proved who they are, in seconds since 1970."""
    return float(str(st.user.to_dict().get("iat", 0.0)))


def keep_strangers_out() -> None:
    """Keep no file of a session in which nobody is signed in; once a process.

    Streamlit takes uploads into memory for every session that there is, and whoever sees the sign-in screen has one.
    """
    plain = MemoryUploadedFileManager.add_file
    if hasattr(plain, "__wrapped__"):
        return

    @wraps(plain)
    def add_file(files: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec) -> None:
        if not sign_in_is_on() or _find_person_of(session_id) is not None:
            plain(files, session_id, file)

    MemoryUploadedFileManager.add_file = add_file  # type: ignore[assignment, method-assign]


def _find_person_of(session_id: str) -> Person | None:
    """Who is signed in in a session, seen from outside of it."""
    found = runtime.get_instance()._session_mgr.get_session_info(session_id)
    claims = {} if found is None else dict(found.session._user_info)
    admitted = claims.get("is_logged_in") is True and not find_problem()
    return person.read_claims(claims, (), time.time()) if admitted else None


def find_problem() -> str:
    """Why nobody can sign in although somebody must: one sentence with the way out; '' where all is well."""
    if damage := _find_damage():
        return damage
    auth = _auth()
    if not auth:
        return (
            f"EXPLORER_SIGN_IN asks for sign-in, but {_FILE} has no section [auth]: write it (README, “A shared "
            f"server”), or unset EXPLORER_SIGN_IN"
            if _required()
            else ""
        )
    if not is_authlib_installed():
        return 'Sign-in needs Authlib, which is not installed: python -m pip install "streamlit[auth]"'
    missing = [key for key in _SHARED_KEYS if not auth.get(key)]
    for name, section in _providers(auth).items():
        where = f"{name}." if name else ""
        missing += [f"{where}{key}" for key in _PROVIDER_KEYS if not section.get(key)]
        if "_" in name:
            return f"[auth.{name}] in {_FILE} has an underscore in its name, which Streamlit does not take: rename it"
    if missing:
        return f"[auth] in {_FILE} lacks {', '.join(missing)}: README, “A shared server”, has an example"
    if len(str(auth["cookie_secret"])) < _SHORTEST_SECRET:
        return (
            f"cookie_secret in {_FILE} could be guessed: it needs at least {_SHORTEST_SECRET} random characters, such "
            f'as python -c "import secrets; print(secrets.token_hex(32))" prints'
        )
    return ""


def _required() -> bool:
    return os.environ.get("EXPLORER_SIGN_IN", "").strip().lower() not in ("", "off", "no", "0", "false")


def _auth() -> dict[str, Any]:
    """The section [auth] of secrets.toml; {} where there is none."""
    if not st.secrets.load_if_toml_exists():
        return {}
    found = st.secrets.to_dict().get("auth", {})
    return found if isinstance(found, dict) else {"": found}


def _find_damage() -> str:
    """A file of secrets that is there and cannot be read: with it the server would be open to everybody."""
    there = [path for path in st.get_option("secrets.files") if os.path.exists(path)]
    if not there or st.secrets.load_if_toml_exists():
        return ""
    return f"{there[0]} cannot be read, so nobody can sign in: mend it, or take it away"


def _providers(auth: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those that can be chosen, by their names; '' for one that stands in [auth] itself."""
    named = {name: section for name, section in auth.items() if isinstance(section, dict) and name != "client_kwargs"}
    own = any(auth.get(key) for key in _PROVIDER_KEYS)
    return {**({"": auth} if own or not named else {}), **named}


def show_sign_in() -> None:
    """The screen of whoever is not signed in: one sentence and a button, and nothing of any page."""
    with st.container(key="sign_in", horizontal_alignment="center", gap="medium"):
        st.image(_LOGO, width=250, alt="Inception Explorer")
        st.title("Sign in", anchor=False, text_alignment="center")
        if problem := find_problem():
            st.error(literal(f"{problem}."), icon=":material/lock:")
            return
        st.markdown(
            "You come back to the page that you asked for. Your runs, data sets and models are yours alone until you "
            "share them.", text_alignment="center",
        )  # fmt: skip
        providers = _providers(_auth())
        for name in providers:
            st.button(
                f"Sign in with {literal(name.title())}" if name else "Sign in",
                key=f"sign_in_{name or 'default'}", type="primary", icon=":material/login:", width=250,
                on_click=st.login, args=(name or None,),
            )  # fmt: skip
