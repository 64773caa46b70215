"""The head of the Design page: name, where it comes from, what changed, and what can be done with the whole design.

What unfolds is made when it is opened: a rerun while a slider moves has nothing to do with it.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable

import streamlit as st

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import (
    MAX_TEXT_BYTES,
    Architecture,
    ArchitectureError,
    Change,
    describe_changes,
    diff,
    edit,
    group_changes,
    structural,
)
from explorer.export import Subject, tell_changes
from explorer.text import format_shape, format_si

from . import export, find_networks, import_model, session, uploads
from .components import mount
from .text import literal

_LISTED = 40
"""Changes, or groups of equal ones, that are listed."""


def show(architecture: Architecture, baseline: Architecture) -> None:
    """The head, and below it what the last edit had to say."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="head"):
        _name(architecture)
        show_open()
        show_steps()
        _changes(architecture, baseline)
        _compare()
        _share()
        _export(architecture)
    session.PAGE.show_notices()
    import_model.show()


def show_notes(architecture: Architecture) -> None:
    """Where the design comes from, and a sentence for newcomers."""
    origin = catalog.describe_origin(architecture)
    lines = [literal(origin)] if origin else []
    # The sentence for newcomers stays: if it went with the first edit, the page would move under the hand.
    lines.append(
        "**Click a layer to see it large, drag a slider to change it: every number and picture follows.** "
        "The address always holds your design."
    )
    st.caption("  \n".join(lines))


def show_steps() -> None:
    """One step back in the history of the design, and one forward."""
    history = session.PAGE.state["history"]
    _step_button("undo_button", "Undo", "Undo the last change", ["Ctrl+Z"], history.past, session.undo)
    redo_keys = ["Ctrl+Y", "Ctrl+Shift+Z"]
    _step_button("redo_button", "Redo", "Redo the change taken back", redo_keys, history.future, session.redo)


def _step_button(
    key: str, label: str, hint: str, shortcuts: list[str], steps: tuple[Architecture, ...], take: Callable[[], None]
) -> None:
    """A step in the history. Streamlit's own button would take two quick presses for one."""
    data = {"label": label, "icon": label.lower(), "hint": hint, "shortcuts": shortcuts, "disabled": not steps}
    mount("button", key, data, width="content", press=lambda _: take())


def warn_if_address_is_stale() -> None:
    """Said last: whether the address could be written is known when it has been tried."""
    unwritten = session.PAGE.state["unwritten"]
    if unwritten:
        st.warning(literal(f"The address bar still holds an earlier design: {unwritten}."))


def _name(architecture: Architecture) -> None:
    here = st.session_state
    # Where another design has come, the browser sends the name of the one before until it has heard of that: nobody
    # typed it, and it must not become the name of this one.
    if here.get("title") == architecture.name:
        here.pop("title_before", None)
    elif "title" in here:
        here["title_before"] = here["title"]
    here["title"] = architecture.name

    def rename() -> None:
        if here["title"] != here.get("title_before"):
            session.command(do="title", value=here["title"].strip())

    st.text_input("Name of the design", key="title", on_change=rename, max_chars=120, label_visibility="collapsed")


def show_open() -> None:
    """Another network as the session's design: of the catalogue, a new one, or a file."""
    unfolded = st.popover("Open", icon=":material/folder_open:", key="open_popover", on_change="rerun")
    if not unfolded.open:
        return
    with unfolded:
        session.PAGE.show_notices()  # a refused file is said here too: the list hides the place below the head
        names = find_networks.search("preset")
        picked = st.selectbox(
            "Network of the catalogue",
            names,
            format_func=lambda name: f"{catalog.entry(name).title} · {', '.join(catalog.entry(name).tags)}",
            key="preset",
            filter_mode=None,
            persist_state="session",  # looked up, not yet opened: it is still there when the list unfolds again
        )
        entry = catalog.entry(picked if picked in names else names[0])
        totals = analyze(entry.architecture).totals
        st.write(literal(entry.summary))
        st.caption(
            f"{format_si(totals.params)} parameters · {format_si(totals.macs)} MACs · "
            f"input {format_shape(entry.architecture.input_shape)}  \n{literal(entry.source)}"
        )
        for slip in entry.repairs:
            st.caption(f"Repaired: {literal(slip)}")
        for difference in entry.differences:
            st.caption(f"Not as published: {literal(difference)}")
        st.button("Open this network", key="open_preset", on_click=_open_preset, args=(entry.name,))
        with st.container(horizontal=True, gap="small", key="new_design"):
            st.button(
                "New, empty", key="open_empty", on_click=_open_and_close, args=(catalog.empty,),
                help="No layer yet, for images of 3 × 32 × 32: + in the picture inserts the first",
            )
            st.button(
                "New, small network", key="open_untitled", on_click=_open_and_close, args=(catalog.untitled,),
                help="A template: a stem, an Inception block, a classifier. Any network of the catalogue is one, too",
            )
        uploads.file_uploader(
            "or a JSON or ONNX file, or source written here", type=["json", "py", "onnx", "data", "bin"], key="upload",
            on_change=_open_upload, accept_multiple_files=True,
            help="A design as it is exported here, or a network with its weights that any program wrote as ONNX; where "
            "it keeps them in a file beside it, give both.",
        )  # fmt: skip
        import_model.offer()


def _open_upload() -> None:
    """Open the network that was given last; where it is refused, the list stays open and says why."""
    given = st.session_state["upload"]
    networks = [each for each in given if each.name.lower().endswith((".json", ".py", ".onnx"))]
    if not networks:
        if given:
            session.refuse(f"{given[-1].name} is no network: give the .onnx file whose weights it holds, too")
        return
    upload = networks[-1]
    if upload.name.lower().endswith(".onnx"):
        beside = {each.name: each.getvalue() for each in given if each not in networks}
        import_model.begin_onnx(upload.name, upload.getvalue(), beside)
        return
    data = upload.getvalue()[: MAX_TEXT_BYTES + 1]
    if not _guarded(lambda: catalog.read_file(data)):
        return
    st.session_state["open_popover"] = False
    changes = tell_changes(data, session.architecture()) if upload.name.lower().endswith(".py") else None
    if changes:
        session.PAGE.tell("warning", changes)


def _open_and_close(make: Callable[[], Architecture]) -> None:
    if _guarded(make):
        st.session_state["open_popover"] = False


def _open_preset(shown: str) -> None:
    # What was chosen a moment ago may come with the click.
    name = st.session_state["preset"] or shown
    _open_and_close(lambda: catalog.get(name))


def _guarded(make: Callable[[], Architecture]) -> bool:
    """Open a design; what cannot be opened is told."""
    try:
        session.open_design(make())
    except ArchitectureError as error:
        session.refuse(f"Not opened, your design is kept: {error}")
        return False
    return True


def _changes(architecture: Architecture, baseline: Architecture) -> None:
    changes = diff(baseline, architecture)
    label = _count_changes(changes)
    unfolded = st.popover(label, icon=":material/difference:", key="changes_popover", on_change="rerun")
    if not unfolded.open:
        return
    with unfolded:
        st.caption(f"Since the baseline, {literal(baseline.name)}")
        st.write(describe_changes(changes))
        listed = group_changes(structural(changes) or changes)
        for group in listed[:_LISTED]:
            if len(group.changes) == 1:
                st.text(str(group))
            else:
                with st.expander(literal(group.headline)):
                    st.text("\n".join(change.path for change in group.changes))
        if len(listed) > _LISTED:
            st.caption(f"and {len(listed) - _LISTED:,} more")
        if changes:
            st.button("Measure from here", key="pin", on_click=session.pin, help="Make this design the baseline")
            st.button("Back to the baseline", key="revert", on_click=_open_and_close, args=(lambda: baseline,))


def _count_changes(changes: list[Change]) -> str:
    """What stands on the button: new names are no changes of the network, but they are something."""
    count = len(structural(changes))
    if count:
        return f"{count:,} change{'' if count == 1 else 's'}"
    return "other names" if changes else "no changes"


def _compare() -> None:
    if st.button("Compare", icon=":material/compare_arrows:", key="compare_button", help="Beside other networks"):
        from .compare import networks

        networks.bring_design()
        networks.go()


def _share() -> None:
    unfolded = st.popover(
        "Share", icon=":material/link:", key="share_popover", on_change="rerun", help="A link to this design"
    )
    if not unfolded.open:
        return
    with unfolded:
        try:
            address = session.PAGE.address()
        except ArchitectureError:
            st.write("This design is too large for an address: download its JSON under Export.")
            return
        query = urllib.parse.urlencode(address, doseq=True)
        base = (st.context.url or "").partition("?")[0]
        st.caption("This address rebuilds the screen in any browser that reaches this server.")
        st.code(f"{base}?{query}", language=None, wrap_lines=True)
        st.caption("The same numbers without a browser:")
        st.code(f"python -m explorer analyze '{address['net'][0]}'", language=None, wrap_lines=True)


def _export(architecture: Architecture) -> None:
    export.offer(
        "export_open",
        {"this design": lambda: Subject(architecture=catalog.state_origin(architecture))},
        has_weights=False,
        what="",
        block=edit.column_of(architecture, session.selected_path()) or "",
        label="Export",
    )
