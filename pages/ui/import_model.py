"""A network of torchvision or timm as the session's design: read in the background, with its weights, and told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from explorer.architecture import MAX_IMAGE, MIN_IMAGE, Architecture, ArchitectureError
from explorer.datasets import Cancel, CancelledError
from explorer.home import home
from explorer.importing import (
    LIBRARIES,
    FreeSizeError,
    Import,
    ImportingError,
    count_parameters,
    from_name,
    from_onnx,
    list_names,
)
from explorer.inspection import MAX_IMPORTED_BYTES, measure_imported
from explorer.text import format_bytes, format_count

from . import background, session, uploads
from .components import release_upload
from .manager import manager
from .people import visitor
from .text import literal

MAX_PARAMETERS = 200_000_000
"""Of a network whose weights are read on the page: the largest of torchvision's ConvNeXts and VGGs are below it."""
_WORK, _JOB = "import_work", "import_job"
_ROUND = "import_round"
"""Counts the imports: each begins with an empty field for files."""
_PATIENCE_SECONDS = 0.2
_STILL = "Your design was changed meanwhile, so it is still on the screen."
_ONE_AT_A_TIME = threading.Lock()
"""An import may take gigabytes for seconds."""

Tell = Callable[[str], None]


@dataclass(eq=False)
class Job:
    """One import: what is done at the moment, and what came of it."""

    title: str
    before: Architecture
    """The design when it began."""
    stage: str = ""
    found: Import | None = None
    kept: str = ""
    """Name of the model as which its weights are kept."""
    lines: list[str] = field(default_factory=list)
    """What there is to tell, sentences."""
    kind: Literal["info", "warning", "error"] = "error"
    waits: bool = False
    """Whether it is to be opened by hand, because the design was changed meanwhile."""
    files: Sequence[Any] = ()
    """Uploads that it was made from; they are given back when it has succeeded."""
    reserve: Callable[[int], AbstractContextManager[None]] = field(default=lambda _: nullcontext())
    """Raises ValueError where its visitor may not keep so many bytes."""
    log: Callable[[str], None] = field(default=lambda _: None)
    """Notes that a model is kept."""
    again: Callable[[int], None] | None = None
    """Begins it anew for images of a height and width."""
    lacks_size: bool = False
    """Whether it must be said how large the images are."""

    def work(self, make: Callable[[Tell], Import], folder: Path, cancel: Cancel) -> None:
        """Import and keep the weights; what cannot be imported is told by the exception."""

        def tell(stage: str) -> None:
            if cancel():
                raise CancelledError("cancelled")
            self.stage = stage

        tell("waiting for another one")
        while not _ONE_AT_A_TIME.acquire(timeout=_PATIENCE_SECONDS):
            tell(self.stage)
        try:
            found = make(tell)
            self.lines += found.describe()
            if found.weights:
                tell("keeping the weights")
                self._keep(found, folder)
            tell("opening the design")
            self.found = found
        except FreeSizeError:
            self.lacks_size = True
            raise
        finally:
            _ONE_AT_A_TIME.release()

    def _keep(self, found: Import, folder: Path) -> None:
        from explorer.inspection.keeping import save_import

        what = "The library's initial weights, random numbers," if found.is_random else "Its weights"
        try:
            with self.reserve(sum(tensor.numel() * tensor.element_size() for tensor in found.weights.values())):
                self.kept = save_import(found, folder)
            self.log(self.kept)
        except ValueError as error:
            self.lines.append(f"{what} are not kept: {error}.")
        else:
            self.lines.append(
                f"{what} are kept as {self.kept}: Inspect and Train offer them, and Inspect removes them. Imported "
                f"models take {format_bytes(measure_imported(folder))} of {format_bytes(MAX_IMPORTED_BYTES)}."
            )


def offer() -> None:
    """The form, for what unfolds under Open."""
    names = _names()
    place = st.session_state.setdefault(_ROUND, 0)
    with st.form("import_form", border=False):
        st.selectbox(
            "or import a network of torchvision or timm", names, index=None, accept_new_options=True, key="import_name",
            placeholder="torchvision:resnet18", persist_state="session",
            help="Built by the library on this machine, nothing is downloaded; its operators are read as a design.",
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.number_input(
                "Input in pixels", min_value=MIN_IMAGE, max_value=MAX_IMAGE, value=None, key="import_side",
                placeholder="the library's own", persist_state="session", help="Height and width of its images",
            )  # fmt: skip
            st.form_submit_button("Import", icon=":material/input:", on_click=_begin)
        uploads.file_uploader(
            "Its weights (optional)", key=f"import_weights_{place}", accept_multiple_files=True,
            help="A state dict of the library's network or a checkpoint with one (.pt, .pth, .ckpt, .bin), "
            ".safetensors, or all shards of one. Objects in a file are never made. Without a file the weights are the "
            "library's initial ones, random numbers.",
        )  # fmt: skip
    if not names:
        _wait_for_names()


def _begin() -> None:
    here = st.session_state
    name, side = _complete((here["import_name"] or "").strip()), here["import_side"]
    if not name:
        session.PAGE.act()
        session.PAGE.tell("error", "Choose the network that is to be imported, or type its name: torchvision:resnet18")
        return
    files = here[f"import_weights_{here[_ROUND]}"] or []
    if not uploads.admit(f"import_weights_{here[_ROUND]}"):  # told beside the field
        return
    given = [(file.name, file.getvalue()) for file in files]

    def make(tell: Tell) -> Import:
        tell("building it")
        count = count_parameters(name)
        if count > MAX_PARAMETERS:
            raise ImportingError(
                f"{name} has {format_count(count)} parameters, and the page reads weights up to "
                f"{format_count(MAX_PARAMETERS)}; its design alone opens by the address ?net={name}, and "
                f"`python -m explorer import {name} --keep` has no limit"
            )
        from explorer.modules import WeightsFile

        weights = [WeightsFile(name=each, data=data) for each, data in given]
        shape = None if side is None else (3, side, side)
        return from_name(name, weights=weights or None, input_shape=shape, tell=tell)

    begin(name, make, files)


def _complete(name: str) -> str:
    """The library is added to a name that only one network has, torchvision's before timm's."""
    if ":" in name:
        return name
    return next((each for each in _names() if each.partition(":")[2] == name), name)


def begin_onnx(name: str, data: bytes, beside: Mapping[str, bytes], side: int | None = None) -> None:
    """Begin to import an ONNX file.

    Args:
        name: Of the file.
        data: All of it.
        beside: Files in which it may keep its weights, by their names.
        side: Height and width of its images, where it leaves them free; None: they are asked for then.
    """

    def read(shape: tuple[int, int, int] | None, tell: Tell) -> Import:
        try:
            return from_onnx(data, Path(name).stem, beside=beside, input_shape=shape, tell=tell)
        except FreeSizeError:
            raise
        except ImportingError as error:
            raise ImportingError(f"{name}: {error}") from None

    def make(tell: Tell) -> Import:
        try:
            return read(None, tell)
        except FreeSizeError as error:
            if side is None:
                raise
            return read((error.channels or 3, side, side), tell)

    begin(name, make, again=lambda side: begin_onnx(name, data, beside, side))


def begin(
    title: str,
    make: Callable[[Tell], Import],
    files: Sequence[Any] = (),
    again: Callable[[int], None] | None = None,
) -> None:
    """Begin an import in the background; one that is under way is ended.

    Args:
        title: What is imported.
        make: Imports it; takes what hears of each step. It touches nothing of Streamlit.
        files: The uploads that it is made from.
        again: Begins it anew for images of a height and width, where it fails for want of them.
    """
    job = Job(title, session.architecture(), files=files, again=again)
    if visitor() is not None:
        runs = manager()
        job.reserve = runs.reserve_disk
        job.log = lambda name: runs.log_action("import", f"model {name}", title)
    folder = home()
    st.session_state[_JOB] = job
    background.begin(
        _WORK, f"Importing {title}", lambda _, cancel: job.work(make, folder, cancel), stage=lambda: job.stage
    )
    st.session_state["open_popover"] = False


def show() -> None:
    """How far the import is; what came of the last one, until it is dismissed or another design is opened."""
    job: Job | None = st.session_state.get(_JOB)
    if job is None:
        return
    ended = background.take_ended(_WORK)
    if ended is not None:
        if ended.error == "cancelled":
            del st.session_state[_JOB]
            st.info(literal(f"The import of {job.title} was cancelled; your design is as it was."))
            return
        _finish(job, ended.error)
    if background.show(_WORK):
        return
    opened = job.found is not None and session.baseline() == job.found.architecture
    if job.found is not None and job.found.architecture is not None and not opened and not job.waits:
        del st.session_state[_JOB]  # another design was opened since
        return
    with st.container(border=True, key="import_outcome", gap="small"):
        lines = [*job.lines, *([_STILL] if job.waits else [])]
        getattr(st, job.kind)(literal(" ".join(lines)))
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            if job.again and job.lacks_size:
                st.number_input(
                    "Height and width of its images, in pixels", MIN_IMAGE, MAX_IMAGE, 224, key="import_at_side"
                )
                again = (job.again,)
                st.button("Import at this size", key="import_again", type="primary", on_click=_at_size, args=again)
            if job.waits:
                st.button("Open it", key="import_open", type="primary", on_click=_open, args=(job,))
            if job.kept:
                st.page_link(
                    "pages/inspect.py", label="Inspect its weights", icon=":material/biotech:",
                    query_params={"model": job.kept},
                )  # fmt: skip
            st.button("Dismiss", key="import_dismiss", on_click=_dismiss)


def _finish(job: Job, error: str) -> None:
    """Open what was imported, unless the visitor has gone on with a design of their own."""
    if error:
        job.lines = [f"Not opened, your design is kept: {error}{'' if error.endswith('?') else '.'}"]
        return
    assert job.found is not None
    if job.found.architecture is None:
        job.lines.append("Your design is kept.")
        return
    job.kind = "warning" if job.found.obstacle else "info"
    for file in job.files:
        release_upload(file)
    st.session_state[_ROUND] += 1
    if session.architecture() == job.before:
        _open(job)
        st.rerun()
    job.waits = True


def _open(job: Job) -> None:
    assert job.found is not None
    assert job.found.architecture is not None
    job.waits = False
    try:
        session.open_design(job.found.architecture)
    except ArchitectureError as error:
        job.found, job.kind = None, "error"
        job.lines = [f"Not opened, your design is kept: {error}"]


def _at_size(again: Callable[[int], None]) -> None:
    again(st.session_state["import_at_side"])  # what was typed a moment ago may come with the click


def _dismiss() -> None:
    st.session_state.pop(_JOB, None)


# ---- names ----------------------------------------------------------------------------------------------------------


@st.cache_resource(max_entries=1, show_spinner=False)
def _read_names() -> tuple[threading.Thread, list[str]]:
    """The names that the libraries know, read beside the page: they load torch."""
    names: list[str] = []

    def read() -> None:
        for library in LIBRARIES:
            with suppress(ImportingError, ImportError):
                names.extend([f"{library}:{name}" for name in list_names(library)])

    thread = threading.Thread(target=read, daemon=True, name="names of networks")
    thread.start()
    return thread, names


def _names() -> list[str]:
    """The names, none while they are being read."""
    thread, names = _read_names()
    return [] if thread.is_alive() else names


@st.fragment(run_every=0.5)
def _wait_for_names() -> None:
    thread, names = _read_names()
    if not thread.is_alive() and names:
        st.rerun()
    if thread.is_alive():
        st.caption("The libraries' lists of names are being read; a name that is typed is taken already.")
