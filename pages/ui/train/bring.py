"""Bringing images: what was given last is looked at, and stored at the size that is chosen for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import streamlit as st

from explorer import datasets
from explorer.datasets import DatasetError, ImportedDataset, Preview, Progress
from explorer.text import format_bytes, format_shape
from pages.ui import uploads
from pages.ui.components import release_upload
from pages.ui.manager import manager
from pages.ui.people import sign_in_is_on, visitor
from pages.ui.progress import run_with_progress
from pages.ui.server import listens_on_loopback
from pages.ui.text import literal

from . import look

Size = tuple[int, int]
Looking = Callable[[Progress], Preview]
Storing = Callable[..., ImportedDataset]

_TYPES = ["zip", "tar", "gz", "tgz", "bz2", "tbz2", "xz", "txz"]
_AS_THEY_ARE, _SMALLEST, _OWN = "as they are", "smallest", "own"
_SCALINGS = {"cut": "cut off", "squash": "squashed"}


def show_form(network_sizes: Sequence[Size]) -> None:
    """An archive from the visitor's machine, or a path on this one; of both, what was given last."""
    st.caption(
        "A zip, tar or folder with a folder of images for each class, with or without train and test around them, or "
        "images with a CSV file of their labels. You see what was found before it is copied into the program's data "
        "folder; it stays on this machine."
    )
    here = st.session_state
    place = here.setdefault("train_round", 0)
    with st.container(key="train_upload"):
        upload = uploads.file_uploader(
            "Archive", type=_TYPES, key=f"train_upload_{place}", on_change=_note_given, args=("upload",)
        )
    path = ""
    # Whoever reaches the server from elsewhere shall not read its files by naming them.
    if listens_on_loopback() and not sign_in_is_on():
        path = st.text_input(
            "or the path of a folder or archive on this machine", key="train_path", max_chars=1000,
            on_change=_note_given, args=("path",),
        ).strip()  # fmt: skip
    if upload is not None and (here.get("train_given") == "upload" or not path):
        _show(
            "train", upload.file_id, network_sizes,
            lambda progress: datasets.preview_upload(upload.getbuffer(), upload.name, progress=progress),
            lambda **settings: datasets.import_upload(upload.getbuffer(), upload.name, **settings),
        )  # fmt: skip
    elif path:
        show_source(path, network_sizes, "train")


def show_source(path: str | Path, network_sizes: Sequence[Size], place: str = "offer") -> None:
    """A folder or archive on this machine; ``place`` tells the keys of several forms apart."""
    found = datasets.find_source(path)
    if found is None:
        text = str(path)
        known = text in datasets.names()
        st.error(literal(f"{text} is a data set already: choose it above." if known else f"{text} does not exist."))
        return
    _show(
        place, str(found), network_sizes,
        lambda progress: datasets.preview(found, progress=progress),
        lambda **settings: datasets.import_images(found, **settings),
    )  # fmt: skip


def follow_import() -> None:
    """Choose what was imported a moment ago; before the list is drawn, as Streamlit wants it."""
    here = st.session_state
    name = here.pop("train_data_next", None)
    if name is not None:
        here["train_data"] = name
    if here.pop("train_done", False):  # what was given is done with
        here["train_path"] = ""
        place = here.get("train_round", 0)
        if (upload := here.get(f"train_upload_{place}")) is not None:
            release_upload(upload)
        here["train_round"] = place + 1


def _note_given(what: str) -> None:
    st.session_state["train_given"] = what


def _show(place: str, key: str, network_sizes: Sequence[Size], looking: Looking, storing: Storing) -> None:
    """What is in a source, and how it is to be stored."""
    seen = _look(place, key, looking)
    if seen is None:
        return
    st.markdown(f"**{literal(seen.title)}** · {seen.count:,} images · {len(seen.classes):,} classes")
    look.show_counts(seen.classes, seen.train_counts, seen.test_counts)
    look.show_samples(seen.samples)
    parts = [f"{where} → {use} ({count:,})" for where, use, count in seen.folders]
    lines = ["; ".join(parts[:12]) + (" …" if len(parts) > 12 else ""), *seen.notes]
    st.caption("  \n".join(literal(line) for line in lines if line))
    look.show_left_out(seen.left_out, seen.skipped)
    size, scaling, stream, possible = _choose_size(place, seen, network_sizes)
    look.show_warnings([*seen.warnings, *(seen.warn_of_size(size) if possible else ())])
    title = st.text_input("Name", seen.title, key=f"{place}_title_{key}", max_chars=64)
    if not st.button(
        "Import", key="import" if place == "train" else f"{place}_import", icon=":material/input:", width="stretch",
        disabled=not possible or not title.strip(),
    ):  # fmt: skip
        return

    def store(progress: Progress) -> ImportedDataset:
        stored = 0 if visitor() is None or stream else seen.bytes_stored(size)
        with nullcontext() if visitor() is None else manager().reserve_disk(stored):
            return storing(
                name=title, size=size, scaling=scaling, keep_small=size is None, progress=progress,
                **({"stream": stream} if seen.is_folder else {}),
            )

    made = run_with_progress("Reading the images", store)
    if made is not None:
        if visitor() is not None:
            manager().log_action("import", f"data set {made.name}", made.title)
        here = st.session_state
        here["train_data_next"] = made.name
        here["train_done"] = True
        here.pop(f"{place}_preview", None)
        st.rerun()


def _look(place: str, key: str, looking: Looking) -> Preview | None:
    """The preview of a source, made once; None, and the reason shown, if there is none."""
    here = st.session_state
    seen: dict[str, Any] | None = here.get(f"{place}_preview")
    if seen is None or seen["key"] != key:
        # Put there before: a click on Cancel begins the script anew, which must not begin the look anew.
        seen = here[f"{place}_preview"] = {"key": key, "found": None, "error": ""}

        def work(progress: Progress) -> bool:
            try:
                seen["found"] = looking(progress)
            except (ValueError, OSError) as error:
                seen["error"] = f"{error}."
            return True

        run_with_progress("Looking at the images", work)
        st.rerun()
    if seen["error"]:
        st.error(literal(seen["error"]))
    elif seen["found"] is None:
        st.info("The look at these images was interrupted.")
    if seen["found"] is None:
        st.button("Look again", key=f"{place}_again", on_click=here.pop, args=(f"{place}_preview", None))
    return cast(Preview | None, seen["found"])


def _choose_size(place: str, seen: Preview, network_sizes: Sequence[Size]) -> tuple[Size | None, str, bool, bool]:
    """(height, width) to store, None for as they are; how other proportions are brought to it; stream; can that be."""
    sizes: dict[str, Size | None] = {}
    names: dict[str, str] = {}
    if seen.kept_size:
        sizes[_AS_THEY_ARE], names[_AS_THEY_ARE] = None, f"{format_shape(seen.kept_size)} (as they are)"
    for height_width in sorted(set(network_sizes) - {seen.kept_size})[:3]:
        text = format_shape(height_width)
        sizes[text], names[text] = height_width, f"{text} (network)"
    if not seen.kept_size and seen.smallest not in sizes.values() and 8 <= min(seen.smallest) <= 1024:
        sizes[_SMALLEST], names[_SMALLEST] = seen.smallest, f"{format_shape(seen.smallest)} (smallest)"
    names[_OWN] = "other"
    here, key = st.session_state, f"{place}_store"
    if here.get(key) not in names:
        here[key] = next(iter(names))
    picked = st.segmented_control(
        "Store at", list(names), key=key, format_func=names.__getitem__, required=True,
        help="Height × width in pixels at which every image is stored. Networks scale what is stored to their input: "
        "smaller images lose detail for good, larger ones take more memory and time.",
    )  # fmt: skip
    size = sizes.get(picked or "")
    scaling = "cut"
    try:
        if picked == _OWN:
            typed = st.text_input("Height x width", "64x64", key=f"{place}_own_size", max_chars=12)
            size = datasets.parse_size(typed)
        if size is not None:
            scaling = st.segmented_control(
                "What does not fit is", list(_SCALINGS), key=f"{place}_scaling", default="cut", required=True,
                format_func=_SCALINGS.__getitem__,
                help="Images of other proportions are scaled to cover that size and cut off evenly, or squashed whole.",
            ) or "cut"  # fmt: skip
        reason = seen.check_size(size)
    except DatasetError as error:
        st.error(literal(f"{error}."))
        return size, scaling, False, False
    stream = False
    if seen.is_folder and not reason:
        stream = st.toggle(
            "Leave the images in their folder", key=f"{place}_stream",
            help="Stores an index alone: training reads the files where they lie, again and again, which is slower. "
            "Folders that do not fit in memory are always read in this way.",
        )  # fmt: skip
    smallest, largest = format_shape(seen.smallest), format_shape(seen.largest)
    come = f"They come at {smallest if smallest == largest else f'{smallest} to {largest}'}"
    if stream or reason:
        why = f", since {reason}" if reason else ""
        st.caption(literal(
            f"{come} and are streamed at {format_shape(seen.size_stored(size))}{why}: the files stay where they are, "
            "nothing is copied, and a file that changes is noticed."
        ))  # fmt: skip
    else:
        st.caption(
            f"{come}; stored at {format_shape(seen.size_stored(size))} they take at most "
            f"{format_bytes(seen.bytes_stored(size))}, in memory and on the disk."
        )
    return size, scaling, stream, True
