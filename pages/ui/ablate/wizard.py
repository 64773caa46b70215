"""A new experiment: a network, what to vary in it, data, recipe and seeds; what it will take; and the button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer import catalog, datasets, experiments, training
from explorer.analysis import analyze
from explorer.architecture import Architecture, ArchitectureError, from_json, to_json
from explorer.experiments import PRESETS, Experiment
from explorer.text import format_bytes, format_duration, format_si
from pages.ui import find_networks, session
from pages.ui.manager import manager
from pages.ui.text import literal
from pages.ui.train import choices, data, settings, start_from

from . import state

if TYPE_CHECKING:  # torch is loaded where weights are read
    from explorer.training.starting import StartWeights

_DESIGNS = ("one at a time", "all combinations")
_FIRST = PRESETS["homework"]


def show() -> None:
    """The wizard. Nothing in it is a Streamlit form: variants and forecast follow every change."""
    data.follow_import()
    _presets()
    what, how, begin = st.columns([0.46, 0.3, 0.24], gap="medium")
    with what, st.container(border=True, key="ablate_what"):
        network = _network()
        varied = st.container()
    with how, st.container(border=True, key="ablate_how"):
        card = data.choose([choices.get_network(network).input_shape[1:]])
        small = choices.ask_image_size([network], card) == "data"
        heads = choices.ask_heads({network: choices.get_network(network)}, card, small=small)
        config = settings.choose(card.name)
    with begin, st.container(border=True, key="ablate_begin"):
        seeds = _seeds()
        name = st.text_input(
            "Name", key="ablate_name", max_chars=120, placeholder="network and factors", persist_state="session"
        )
    try:
        base = training.fit_to_data(choices.get_network(network), card, image_size=small, heads=heads)
        changes = training.describe_fit(choices.get_network(network), base)
        analyze(base)
    except ArchitectureError as error:
        varied.error(literal(f"{choices.get_title(network)}: {choices.describe_error(error)}."))
        with begin:
            _button(None)
        return
    with varied:
        combine = _design()
        chosen = _factors(base)
        start = _start_from(base)
    with begin, st.container(border=True, key="ablate_forecast"):
        if not card.available:
            st.warning("The data is not on this machine yet: see under Data.")
        if config is None or seeds is None or not card.available:
            _button(None)
            return
        try:
            if start.complaint:
                raise ValueError(start.complaint)
            begins = None if start.section is None else config.changed(start=start.section).start
            planned = experiments.plan(
                base, chosen, config, seeds=seeds, combine=combine, name=name.strip(), start=begins
            )
        except ValueError as error:
            st.warning(literal(f"{choices.describe_error(error)}."))
            _button(None)
            return
        if changes:
            st.caption(literal(f"Fitted to the data: {base.name} {'; '.join(changes)}."))
        _forecast(planned, start)


def _presets() -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for name, preset in PRESETS.items():
            st.button(
                preset.title, icon=":material/school:", key=f"preset_{name}", on_click=_take, args=(name,),
                help=literal(f"{preset.summary} Fills the form below; nothing is started."),
            )  # fmt: skip
        st.caption(
            "What is a shortcut worth, or attention, or a branch? Every variant is trained from the same seeds, so "
            "an effect can be told from chance."
        )


def _network() -> str:
    if "ablate_net" not in st.session_state:
        # A visitor who has not designed anything yet gets what learns within minutes on a CPU.
        pristine = catalog.name_of(session.architecture()) == session.HOME
        st.session_state["ablate_net"] = _FIRST.network if pristine else choices.CURRENT
    found = find_networks.search("ablate_net")
    return st.selectbox(
        "Network", choices.list_networks(found), key="ablate_net", format_func=choices.get_title, filter_mode=None,
        persist_state="session",
        help="Your design as it stands on the Design page, or a network of the catalogue.",
    )  # fmt: skip


def _design() -> bool:
    """Whether all combinations are wanted."""
    st.session_state.setdefault("ablate_design", _DESIGNS[0])
    picked = st.segmented_control(
        "Vary", _DESIGNS, key="ablate_design", format_func=str.capitalize, required=True, persist_state="session",
        help="Each factor against the base; or every combination, which also tells how factors work together. Two "
        "levels of one thing, such as SE and CBAM, are never combined.",
    )  # fmt: skip
    return picked == _DESIGNS[1]


def _take(name: str) -> None:
    """Fill the form with a preset."""
    preset, here = PRESETS[name], st.session_state
    here.update(
        ablate_net=preset.network, ablate_design=_DESIGNS[preset.combine], ablate_name=preset.title,
        ablate_seeds=", ".join(map(str, preset.seeds)), train_data=datasets.find_available(preset.dataset),
        train_size="network",
    )  # fmt: skip
    settings.begin(preset.recipe)
    for each in experiments.list_factors(catalog.get(preset.network)):
        here[f"factor_{each.name}"] = each.name in preset.factors
    state.PAGE.act()


# ---- what to vary ---------------------------------------------------------------------------------------------------


@st.cache_data(max_entries=64, show_spinner=False)
def _effects(text: str) -> list[dict[str, Any]]:
    """What each factor would do to a network; ``reason`` says why one does not apply."""
    base = from_json(text)
    before, found = analyze(base), []
    for each in experiments.list_factors(base):
        effect: dict[str, Any] = {
            "name": each.name, "title": each.title, "summary": each.summary, "reason": each.reason_not_applicable(base),
        }  # fmt: skip
        if not effect["reason"]:
            changed = each.apply(base)
            now = analyze(changed)
            effect |= {"costs": _costs(now.params - before.params, now.macs - before.macs)}
            effect |= {"where": experiments.changed_nodes(base, changed)}
        found.append(effect)
    return found


def _start_from(base: Architecture) -> start_from.Start:
    """What the runs of a further factor start from."""
    if not st.toggle(
        "Vary what runs start from", key="ablate_from", persist_state="session",
        help="A further factor: weights instead of random numbers, compared seed by seed.",
    ):  # fmt: skip
        return start_from.Start(None, None)
    return start_from.choose([base], heads=False)


def _costs(params: int, macs: int) -> str:
    parts = [
        f"{'+' if number > 0 else '−'}{format_si(abs(number))} {unit}"
        for number, unit in ((params, "params"), (macs, "MACs"))
        if number
    ]
    return ", ".join(parts) or "same params and MACs"


def _factors(base: Architecture) -> list[str]:
    """The factors that were ticked, each with what it does and costs; what is asked for most stands first."""
    effects = list(reversed(_effects(to_json(base, indent=None))))
    offered = [effect for effect in effects if not effect["reason"]]
    missing = [effect for effect in effects if effect["reason"]]
    st.caption("Factors, each with what it adds to the base")
    chosen = []
    with st.container(key="factor_list"):
        columns = st.columns(2, gap="small")
        for index, effect in enumerate(offered):
            with columns[index % 2]:
                if _ticked(effect):
                    chosen.append(str(effect["name"]))
    if missing:
        with st.expander(f"{len(missing)} more that do not apply here"):
            for effect in missing:
                st.caption(literal(f"{effect['reason']}."))
    return chosen


def _ticked(effect: dict[str, Any]) -> bool:
    where, key = effect["where"], f"factor_{effect['name']}"
    st.session_state.setdefault(key, effect["name"] in _FIRST.factors)
    shown = f"{', '.join(where[:12])}{' …' if len(where) > 12 else ''}"
    return st.checkbox(
        f"**{literal(effect['title'])}** · {effect['costs']}  \n:gray[{literal(effect['summary'])}]",
        key=key, persist_state="session", help=literal(f"Changes {shown}."), wrap=True,
    )  # fmt: skip


def _seeds() -> tuple[int, ...] | None:
    st.session_state.setdefault("ablate_seeds", ", ".join(map(str, _FIRST.seeds)))
    text = st.text_input(
        "Seeds", key="ablate_seeds", max_chars=1000, persist_state="session",
        help="Every variant is trained once from each. The same seed shuffles the images the same way, so variants are "
        "compared seed by seed; fewer than two say nothing about luck.",
    )  # fmt: skip
    try:
        return experiments.parse_seeds(text)
    except ValueError as error:
        st.error(literal(f"{error}."))
        return None


# ---- what it will take ----------------------------------------------------------------------------------------------


def _forecast(planned: Experiment, start: start_from.Start) -> None:
    runs = manager().runs()
    found: list[training.Forecast | None] = []
    fit, memory, disk = None, 0, 0
    for variant in planned.variants:
        try:
            config = planned.config_of(variant, planned.seeds[0])
            fit = training.check(variant.architecture, config, manager())
            if variant.start is not None:
                start_from.show_carried(variant.architecture, config, start, datasets.get_card(config.dataset).classes)
            disk += len(planned.seeds) * fit.disk
            training.check_disk(disk)
        except ValueError as error:
            said = choices.describe_error(error)
            st.error(literal(f"{variant.label}: {said}." if variant.factors else f"{said}."))
            _button(None)
            return
        memory = max(memory, fit.bytes)
        found.append(choices.forecast_run(variant.architecture, planned.config, fit.device, runs))
    assert fit is not None  # there is always the base
    measured = [(each, len(planned.seeds)) for each in found if each is not None]
    total = training.add_forecasts(measured) if len(measured) == len(found) else None
    labels, many = [variant.label for variant in planned.variants], len(planned.trials)
    st.caption(f"**{len(labels)} variants:** {literal(', '.join(labels))}")
    time = choices.describe_unmeasured()
    if total:
        time = f"about **{format_duration(total.seconds)}** in all"
    st.markdown(f"**{many} runs**, one after another on {fit.device} · {time}")
    st.caption(
        literal(
            f"Up to {choices.describe_memory(memory, fit)}, and {format_bytes(disk)} of disk."
        )
        + (literal(f" Time {total.reliability}; scaled from {total.basis}.") if total else "")
        + literal(f" {fit.images}")
        + (" Early stopping may end runs sooner." if planned.config.patience else "")
    )
    if total is None:
        choices.wait_for_speed_probe(fit.device)
    for warning in filter(None, [fit.waits_for, *training.find_warnings(planned.base, planned.config)]):
        st.warning(literal(f"{warning[0].upper()}{warning[1:]}."))
    if len(planned.seeds) == 1:
        st.warning(f"{experiments.ONE_SEED}; give three, such as 0, 1, 2.", icon=":material/casino:")
    _button(planned, start.weights)


def _button(planned: Experiment | None, weights: StartWeights | None = None) -> None:
    many = len(planned.trials) if planned else 0
    st.button(
        f"Start {many} runs" if planned else "Start", icon=":material/play_arrow:", type="primary", width="stretch",
        key="ablate_start", disabled=planned is None, on_click=_ask_to_start,
    )  # fmt: skip
    # What the button was clicked for is done here, with what the form holds now and never with what it held.
    if not st.session_state.pop("ablate_asked", False):
        return
    if planned is None:
        state.PAGE.tell("error", "Not started: the form says why")
    else:
        _start(planned, weights)
    st.rerun()


def _ask_to_start() -> None:
    state.PAGE.act()
    st.session_state["ablate_asked"] = True


def _start(planned: Experiment, weights: StartWeights | None) -> None:
    try:
        state.choose(experiments.start(manager(), planned, weights).id)
    except ValueError as error:
        state.PAGE.tell("error", f"Not started: {error}")
