"""The pictures of a session: uploaded, taken, samples, test images; bounded, and in this session's memory alone.

Of each the original bytes are kept, from which every model gets its own input, and a small copy to look at.
"""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable

import streamlit as st
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from explorer import datasets, figures
from explorer.datasets import MAX_IMAGE_BYTES, ImageError
from explorer.inspection import SampleImage, list_sample_images
from explorer.text import format_bytes
from pages.ui import uploads
from pages.ui.components import release_upload
from pages.ui.text import literal, tell_apart

from . import data, state
from .state import Picture

MAX_TOTAL_BYTES = 64_000_000
"""Of all originals together."""
SAMPLE = "sample"
DRAWN = "drawn"
_AS_MNIST = (
    "drawn here in white on black, scaled to 20 of 28 parts of its side and moved until its centre of mass lies in the "
    "middle, as MNIST's digits were"
)
_TYPES = [*datasets.IMAGE_ENDINGS, *datasets.HEIC_ENDINGS]
"""HEIC too, which is then told what to do: a refused ending is not."""


def selected() -> Picture | None:
    """The picture that is looked at; None if there is none, or an empty pad is shown."""
    if state.state()["pad"]:
        return None
    found = state.state()["pictures"]
    return next((picture for picture in found if picture["key"] == state.state()["show"]), found[0] if found else None)


def show(dataset: str) -> None:
    """The card's part for pictures; ``dataset`` is what the model was trained on, if that is known."""
    st.markdown("**Pictures**")
    place = state.state()["round"]
    uploads.file_uploader(
        "Upload pictures", type=_TYPES, accept_multiple_files=True, key=f"inspect_upload_{place}",
        on_change=_take_uploads, label_visibility="collapsed", max_upload_size=MAX_IMAGE_BYTES // 10**6,
    )  # fmt: skip
    st.caption(
        f"Uploads stay in the memory of this browser session only; they are gone when it closes or on Clear. Up to "
        f"{state.MAX_PICTURES} pictures, {format_bytes(MAX_TOTAL_BYTES)} in all."
    )
    camera = st.expander("Camera", icon=":material/photo_camera:", key="inspect_camera_box", on_change="rerun")
    if camera.open:  # only then the browser asks whether the camera may be used
        camera.camera_input(
            "Take a picture", key=f"inspect_camera_{place}", on_change=_take_photo, label_visibility="collapsed"
        )
    _samples()
    _test_images(dataset)


def show_buttons(draw: str, begin: Callable[[], None]) -> None:
    """What begins a drawing, and what takes pictures away."""
    with st.container(horizontal=True, gap="small", key="inspect_away"):
        st.button(draw, key="inspect_draw", icon=":material/draw:", on_click=begin)
        if state.state()["pictures"]:
            st.button("Remove the chosen one", key="inspect_remove", icon=":material/delete:", on_click=_remove,
                      type="tertiary")  # fmt: skip
            st.button("Clear", key="inspect_clear", icon=":material/delete_sweep:", on_click=_clear, type="tertiary")


# ---- where they come from -------------------------------------------------------------------------------------------


def _take_uploads() -> None:
    here = state.state()
    given = st.session_state.get(f"inspect_upload_{here['round']}") or []
    files = [file for file in given if isinstance(file, UploadedFile)]  # others are gone: the server was restarted, say
    if not files:  # a new widget reports that it is empty
        return
    state.change(round=here["round"] + 1, unit=None)  # a new, empty widget
    for file in files:
        if file.size > MAX_IMAGE_BYTES:
            limit = format_bytes(MAX_IMAGE_BYTES)
            state.PAGE.tell("error", f"{file.name}: the file has {format_bytes(file.size)}; the most is {limit}")
        else:
            add(file.getvalue(), file.name)
        release_upload(file)


def _take_photo() -> None:
    key = f"inspect_camera_{state.state()['round']}"
    photo = st.session_state.get(key)
    if photo is not None and not uploads.admit(key):
        state.PAGE.act()
        state.PAGE.tell("error", uploads.refusal())
    elif photo is not None:
        state.change(round=state.state()["round"] + 1, unit=None)
        add(photo.getvalue(), "photo")
        release_upload(photo)


def _samples() -> None:
    known = {sample.name: sample for sample in list_sample_images()}
    if not known:
        return
    with st.expander("Sample pictures", icon=":material/collections:"):
        st.pills(
            "Samples", list(known), key="inspect_samples", format_func=lambda name: known[name].title,
            selection_mode="multi", on_change=_take_samples, label_visibility="collapsed",
        )  # fmt: skip
        for credit in dict.fromkeys(sample.credit for sample in known.values()):
            st.caption(literal(credit))


def _take_samples() -> None:
    names = st.session_state.get("inspect_samples") or []
    st.session_state["inspect_samples"] = []
    request(*(f"{SAMPLE}:{name}" for name in names))


def _test_images(dataset: str) -> None:
    cards = {card.name: card for card in data.list_cards()}
    with st.expander("Test images of a data set", icon=":material/dataset:"):
        titles = tell_apart({name: card.title for name, card in cards.items()})
        usual = list(cards).index(dataset) if dataset in cards else 0
        name = st.selectbox(
            "Data set", list(cards), usual, key=f"inspect_data_{dataset}", format_func=titles.__getitem__
        )
        last = cards[name].test_count - 1
        st.number_input("Number", 0, last, 0, key=f"inspect_row_{name}", help=f"0 to {last:,}")
        with st.container(horizontal=True):
            st.button("Add", key="inspect_add_row", on_click=_add_row, args=(name,))
            st.button(
                "Random", key="inspect_add_random", icon=":material/casino:", on_click=_random, args=(name, last)
            )


def _add_row(dataset: str) -> None:
    # What was typed a moment ago may come with the click.
    request(f"{dataset}:{st.session_state[f'inspect_row_{dataset}']}")


def _random(name: str, last: int) -> None:
    request(f"{name}:{random.randint(0, last)}")


def request(*keys: str) -> None:
    """Bring pictures of the samples or of a data set, and look at the last."""
    state.change(wanted=[*state.state()["wanted"], *keys], show=keys[-1] if keys else state.state()["show"], unit=None,
                 pad=state.state()["pad"] and not keys)


def fetch_requested() -> None:
    """Fetch the samples and test images that are asked for. Imports torch where data sets are."""
    here = state.state()
    wanted, here["wanted"] = list(dict.fromkeys(here["wanted"])), []
    known: dict[str, SampleImage] = {sample.name: sample for sample in list_sample_images()}
    show = here["show"]
    for key in wanted:
        source, _, name = key.partition(":")
        try:
            if source == SAMPLE and name in known:
                sample = known[name]
                add(sample.path.read_bytes(), sample.title, key=key, shows=sample.class_name, credit=sample.credit)
            elif source == DRAWN:
                add_drawing(name)
            elif source in datasets.names() and name.isdecimal():
                pixels, shows = data.pixels(source, int(name))
                file = io.BytesIO()
                Image.fromarray(pixels).save(file, "PNG")
                add(file.getvalue(), f"{source}, test image {int(name):,}", key=key, shows=shows)
            else:
                state.PAGE.tell("error", f"There is no picture {key[:80]!r} here")
        except (ValueError, OSError) as error:
            state.PAGE.tell("error", f"{key[:80]}: {error}")
    here["show"] = show  # the request has decided which of them is looked at


# ---- the pictures --------------------------------------------------------------------------------------------------


def add_drawing(text: str) -> bool:
    """Add what was drawn on the pad, as text; whether that could be done. The reason is told where it could not."""
    try:
        pixels = datasets.draw_strokes(datasets.parse_strokes(text))
    except ValueError as error:
        state.PAGE.tell("error", f"{error}")
        return False
    key, file = f"{DRAWN}:{text}", io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    add(file.getvalue(), "drawing", key=key, notes=(_AS_MNIST,))
    return state.state()["show"] == key


def add(
    content: bytes, title: str, *, key: str = "", shows: str | None = None, credit: str = "",
    notes: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """Add a picture and look at it; what cannot be added is told in one sentence."""
    here = state.state()
    here["pad"] = False
    digest = hashlib.sha256(content).hexdigest()
    key = key or f"upload-{digest[:16]}"
    known = next((picture for picture in here["pictures"] if picture["key"] == key), None)
    if known:
        here["show"] = key
        if known["title"] != title[:200]:
            state.PAGE.tell("info", f"{title} is the same file as {known['title']}, which is here already")
        return
    if len(here["pictures"]) >= state.MAX_PICTURES:
        most = state.MAX_PICTURES
        state.PAGE.tell("error", f"{title}: there are {most} pictures already; remove some or press Clear")
        return
    if sum(len(picture["data"]) for picture in here["pictures"]) + len(content) > MAX_TOTAL_BYTES:
        size = format_bytes(MAX_TOTAL_BYTES)
        state.PAGE.tell(
            "error", f"{title}: all pictures together would have more than {size}; remove some or press Clear"
        )
        return
    try:
        found = datasets.decode(content)
    except ImageError as error:
        state.PAGE.tell("error", f"{title}: {error}")
        return
    for picture in here["pictures"]:
        picture.pop("pixels", None)
    here["pictures"].append({
        "key": key, "title": title[:200], "shows": shows, "credit": credit, "data": content, "digest": digest,
        "size": found.pixels.shape[:2], "format": found.format, "notes": (*found.notes, *notes),
        "thumb": figures.encode_photo(found.pixels, 160),
        "pixels": found.pixels,  # of the newest alone, until the network has been asked: they may be 120 MB
    })  # fmt: skip
    here["show"] = key


def _remove() -> None:
    gone = selected()
    state.change(pictures=[picture for picture in state.state()["pictures"] if picture is not gone], show="", pad=False)


def _clear() -> None:
    state.change(pictures=[], show="", wanted=[], pad=False)
