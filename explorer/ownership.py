"""Whose a data set or a kept model is: a small file for each owner beside it, so that no two writers meet.

The content names such things, so of two people who bring the same both own it, and it goes when the last of them lets
it go. Where there is no such folder it was made without sign-in: everybody may see it, administrators alone change it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from .person import acting

_ANYONE = "anyone"
"""The file of what was made without sign-in, beside those of people who brought the same later."""
_NAME = re.compile("[0-9a-f]{24}")
_SHARED = "shared"


def list_owners(place: Path) -> dict[str, bool]:
    """List who owns something.

    Args:
        place: The folder of its owners; it need not exist.

    Returns:
        Whether others may look, by the owners' ids; '' stands for what was made without sign-in.
    """
    try:
        files = [path for path in place.iterdir() if path.name == _ANYONE or _NAME.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return {"": False}
    found = {}
    for path in files:
        try:
            found["" if path.name == _ANYONE else path.name] = path.read_text(encoding="ascii").strip() == _SHARED
        except FileNotFoundError:  # let go meanwhile
            continue
    return found


def may_look(place: Path) -> bool:
    """Whether they for whom the program acts may see something.

    Args:
        place: The folder of its owners.

    Returns:
        The answer; everybody may where nobody signs in.
    """
    person = acting()
    return person is None or any(person.may_look(*each) for each in list_owners(place).items())


def owns_alone(place: Path) -> bool:
    """Whether what all owners see, such as a title, is for them to change for whom the program acts.

    Args:
        place: The folder of its owners.

    Returns:
        Whether they are its only owner, or administer.
    """
    person = acting()
    return person is None or person.admin or list(list_owners(place)) == [person.id]


def claim(place: Path, *, new: bool, before: Iterable[tuple[str, bool]] = ()) -> None:
    """Make it theirs, too, for whom the program acts; it stays whose it was.

    Args:
        place: The folder of its owners.
        new: Whether it was made just now, so that no folder means nobody yet.
        before: Owners, and whether they shared it, whose copy it takes the place of.
    """
    person, earlier = acting(), dict(before) if new else list_owners(place)
    if person is None and not place.is_dir() and set(earlier) <= {""}:
        return
    place.mkdir(parents=True, exist_ok=True)
    for owner, shared in {("" if person is None else person.id): False, **earlier}.items():
        path = place / (owner or _ANYONE)
        if not path.exists():
            path.write_text(_SHARED if shared else "", encoding="ascii")


def let_go(place: Path) -> bool:
    """Take it from them for whom the program acts.

    Args:
        place: The folder of its owners.

    Returns:
        Whether it is to be deleted: nobody else owns it, or an administrator wants it away, or nobody signs in.

    Raises:
        ValueError: It is not theirs.
    """
    person = acting()
    if person is None:
        return True
    owners = list_owners(place)
    if person.id not in owners:
        if person.admin:
            return True
        raise ValueError(describe_refusal(place))
    if len(owners) == 1:
        return True
    (place / person.id).unlink(missing_ok=True)
    return False


def share(place: Path, shared: bool) -> None:
    """Let others look at something of theirs for whom the program acts, or no longer.

    Args:
        place: The folder of its owners.
        shared: Whether others may look; an administrator decides it for all owners.

    Raises:
        ValueError: It is not theirs.
    """
    person = acting()
    owners = [owner for owner in list_owners(place) if owner and (person is None or person.may_change(owner))]
    if not owners:
        raise ValueError(describe_refusal(place))
    for owner in owners:
        (place / owner).write_text(_SHARED if shared else "", encoding="ascii")


def describe_refusal(place: Path) -> str:
    """Say why something cannot be changed.

    Args:
        place: The folder of its owners.

    Returns:
        The end of a sentence that begins with what it is.
    """
    if "" in list_owners(place):
        return "it was made without sign-in; only administrators can change it"
    return "it belongs to others; only they and administrators can change it"
