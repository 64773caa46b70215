"""A new run: which networks, on which data, by which recipe; what it will take; and the button that starts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import streamlit as st

from explorer import catalog, training
from explorer.architecture import Architecture, ArchitectureError, edit, from_json
from explorer.datasets import get_card
from explorer.experiments import parse_seeds
from explorer.runs import Run
from explorer.text import format_bytes, format_duration, format_shape
from pages.ui import find_networks, session
from pages.ui.manager import manager
from pages.ui.text import literal

from . import augmentation, choices, data, settings, start_from, state


class Fitted(NamedTuple):
    """A network as it would be trained."""

    network: Architecture
    changes: str
    """What was changed in it to fit the data, a sentence; '' for nothing."""


MAX_SEEDS = 20
"""Of one start."""
_FIRST = "inception-net-32"
"""What is offered to a visitor who has not designed anything yet: it learns within seconds on a CPU."""


def show(runs: list[Run]) -> None:
    """The form. Nothing in it is a Streamlit form: the forecast follows every change."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header("New run", anchor=False, width="content")
        _lessons()
    data.follow_import()
    _take_clone()
    found = find_networks.search("train_designs", several=True)
    chosen = st.multiselect(
        "Networks", choices.list_networks(found), key="train_designs", format_func=choices.get_title,
        placeholder="one or more", filter_mode=None, persist_state="session",
        help="Your design as it stands on the Design page, or networks of the catalogue; each becomes a run.",
    )  # fmt: skip
    sizes = [choices.get_network(name).input_shape[1:] for name in chosen]
    card = data.choose([*sizes, *start_from.list_import_sizes()])
    fit = st.toggle(
        "Fit the network to the data", key="train_fit", value=True, persist_state="session",
        help="Gives the last layer (and auxiliary heads) as many outputs as the data has classes. Images are always "
        "scaled to the network's input.",
    )  # fmt: skip
    start = start_from.choose([choices.get_network(name) for name in chosen], runs)
    start_from.offer_photos(card.name, available=card.available)
    size = choices.ask_image_size(chosen, card, start.image_size)
    offered, complaints = _take_size(chosen, start.image_size if size == "weights" else None)
    small = size == "data"
    heads: bool | Literal["all"] = "all" if start.no_heads else choices.ask_heads(offered, card, small=small)
    config = settings.choose(card.name)
    seeds = _seeds()
    networks = []
    for name, network in offered.items():
        try:
            fitted = training.fit_to_data(network, card, classes=fit, image_size=small, heads=heads)
            changes = training.describe_fit(network, fitted)
        except ArchitectureError as error:
            complaints.append(f"{choices.get_title(name)}: {choices.describe_error(error)}")
        else:
            networks.append(Fitted(fitted, f"{network.name} {'; '.join(changes)}." if changes else ""))
    if config is None or seeds is None:
        _button(networks, None)
        return
    if start.complaint:
        complaints.append(start.complaint)
    elif start.section is not None:
        try:
            config = config.changed(start=start.section)
        except ValueError as error:
            complaints.append(str(error))
    if networks and card.available:
        shown = config.changed(seed=seeds[0])
        if start.weights is not None and not complaints:
            shown = start_from.pin(networks[0].network, shown, start.weights)
        augmentation.show(networks[0].network, shown)
    _forecast(networks, config, seeds, runs, complaints, start)


def _take_size(names: Sequence[str], size: tuple[int, int] | None) -> tuple[dict[str, Architecture], list[str]]:
    """(the networks by key, taking images of a size; what is wrong with those that cannot). None: of their own."""
    networks, complaints = {}, []
    for name in names:
        network = choices.get_network(name)
        try:
            channels = network.input_shape[0]
            networks[name] = network if size is None else edit.replace(network, "", input_shape=(channels, *size))
        except ArchitectureError as error:
            complaints.append(f"{choices.get_title(name)}: {choices.describe_error(error)}")
    return networks, complaints


def _lessons() -> None:
    """Ready-made experiments: one click, and the curves tell the story."""
    with st.popover("Lessons", icon=":material/school:", key="lessons"):
        for lesson in training.LESSONS.values():
            st.markdown(f"**{literal(lesson.title)}**")
            st.caption(literal(lesson.text))
            runs = ", ".join(f"{run.network} on {run.dataset}" for run in lesson.runs)
            st.caption(literal(f"Runs: {runs}."))
            st.button(
                f"Start these {len(lesson.runs)} runs", icon=":material/play_arrow:", key=f"lesson_{lesson.name}",
                on_click=_start_lesson, args=(lesson.name,),
            )  # fmt: skip


def _start_lesson(name: str) -> None:
    state.PAGE.act()
    try:
        state.choose([run.id for run in training.start_lesson(manager(), name)])
    except ValueError as error:
        state.PAGE.tell("error", f"Not started: {error}")


def _take_clone() -> None:
    """Fill the form with what a run was made of; the first time, with something that works at once."""
    asked = st.session_state.pop("train_clone", None)
    if asked is not None:
        architecture = from_json(asked["architecture"])
        known = catalog.name_of(architecture)
        if known is None:
            st.session_state["train_cloned"] = architecture
        st.session_state["train_designs"] = [known or choices.CLONED]
        config = training.parse(asked["config"])
        settings.take(config.changed(start=None))
        section = None if config.start is None else config.start.model_dump()
        start_from.fill(section, f"{asked['run']}@start" if section else start_from.RANDOM)
        return
    pristine = catalog.name_of(session.architecture()) == session.HOME
    proposed = [_FIRST if pristine else choices.CURRENT]
    # A proposal that nobody changed follows the design; a choice stays.
    if st.session_state.get("train_designs", proposed) in (proposed, st.session_state.get("train_proposed", proposed)):
        st.session_state["train_designs"] = st.session_state["train_proposed"] = proposed


def _seeds() -> tuple[int, ...] | None:
    st.session_state.setdefault("train_seeds", "0")  # not as the widget's own: a clone sets it, and both would warn
    text = st.text_input(
        "Seeds", key="train_seeds", persist_state="session",
        help="One run for each: 0 or 0, 1, 2. The spread over seeds tells an effect from chance.",
    )  # fmt: skip
    try:
        return parse_seeds(text, most=MAX_SEEDS)
    except ValueError as error:
        st.error(literal(f"{error}."))
        return None


def _forecast(
    networks: list[Fitted],
    config: training.TrainConfig,
    seeds: Sequence[int],
    runs: list[Run],
    complaints: list[str],
    start: start_from.Start,
) -> None:
    """What the runs will take, and the button; or why they cannot be started."""
    lines, windows, expected, unmeasured, images = [], set(), [], "", ""
    warnings: dict[str, None] = {}
    disk, fits = 0, True
    for network, _ in networks:
        try:
            fit = training.check(network, config, manager())
            disk += len(seeds) * fit.disk
            training.check_disk(disk)
            warnings |= dict.fromkeys(filter(None, [fit.waits_for, *training.find_warnings(network, config)]))
            start_from.show_carried(network, config, start, get_card(config.dataset).classes)
        except ValueError as error:
            complaints.append(choices.describe_error(error))
            fits = fits and not start_from.takes_nothing(start, error)
            continue
        found = choices.forecast_run(network, config, fit.device, runs)
        if found is None:
            unmeasured = fit.device
        else:
            expected.append((found, len(seeds)))
        if config.window < 1:
            windows.add(
                f"{network.name}: the first {100 * config.window_share:.0f} % of the training on windows of "
                f"{format_shape(fit.window)} pixels"
                if fit.window
                else f"{network.name} is made for one input size, so it sees whole images throughout"
            )
        lines.append(
            f"{choices.describe_memory(fit.bytes, fit)} on {fit.device}, "
            f"{format_bytes(fit.memory.activations)} of it for activations; up to {format_bytes(fit.disk)} of disk"
        )
        images = fit.images
    for complaint in complaints:
        st.error(literal(f"{complaint}."))
    if start.weights is not None and not fits:
        start_from.offer_own_network(start.weights)
    many = len(networks) * len(seeds)
    if lines and not complaints:
        total = None if unmeasured else training.add_forecasts(expected)
        time = choices.describe_unmeasured()
        if total:
            time = f"about **{format_duration(total.seconds)}**"
        rest = f" in all · {many} runs, one after another" if many > 1 else f" · {literal(lines[0])}"
        st.markdown(time + rest)
        if total is None:
            choices.wait_for_speed_probe(unmeasured)
        else:
            sooner = " Early stopping may end a run sooner." if config.patience else ""
            basis = f"Time {total.reliability}; scaled from {total.basis}.{sooner}"
            st.caption(literal(f"{basis} Memory is an upper estimate. {images}"))
        if wait := training.describe_wait(manager()):
            st.caption(literal(wait))
        if windows:
            st.caption(literal(f"{'. '.join(sorted(windows))}."))
        if changes := " ".join(each.changes for each in networks if each.changes):
            st.caption(literal(f"Fitted to the data: {changes}"))
        for warning in warnings:
            st.warning(literal(f"{warning[0].upper()}{warning[1:]}."))
        if training.describe_imbalance(config) in warnings:
            settings.offer_balance()
    _button([] if complaints else networks, config, seeds, start)


def _button(
    networks: list[Fitted],
    config: training.TrainConfig | None,
    seeds: Sequence[int] = (),
    start: start_from.Start = start_from.Start(None, None),  # noqa: B008  (a constant)
) -> None:
    """The button; what it was clicked for is done here, with what the form holds now and never with what it held."""
    many = len(networks) * len(seeds)
    st.button(
        f"Start {many} runs" if many > 1 else "Start", icon=":material/play_arrow:", type="primary", width="stretch",
        key="start", disabled=not networks or config is None, on_click=ask_to_start,
    )  # fmt: skip
    st.button(
        "Find a learning rate", icon=":material/trending_up:", width="stretch", key="find_rate",
        disabled=not networks or config is None, on_click=_ask_for_rate,
        help="A short run in which the learning rate rises step by step until the loss explodes; it proposes a rate, "
        "and keeps no weights. Of several networks and seeds the first.",
    )  # fmt: skip
    finds = st.session_state.pop("train_find_rate", False)
    if not st.session_state.pop("train_start", False) and not finds:
        return
    if networks and config is not None:
        if finds:
            title = f"{networks[0].network.name}: learning rate"
            _start(networks[:1], training.find_rate(config), seeds[:1], start, title=title)
        else:
            _start(networks, config, seeds, start)
    else:
        state.PAGE.tell("error", "Not started: the form says why")
    st.rerun()


def ask_to_start() -> None:
    """Start what the form holds when it is next drawn."""
    state.PAGE.act()
    st.session_state["train_start"] = True


def _ask_for_rate() -> None:
    state.PAGE.act()
    st.session_state["train_find_rate"] = True


def _start(
    networks: list[Fitted],
    config: training.TrainConfig,
    seeds: Sequence[int],
    start: start_from.Start,
    *,
    title: str | None = None,
) -> None:
    started, problem = [], ""
    try:
        for network, changes in networks:
            for seed in seeds:
                settings_of_run = config.changed(seed=seed)
                run = training.start(
                    manager(), network, settings_of_run, name=title, notes=changes, weights=start.weights
                )
                started.append(run.id)
    except ValueError as error:
        problem = f"Not started: {error}"
    if started:
        state.choose(started)
    if problem:
        state.PAGE.tell("error", problem)
