"""A pad to draw on. What is drawn is a picture like any other, and its strokes are its name in the address."""

from __future__ import annotations

from typing import Any

from explorer.text import format_share
from pages.ui.components import mount

from . import pictures, state
from .state import Picture

_DIGITS = tuple("0123456789")


def title(model: Any) -> str:
    """What the button says that begins a drawing."""
    return "Draw a digit" if set(model.classes) == set(_DIGITS) else "Draw a picture"


def is_drawing(picture: Picture | None) -> bool:
    """Whether a picture was drawn on the pad."""
    return picture is not None and picture["key"].startswith(f"{pictures.DRAWN}:")


def begin() -> None:
    """Show an empty pad."""
    state.change(pad=True, unit=None)


def show(model: Any, picture: Picture | None, prediction: Any) -> None:
    """The pad with the chosen drawing, or empty."""
    said = ""
    if picture is not None and not isinstance(prediction, str):
        best = prediction.top[0]
        said = f"{best.name}, {format_share(best.probability, 1)}"
    text = picture["key"].partition(":")[2] if picture is not None else ""
    shown = {"text": text, "said": said, "label": title(model)}
    mount("pad", "inspect_pad", shown, grow=_take_part, draw=_take, another=_keep)


def grows() -> bool:
    """Whether this run answers a stroke under way; what comes after it is another run."""
    here = state.state()
    growing, here["growing"] = here["growing"], False
    return growing


def _take_part(text: object) -> None:
    """A stroke is under way."""
    _take(text)
    state.state()["growing"] = True


def _take(text: object) -> None:
    """The drawing has changed: it takes the place of what it was."""
    if not isinstance(text, str):
        return
    here = state.PAGE.act()
    here.update({"unit": None, "growing": False})
    chosen = pictures.selected()
    at = here["pictures"].index(chosen) if chosen is not None and is_drawing(chosen) else None
    before = here["pictures"].pop(at) if at is not None else None
    if not text:
        here.update({"show": "", "pad": True})
        return
    if not pictures.add_drawing(text):
        if before is not None:
            here["pictures"].insert(at or 0, before)
            here["show"] = before["key"]
    elif at is not None and here["pictures"][-1]["key"] == here["show"]:
        here["pictures"].insert(at, here["pictures"].pop())


def _keep(_: object) -> None:
    begin()
