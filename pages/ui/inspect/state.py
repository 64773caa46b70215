"""What a session looks at on the Inspect page, and the address of that."""

from __future__ import annotations

import re
from typing import Any, NotRequired, TypedDict

import streamlit as st

from explorer.architecture import Architecture
from explorer.datasets import MAX_STROKES_LETTERS
from explorer.inspection import PERTURBATIONS, check_path, check_perturbation
from explorer.text import parse_decimal, quote
from pages.ui import session
from pages.ui.page_state import Page, PageState, Parameter, first_state

TABS = {
    "maps": "Feature maps",
    "branches": "Branches",
    "why": "Why this prediction",
    "perturb": "Perturb",
    "field": "Receptive field",
    "filters": "Filters",
    "two": "Two models",
    "test": "Test set",
    "slim": "Slim",
}
"""By the word that stands in addresses."""
TAB = "inspect_tab"
OWN = "own"
"""The name of the model that the visitor brought."""
_ALONG = "rotate"
_AS_IS = "as-is"
MAX_PICTURES = 32
"""Pictures of a session."""
_PICTURE = re.compile(rf"drawn:[\w.-]{{3,{MAX_STROKES_LETTERS}}}|[a-z0-9][\w-]{{0,99}}:[\w-]{{1,80}}", re.ASCII)
"""What an address may call a picture: drawn:strokes, SAMPLE:name or DATASET:row."""
_MAX_NAMES_LETTERS = 6000
"""Of all pictures in an address together."""


class Picture(TypedDict):
    """An image of this session; its original bytes, and a small copy to look at."""

    key: str
    title: str
    data: bytes
    digest: str
    shows: str | None
    """The class that it is known to show."""
    credit: str
    format: str
    size: tuple[int, int]
    """Height and width in pixels."""
    notes: tuple[str, ...]
    thumb: str
    src: NotRequired[str]
    """The large copy; made when the picture is looked at."""
    pixels: NotRequired[Any]
    """Decoded, until the first prediction."""
    ink: NotRequired[Any]
    """Its ink in MNIST's form, a Picture; None where it is no ink on paper. Made when a model asks for it."""


class InspectState(PageState):
    """What the Inspect page remembers."""

    model: str
    """Name of the model, '' for none yet."""
    second: str
    """Name of the second model, '' for none."""
    at: str
    """Path of the selected node, '' for the default one."""
    channel: int | None
    """None: the most varied one."""
    unit: tuple[int, int] | None
    """Row and column in the map; None: the strongest one."""
    class_index: int | None
    """The class that is asked about; None: the predicted one."""
    cell: list[int] | None
    """Of the confusion matrix, whose images are shown: class shown, class predicted."""
    beside: int | None
    """The class beside it; None: the best other one, −1: none."""
    perturb: dict[str, float]
    """What is done to the picture: the settings that are not neutral, by the names of PERTURBATIONS."""
    along: str
    """The parameter whose curve is drawn."""
    pictures: list[Picture]
    show: str
    """Key of the picture that is looked at."""
    pad: bool
    """Whether an empty pad is shown instead, to draw on."""
    growing: bool
    """Whether the last command was of a stroke under way; it answers before the rest of the page follows."""
    as_is: bool
    """Whether ink on paper is left as it came."""
    wanted: list[str]
    """Keys of pictures that are asked for and still to be fetched."""
    met: bool
    """Whether the page was shown before: a first visit gets sample pictures."""
    own: Any
    """The model that the visitor brought, or None."""
    round: int
    """Counts the upload widgets: each is used once."""
    own_round: int
    """The same of the widget for weights."""
    device: str
    """Where models compute: 'auto' or a device's name."""


# ---- the address ----------------------------------------------------------------------------------------------------


def _read_into(field: str) -> Any:
    def read(text: str) -> None:
        state()[field] = text  # type: ignore[literal-required]

    return read


def _read_number(field: str) -> Any:
    def read(text: str) -> None:
        state()[field] = int(text) if re.fullmatch(r"\d{1,6}", text, re.ASCII) else None  # type: ignore[literal-required]

    return read


def _read_unit(text: str) -> None:
    unit = re.fullmatch(r"(\d{1,4})-(\d{1,4})", text, re.ASCII)
    state()["unit"] = (int(unit[1]), int(unit[2])) if unit else None


def _read_tab(text: str) -> None:
    if text in TABS:
        st.session_state[TAB] = TABS[text]
    elif text:
        PAGE.tell("info", f"There is no tab {quote(text)} here; known: {', '.join(TABS)}")


def _write_tab() -> str:
    tab = next((word for word, title in TABS.items() if st.session_state.get(TAB) == title), "maps")
    return tab if tab != "maps" else ""


def _read_perturb(text: str) -> None:
    """name:value,name:value"""
    here: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition(":")
        try:
            here[name] = check_perturbation({name: parse_decimal(value)})[name]
        except (KeyError, ValueError) as error:
            PAGE.tell("error", f"The address asks for a perturbation that there is not: {error}")
    state()["perturb"] = {name: value for name, value in here.items() if value != PERTURBATIONS[name].neutral}


def _read_along(text: str) -> None:
    state()["along"] = text if text in PERTURBATIONS else _ALONG


def _read_ink(text: str) -> None:
    state()["as_is"] = text == _AS_IS


def _read_pictures(text: str) -> None:
    state()["wanted"] = [key for key in text.split(",") if is_shared(key)][:MAX_PICTURES]


def is_shared(key: str) -> bool:
    """Uploads are nobody else's: whether a key is that of a picture that others have too."""
    return _PICTURE.fullmatch(key) is not None


def _shared() -> list[str]:
    """The pictures that are in an address."""
    return [picture["key"] for picture in state()["pictures"] if is_shared(picture["key"])]


def _write_pictures() -> str:
    text = ",".join(dict.fromkeys([*_shared(), *state()["wanted"]]))
    if len(text) > _MAX_NAMES_LETTERS:
        raise ValueError("the drawings are too long for an address; remove some")
    return text


def _read_show(text: str) -> None:
    if is_shared(text):
        state()["show"] = text


def _write_show() -> str:
    show, shared = state()["show"], _shared()
    return show if show in shared and show != shared[0] else ""


def _write_model(name: str) -> str:
    return name if name != OWN else ""


def _write_number(number: int | None) -> str:
    return "" if number is None else str(number)


PAGE: Page[InspectState] = Page(
    "inspect",
    lambda: {
        **first_state(), "model": "", "second": "", "at": "", "channel": None, "unit": None, "class_index": None,
        "cell": None, "beside": None, "perturb": {}, "along": _ALONG,
        "pictures": [], "show": "", "pad": False, "growing": False, "as_is": False, "wanted": [], "met": False,
        "own": None, "round": 0, "own_round": 0, "device": "auto",
    },
    (
        Parameter("model", _read_into("model"), lambda: _write_model(state()["model"])),
        Parameter("second", _read_into("second"), lambda: _write_model(state()["second"])),
        Parameter("node", _read_into("at"), lambda: state()["at"]),
        Parameter("channel", _read_number("channel"), lambda: _write_number(state()["channel"])),
        Parameter("unit", _read_unit, lambda: "{}-{}".format(*state()["unit"] or ()) if state()["unit"] else ""),
        Parameter("class", _read_number("class_index"), lambda: _write_number(state()["class_index"])),
        Parameter(
            "perturb", _read_perturb,
            lambda: ",".join(f"{name}:{value:g}" for name, value in state()["perturb"].items()),
        ),
        Parameter("along", _read_along, lambda: state()["along"] if state()["along"] != _ALONG else ""),
        Parameter("ink", _read_ink, lambda: _AS_IS if state()["as_is"] else ""),
        Parameter("tab", _read_tab, _write_tab),
        Parameter("pictures", _read_pictures, _write_pictures),
        Parameter("show", _read_show, _write_show),
    ),
)  # fmt: skip


def state() -> InspectState:
    """The page's state itself."""
    return PAGE.state


# ---- what the visitor does ------------------------------------------------------------------------------------------


def change(**fields: Any) -> None:
    """Something that the visitor did, as fields of the state; what was told before has been read."""
    PAGE.act().update({"growing": False, **fields})  # type: ignore[typeddict-item]


def choose_node(path: object) -> None:
    """Look at another node; its most varied channel and strongest unit."""
    if isinstance(path, str):
        change(at=path, channel=None, unit=None)


def node(architecture: Architecture, usual: str = "") -> str:
    """The chosen node of a network: the nearest that exists and runs in inference; else the usual one."""
    path = state()["at"]
    while path:
        try:
            check_path(architecture, path)
            break
        except ValueError:
            path = path.rpartition("/")[0]
    if path != state()["at"]:
        shown = f"; {quote(path)} is shown" if path else ""
        PAGE.tell("info", f"{architecture.name} has no node {quote(state()['at'])}{shown}")
        state().update({"at": path, "channel": None, "unit": None})
    return path or usual or session.default_path(architecture)


def choose_map(chosen: object) -> None:
    """A click on a map, or on a unit of the large one: {group, channel} or {group, channel, unit}."""
    if not isinstance(chosen, dict) or not isinstance(chosen.get("channel"), int):
        return
    asked, unit = chosen.get("unit"), None
    if isinstance(asked, list) and len(asked) == 2 and all(isinstance(each, int) for each in asked):
        unit = (asked[0], asked[1])
    at = chosen.get("group")
    change(at=at if isinstance(at, str) else state()["at"], channel=chosen["channel"], unit=unit)


def choose_picture(key: object) -> None:
    """Look at another picture."""
    if isinstance(key, str) and key:
        change(show=key, pad=False)
