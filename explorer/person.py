"""Who is signed in on a server that several people share, and what is theirs."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeGuard

LONGEST_STAY_SECONDS = 12 * 3600.0
"""How long somebody stays signed in where the identity provider's token says no longer time."""
_NAME_LETTERS = 80


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who is signed in. On a server without sign-in there is none, and everybody may do everything."""

    id: str
    """What rows and files name as their owner."""
    name: str
    """Shown to people."""
    email: str = ""
    """As far as the identity provider vouches for it; '' otherwise."""
    admin: bool = False
    """Whether they may look at and change everything."""

    def may_look(self, owner: str, shared: bool) -> bool:
        """Whether they may see something.

        Args:
            owner: Whose it is; '' for what was made without sign-in, which everybody may see.
            shared: Whether its owner lets others look.

        Returns:
            The answer.
        """
        return self.admin or shared or owner in ("", self.id)

    def may_change(self, owner: str) -> bool:
        """Whether they may change or delete something.

        Args:
            owner: Whose it is; '' for what was made without sign-in, which administrators alone may change.

        Returns:
            The answer.
        """
        return self.admin or owner == self.id


def read_claims(claims: Mapping[str, Any], admins: Collection[str], now: float) -> Person | None:
    """Read who somebody is from what an OpenID Connect provider says of them.

    Args:
        claims: Of the ID token, its signature checked.
        admins: Email addresses, in small letters, and ids of people who administer.
        now: Seconds since 1970.

    Returns:
        The person; None where the claims name nobody, or the time for which they hold is over.
    """
    issuer, subject, issued, ends = (claims.get(key) for key in ("iss", "sub", "iat", "exp"))
    if not (isinstance(issuer, str) and issuer and isinstance(subject, str) and subject):
        return None
    if not (_is_time(issued) and _is_time(ends)) or now > max(ends, issued + LONGEST_STAY_SECONDS):
        return None
    # Never the email: it may change hands, and a provider need not vouch for it.
    identity = hashlib.sha256(f"{issuer}\n{subject}".encode("utf-8", "replace")).hexdigest()[:24]
    given = claims.get("email")
    vouched = isinstance(given, str) and claims.get("email_verified") is True
    email = clean_name(str(given))[:254] if vouched else ""
    named = (claims.get(key) for key in ("name", "preferred_username", "nickname"))
    name = next((clean for each in named if isinstance(each, str) and (clean := clean_name(each))), "")
    return Person(
        id=identity,
        name=name or email.partition("@")[0] or f"somebody ({identity[:6]})",
        email=email,
        admin=identity in admins or (bool(email) and email.lower() in admins),
    )


def list_admins() -> frozenset[str]:
    """Read who administers from ``EXPLORER_ADMINS``.

    Returns:
        Email addresses, in small letters, and ids of people.
    """
    listed = os.environ.get("EXPLORER_ADMINS", "").split(",")
    return frozenset(each.strip().lower() for each in listed if each.strip())


def _is_time(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def clean_name(text: str) -> str:
    """Make a name from elsewhere fit to be shown in one line.

    Args:
        text: Any text.

    Returns:
        It without control characters and marks that turn the direction of writing, at most 80 characters; '' if
        nothing is left.
    """
    kept = "".join(letter for letter in unicodedata.normalize("NFC", text) if unicodedata.category(letter)[0] != "C")
    return " ".join(kept.split())[:_NAME_LETTERS]


# ---- for whom the program acts --------------------------------------------------------------------------------------

_SET: ContextVar[tuple[Person | None] | None] = ContextVar("person", default=None)
_ask: Callable[[], Person | None] = lambda: None  # noqa: E731


def ask_with(find: Callable[[], Person | None]) -> None:
    """Say how to find out for whom the program acts; a server with sign-in does, once a process.

    Args:
        find: Gives the visitor, None for everybody; it may raise ValueError where nobody is signed in.
    """
    global _ask  # noqa: PLW0603  (one a process, as the server is)
    _ask = find


def acting() -> Person | None:
    """For whom the program acts at the moment: who may be shown a data set or a kept model, and whose a new one is.

    Returns:
        The person; None for everybody: a command, a worker, a server without sign-in.
    """
    found = _SET.get()
    return _ask() if found is None else found[0]


@contextmanager
def act_as(person: Person | None) -> Iterator[None]:
    """Act for somebody within a block, such as in a thread that works for a page.

    Args:
        person: As ``acting`` gives it.
    """
    before = _SET.set((person,))
    try:
        yield
    finally:
        _SET.reset(before)
