"""Which model is asked: shipped, of a run, published, or brought by the visitor; opened once for all sessions."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import streamlit as st

from explorer import inspection
from explorer.export import Subject
from explorer.inspection import (
    BEST,
    AvailableModel,
    ModelCard,
    fetch_weights,
    find_published,
    list_sample_images,
    load_model_cards,
)
from explorer.runs import ACTIVE, RunFolder, list_best, list_checkpoints
from explorer.text import format_bytes, format_share
from pages.ui import export, run_picker, sharing
from pages.ui.absence import follow
from pages.ui.manager import manager
from pages.ui.progress import run_with_progress
from pages.ui.text import literal

from . import custom_weights, device, pictures, state

_NEWEST = "newest"


def list_models() -> dict[str, AvailableModel]:
    """Everything that can be asked, by name; without what the visitor brought."""
    return {entry.name: entry for entry in inspection.list_models(manager())}


def show(found: dict[str, AvailableModel]) -> None:
    """The card's part for models."""
    here = state.state()
    here["model"] = _check_name(here["model"], found, "model")
    here["second"] = _check_name(here["second"], found, "second model")
    if not here["model"]:
        here["model"] = _default_model(found)
    if not here["met"]:
        here["met"] = True
        _request_samples(found)
    name = here["model"].partition("@")[0]
    place = st.container()
    titles = _narrow({each: _title(found, each) for each in _options(found)}, found, "inspect_model_words", name)
    st.session_state["inspect_model"] = name
    place.selectbox(
        "Model", list(titles), key="inspect_model", format_func=titles.__getitem__,
        on_change=_choose_model, args=(found,),
    )  # fmt: skip
    entry = found.get(name)
    if entry:
        st.caption(literal(f"{entry.title} ({', '.join((entry.name, *entry.aliases))}): {entry.detail}."))
        if entry.kind == "shipped":
            _card(load_model_cards()[name])
        _checkpoint(entry)
        if entry.kind == "imported":
            _offer_removal(entry)
        if not entry.ready:
            _download(entry)
        if entry.ready:
            _offer_export(titles.get(here["model"], entry.label), here["model"], found)
    else:
        _offer_export(titles[name], name, found)
    device.choose()
    custom_weights.show()
    _follow()


def _offer_export(title: str, name: str, found: dict[str, AvailableModel]) -> None:
    def make() -> Subject:
        model = open_by_name(name, found)
        if model is None:
            raise ValueError(f"{title} cannot be opened")
        return Subject.of_model(model, export.find_recipe(name))

    export.offer("inspect_export", {title: make}, has_weights=True, what=f"model {name}", wide=True)


def _card(card: ModelCard) -> None:
    """What a person must know to judge a model that ships."""
    unfolded = st.expander("Model card", icon=":material/description:", key="model_card", on_change="rerun")
    if not unfolded.open:  # its command has the browser load a highlighter of code, a third of the page's script
        return
    lines = {
        "Trained on": card.data, "Knows only": ", ".join(card.classes), "How": card.recipe,
        "Test accuracy": format_share(card.accuracy), "Over seeds": card.spread, "Licence": card.licence,
    }  # fmt: skip
    with unfolded:
        st.markdown("\n\n".join(f"**{label}**: {literal(text)}" for label, text in lines.items()))
        st.markdown("**Train it again**:")
        st.code(card.command, language="bash", wrap_lines=True)


def choose_second(found: dict[str, AvailableModel]) -> str:
    """A widget for the second model; '' for none."""
    here = state.state()
    value = here["second"]
    ready = [name for name in _options(found) if name not in found or found[name].ready]
    # What an address asks for is among them too: an older checkpoint, or weights that are not here yet.
    titles = {"": "none", **{name: _title(found, name) for name in (*ready, value) if name}}
    place = st.container()
    titles = _narrow(titles, found, "inspect_second_words", value)
    st.session_state["inspect_second"] = value
    place.selectbox(
        "Second model", list(titles), key="inspect_second", format_func=titles.__getitem__,
        on_change=lambda: state.change(second=st.session_state["inspect_second"]),
    )  # fmt: skip
    return value


def _narrow(titles: dict[str, str], found: dict[str, AvailableModel], key: str, chosen: str) -> dict[str, str]:
    runs = {name for name, entry in found.items() if entry.kind == "run"}
    return run_picker.narrow(titles, runs, key=key, keep=(chosen,))


def _options(found: dict[str, AvailableModel]) -> list[str]:
    return [*([state.OWN] if state.state()["own"] is not None else []), *found]


def _title(found: dict[str, AvailableModel], name: str) -> str:
    if name == state.OWN:
        return f"your weights · {state.state()['own'].name}"
    run, _, step = name.partition("@")
    entry = found[run]
    step = entry.best if step == BEST else f"step {int(step):,}" if step else ""
    return entry.label + (f" · {step}" if step else "")


def _check_name(name: str, found: dict[str, AvailableModel], what: str) -> str:
    """A name that an address gave, if there is such a model; the newest checkpoint where an old one is gone."""
    run, at, _ = name.partition("@")
    if not name or (name == state.OWN and state.state()["own"] is not None):
        return name
    spec = find_published(name)
    if spec is not None:
        return spec.name
    if name == state.OWN or run not in found:
        hint = "" if name == state.OWN else f"; {inspection.suggest_model(name, manager())}"
        state.PAGE.tell("error", f"The {what} {name[:80]!r} is not here, another one is shown{hint}")
        return ""
    if at and name not in found[run].checkpoints:
        state.PAGE.tell("info", f"{name[:80]} is not there any more; the newest checkpoint of the run is taken")
        return run
    return name


def choose_pair(first: str, second: str) -> None:
    """Compare two models that come with the program."""
    _choose_model(list_models(), first)
    state.change(second=second)


def _choose_model(found: dict[str, AvailableModel], name: str | None = None) -> None:
    """Another model; where nothing but samples for another one is looked at, those for this one take their place."""
    here = state.PAGE.act()
    here["model"] = name or st.session_state["inspect_model"]
    if all(picture["key"].startswith(f"{pictures.SAMPLE}:") for picture in here["pictures"]):
        before = here["pictures"]
        here["pictures"] = []
        _request_samples(found)
        if not here["wanted"]:
            here["pictures"] = before


def _request_samples(found: dict[str, AvailableModel]) -> None:
    """Somebody who comes for the first time sees at once what there is to see: the model that ships, and pictures."""
    here = state.state()
    usual = found.get(here["model"])
    if usual and usual.kind == "shipped" and not here["pictures"] and not here["wanted"]:
        known = load_model_cards()[usual.name].classes
        here["wanted"] = [
            f"{pictures.SAMPLE}:{sample.name}" for sample in list_sample_images() if sample.class_name in known
        ]
        here["show"] = ""


def _default_model(found: dict[str, AvailableModel]) -> str:
    """What ships, else the newest run, else the network that the family is named for, a small download."""
    ready = next((entry.name for entry in found.values() if entry.ready), "")
    return ready or ("googlenet-torchvision" if "googlenet-torchvision" in found else next(iter(found), ""))


def _checkpoint(entry: AvailableModel) -> None:
    if entry.kind != "run":
        return
    here = state.state()
    options = [_NEWEST, *entry.checkpoints]
    st.session_state["inspect_checkpoint"] = here["model"] if here["model"] in options else _NEWEST

    def pick() -> None:
        name = st.session_state["inspect_checkpoint"]
        state.change(model=entry.name if name == _NEWEST else name)

    st.selectbox(
        "Checkpoint", options, key="inspect_checkpoint", on_change=pick,
        format_func=lambda name: _checkpoint_title(entry, name.partition("@")[2]),
        help="The newest one is followed while the run works, and so is the best: that of the epoch with the highest "
        "validation accuracy, or test accuracy where no images were held out for validation.",
    )  # fmt: skip


def _checkpoint_title(entry: AvailableModel, step: str) -> str:
    if not step:
        return _NEWEST
    return entry.best if step == BEST else f"step {int(step):,}"


def _offer_removal(entry: AvailableModel) -> None:
    owners = inspection.find_owners(entry.name, manager().root)
    mine = next((owner for owner in owners if sharing.is_mine(owner)), next(iter(owners), ""))
    if not any(sharing.may_change(owner) for owner in owners):
        st.caption(literal(f"It is {sharing.describe(mine, True)[0]}."))
        return
    sharing.offer("inspect_share_imported", mine, owners.get(mine, False), partial(_share, entry.name))
    unfolded = st.popover("Remove", icon=":material/delete:", key="inspect_remove_imported", on_change="rerun")
    if not unfolded.open:
        return
    with unfolded:
        st.write(literal(f"The weights of {entry.title} go from this machine. Runs that began with them keep a copy."))
        st.button("Remove these weights", key="inspect_remove_sure", on_click=_remove, args=(entry.name,))


def _share(name: str, shared: bool) -> None:
    try:
        inspection.share_imported(name, manager().root, shared)
        manager().log_action("share" if shared else "unshare", f"model {name}")
    except ValueError as error:
        state.PAGE.tell("error", f"{error}")


def _remove(name: str) -> None:
    try:
        inspection.remove_imported(name, manager().root)
        manager().log_action("delete", f"model {name}")
    except ValueError as error:
        state.PAGE.tell("error", f"{error}")
        return
    state.change(model="")
    state.PAGE.tell("info", f"{name} is removed")


def _download(entry: AvailableModel) -> None:
    spec = find_published(entry.name)
    assert spec is not None
    if st.button(
        f"Download {format_bytes(spec.size_bytes)}", icon=":material/download:", key="inspect_download", width="stretch"
    ):
        done = run_with_progress(
            f"Downloading {spec.title}", lambda progress: fetch_weights(spec.name, progress=progress)
        )
        if done is not None:
            st.rerun()


def _follow() -> None:
    """Begin anew when there is a new model, or a newer checkpoint of the one that is asked."""
    here = state.state()
    before = _snapshot({here["model"], here["second"]})

    def look() -> None:
        if _snapshot({here["model"], here["second"]}) != before:
            st.rerun()

    follow(look, 2.0)


def _snapshot(asked: set[str]) -> list[Any]:
    """The runs, whether those that work have a checkpoint, and the newest checkpoint of those that are asked."""

    def newest(run: str, status: str) -> Any:
        if status not in ACTIVE and not asked & {run, f"{run}@{BEST}"}:
            return None
        folder = RunFolder(manager().root, run).checkpoints
        if f"{run}@{BEST}" in asked:
            return list_best(folder)[:1]
        paths = list_checkpoints(folder)
        return paths[:1] if run in asked else bool(paths)

    return [(run, status, newest(run, status)) for run, status in manager().store.statuses().items()]


# ---- opened ---------------------------------------------------------------------------------------------------------


def open_by_name(name: str, found: dict[str, AvailableModel]) -> Any:
    """The model of a name; None, and the reason shown, where it cannot be opened. Imports torch."""
    if name == state.OWN:
        return state.state()["own"]
    entry = found[name.partition("@")[0]]
    if not entry.ready:
        st.info(literal(f"The weights of {entry.title} are not here yet."))
        return None
    try:
        if entry.kind == "run":  # no longer, perhaps, where what is here was listed before
            manager().store.require_look(entry.name)
        return _open_cached(name, _version(entry, name), device.current())
    except ValueError as error:
        st.error(literal(f"{error}."))
        return None


@st.cache_resource(max_entries=4, show_spinner=False)
def _open_cached(name: str, version: str, on: str) -> Any:  # noqa: ARG001  (the version is part of the key)
    from explorer.inspection.opening import open_model

    return open_model(name, manager(), device=on)


def _version(entry: AvailableModel, name: str) -> str:
    """What changes when the same name means other weights."""
    if entry.kind == "run":
        if name.endswith(f"@{BEST}"):
            return entry.best
        return name if "@" in name else entry.checkpoints[0]
    if entry.kind == "shipped":
        return load_model_cards()[name].sha256
    if entry.kind == "imported":
        return name  # it ends with a digest
    spec = find_published(name)
    assert spec is not None
    about = spec.path.stat()
    return f"{about.st_mtime_ns} {about.st_size}"


def find_dataset(name: str, part: Literal["train", "test"] = "test") -> str:
    """The data set that a model was trained on, or one with its classes; '' where there is none."""
    return inspection.find_dataset(name, manager(), part)
