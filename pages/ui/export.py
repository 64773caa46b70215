"""Taking a network away: every format of ``explorer.export``, written when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import streamlit as st

from explorer.architecture import Architecture
from explorer.export import FORMATS, ExportedFile, Format, Subject, export, list_data
from explorer.training import RECIPES, TrainConfig, parse, recipe

from . import downloads
from .manager import manager
from .text import literal, tell_apart

Make = Callable[[], Subject]
_SHOWN_LETTERS = 60_000
"""Of a text; the file has all of it."""
_LANGUAGES = {".json": "json", ".py": "python", ".tex": "latex", ".md": "markdown", ".svg": "xml"}
_WHOLE = "the whole network"
_FILE = "export_file"


def offer(
    key: str,
    subjects: Mapping[str, Make],
    *,
    has_weights: bool,
    what: str,
    block: str = "",
    label: str = "Export the model",
    wide: bool = False,
) -> None:
    """A button that opens the formats. It stands in no popover, which would lie above them.

    Args:
        key: Of the button.
        subjects: What may be taken, by its title; made when a file is written, since a model may have to be opened.
        has_weights: Whether it has weights.
        what: Whose file it is, for the audit, such as 'run 20260131-142501-0fa3c2'.
        block: A node of which pictures and tables may be, beside those of the whole network.
        label: Of the button.
        wide: Whether it is as wide as what it stands in.
    """
    if st.button(
        label, icon=":material/download:", key=key, width="stretch" if wide else "content",
        help="Source code, ONNX, weights, pictures and tables; what computes is computed before you get it.",
    ):  # fmt: skip
        _forget()
        _show(subjects, has_weights, what, block)


def find_recipe(name: str) -> TrainConfig | None:
    """How the run of a model trained, by the model's name; None of what is no run."""
    with suppress(ValueError):
        return parse(manager().run(name.partition("@")[0]).config)
    return None


def _forget() -> None:
    st.session_state.pop(_FILE, None)  # a file of weights is large, and the session may last


@st.dialog("Export", width="large", on_dismiss=_forget)
def _show(subjects: Mapping[str, Make], has_weights: bool, what: str, block: str) -> None:
    known = {name: form for name, form in FORMATS.items() if has_weights or not form.needs_weights}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Format", list(known), format_func=lambda name: known[name].title, key="export_format",
            help=None if has_weights else "Weights are taken from a run on Train, or from a model on Inspect.",
        )  # fmt: skip
        form = known[name]
        titles = list(subjects)
        title = titles[0] if len(titles) == 1 else st.selectbox("Of", titles, key="export_subject")
        part = _WHOLE
        if block and form.of_block:
            part = st.selectbox("Showing", [_WHOLE, block], key="export_part")
    config = _choose_recipe(subjects[title]().architecture) if form.takes_recipe and not has_weights else None
    asked = (name, title, part, config)
    kept = st.session_state.get(_FILE)
    written = kept[1] if kept and kept[0] == asked else None
    if written is None and (form.is_text or _ask(form, has_weights)):
        written = _write(subjects[title], name, "" if part == _WHOLE else block, config)
        st.session_state[_FILE] = (asked, written)
        if not form.is_text:
            st.rerun(scope="fragment")  # the button has done its work
    if isinstance(written, str):
        st.error(literal(f"{written[:1].upper()}{written[1:]}."), icon=":material/error:")
    elif written:
        _hand_over(written, form, what)


def _ask(form: Format, has_weights: bool) -> bool:
    if form.takes_weights and not has_weights:
        st.caption("This design has no trained weights: the file gets torch's initial ones, and says so.")
    label = "Write and check it" if form.takes_weights else "Write it"
    return st.button(label, icon=":material/draft:", key="export_write")


def _choose_recipe(architecture: Architecture) -> TrainConfig:
    """How a design that was not trained is to be."""
    titles = tell_apart(list_data(architecture))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Recipe", list(RECIPES), key="export_recipe", help="A run on Train has its own.")
        dataset = st.selectbox("Data", list(titles), format_func=titles.__getitem__, key="export_data")
    return recipe(chosen, dataset)


def _write(make: Make, name: str, path: str, config: TrainConfig | None) -> ExportedFile | str:
    """The file, or the sentence that says why there is none."""
    told = "Writing it and computing with it …" if FORMATS[name].takes_weights else "Writing it …"
    with st.spinner(told):
        try:
            subject = make()
            return export(replace(subject, path=path, config=config or subject.config), name)
        except ValueError as error:
            return str(error)


def _hand_over(file: ExportedFile, form: Format, what: str) -> None:
    for note in file.notes:
        st.caption(literal(note))
    downloads.download_button(
        f"Download {file.name}", file.data, file.name, file.media_type, what=what, icon=":material/download:",
        key="export_download",
    )  # fmt: skip
    if not form.is_text:
        return
    text = file.data.decode()
    if form.suffix == ".svg":
        st.image(text)
    if len(text) > _SHOWN_LETTERS:
        st.caption(f"The first {_SHOWN_LETTERS:,} letters; the file has all {len(text):,}.")
    language = next((each for ending, each in _LANGUAGES.items() if file.name.endswith(ending)), None)
    st.code(text[:_SHOWN_LETTERS], language=language, height=420, wrap_lines=form.suffix == ".txt")
