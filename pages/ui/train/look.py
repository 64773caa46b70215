"""Looking at images before and after they are stored: counts, samples, what was left out; renaming and removing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import streamlit as st

from explorer import datasets
from explorer.datasets import DatasetCard, DatasetError, Sample
from explorer.runs import Run
from pages.ui import sharing
from pages.ui.manager import manager
from pages.ui.text import cell, literal, number_column

_STRIPS, _IN_STRIP = 6, 4
_LISTED = 500


def show_counts(classes: Sequence[str], train: Sequence[int], test: Sequence[int]) -> None:
    """A table of the images of each class."""
    rows = {"class": [cell(name) for name in classes], "train": list(train), "test": list(test)}
    st.dataframe(
        rows, hide_index=True, width="stretch", height="content" if len(classes) <= 8 else 320,
        column_config={"train": number_column(), "test": number_column()},
    )


def show_samples(samples: Sequence[Sample]) -> None:
    """Some images, a strip for each of the first classes."""
    of_class: dict[str, list[Sample]] = {}
    for sample in samples:
        of_class.setdefault(sample[0], []).append(sample)
    for name, found in list(of_class.items())[:_STRIPS]:
        st.image(datasets.draw_sheet(found[:_IN_STRIP]), caption=literal(name), width=48 * len(found[:_IN_STRIP]))


def show_left_out(left_out: Iterable[tuple[str, int]], skipped: Sequence[tuple[str, str]]) -> None:
    """What is not in the set, counted by reason, and the files behind a click."""
    counts = list(left_out)
    if not counts:
        return
    total = sum(count for _, count in counts)
    with st.popover(f"{total:,} {'file was' if total == 1 else 'files were'} left out", type="tertiary"):
        st.table([{"files": f"{count:,}", "why": literal(why)} for why, count in counts])
        st.table([{"file": literal(name), "why": literal(why)} for name, why in skipped[:_LISTED]])
        if total > _LISTED:
            st.caption(f"The first {_LISTED} of {total:,} files are listed.")


def show_warnings(warnings: Sequence[str]) -> None:
    """What a person should know before training."""
    if warnings:
        st.warning("\n".join(f"- {literal(text)}" for text in warnings))


def manage(card: DatasetCard) -> None:
    """The box of an imported set: look at it, rename it, remove it."""
    if card.name not in datasets.list_imports():
        return
    box = st.expander("Look, rename, remove", icon=":material/dataset:", key="data_box", on_change="rerun")
    if not box.open:
        return
    with box:
        try:
            show_counts(card.classes, *datasets.count_classes(card.name))
            show_samples(datasets.sample_images(card.name))
        except DatasetError as error:
            st.error(literal(f"{error}."))
        owners = datasets.find_owners(card.name)
        mine = next((owner for owner in owners if sharing.is_mine(owner)), next(iter(owners), ""))
        for fact in sharing.describe(mine, any(owners.values())):
            st.caption(literal(f"It is {fact}."))
        if not any(sharing.may_change(owner) for owner in owners):
            return
        sharing.offer(f"data_share_{card.name}", mine, owners.get(mine, False), partial(_share, card.name))
        title = st.text_input("Title", card.title, key=f"data_title_{card.name}", max_chars=64)
        st.button(
            "Rename", key="data_rename", disabled=title.strip() in ("", card.title), on_click=_rename,
            args=(card.name, title),
        )  # fmt: skip
        runs = _runs_of(card.name)
        if runs:
            st.caption(
                f"{len(runs)} {'run uses' if len(runs) == 1 else 'runs use'} it, and could then be neither resumed nor "
                "evaluated."
            )
        active = any(run.active for run in runs)
        if active:
            st.caption("While a run that uses it is queued or running, it cannot be removed.")
        sure = st.checkbox("Remove it all the same", key=f"data_sure_{card.name}") if runs and not active else not runs
        st.button(
            "Remove", key="data_remove", icon=":material/delete:", disabled=not sure, on_click=_remove,
            args=(card.name,), help="What it was imported from stays where it is, also the files of a streamed set.",
        )  # fmt: skip


def _runs_of(name: str) -> list[Run]:
    return [run for run in manager().runs() if run.setting("dataset") == name]


def _rename(name: str, title: str) -> None:
    _do("describe", name, lambda: datasets.rename(name, title))


def _remove(name: str) -> None:
    _do("delete", name, lambda: datasets.remove(name))


def _share(name: str, shared: bool) -> None:
    _do("share" if shared else "unshare", name, lambda: datasets.share(name, shared))


def _do(action: str, name: str, work: Callable[[], object]) -> None:
    try:
        work()
        manager().log_action(action, f"data set {name}")
    except (DatasetError, OSError) as error:
        st.session_state["data_problem"] = str(error)
