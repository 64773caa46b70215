"""What the forms of the Train and Ablate pages share: networks to choose from, fitted to the data; the forecast."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from explorer import catalog, datasets, training
from explorer.architecture import Architecture, ArchitectureError
from explorer.runs import Run
from explorer.text import format_bytes, format_shape
from pages.ui import session
from pages.ui.manager import manager
from pages.ui.text import literal

CURRENT, CLONED = "", "clone"
"""Keys of the session's design, and of a run's network that was cloned into the form."""

_FEW = 3
"""Measured speeds of a device that do not yet bear one another out."""


def list_networks(found: list[str]) -> list[str]:
    """Keys of the networks that can be trained: the visitor's design, then what was found in the catalogue."""
    cloned = [CLONED] if "train_cloned" in st.session_state else []
    return [*cloned, CURRENT, *found]


def get_title(name: str) -> str:
    """What a key is called."""
    if name == CLONED:
        return f"{st.session_state['train_cloned'].name} (cloned)"
    if name == CURRENT:
        return f"{session.architecture().name} (your design)"
    return catalog.entry(name).title


def get_network(name: str) -> Architecture:
    """The network of a key."""
    if name == CLONED:
        return st.session_state["train_cloned"]  # type: ignore[no-any-return]
    return session.architecture() if name == CURRENT else catalog.get(name)


ImageSize = Literal["network", "data", "weights"]


def ask_image_size(
    chosen: list[str], card: datasets.DatasetCard, weights: tuple[int, int] | None = None
) -> ImageSize:
    """Of what size the images shall be that the networks take. Asked only where it makes a difference.

    Args:
        chosen: Keys of the networks.
        card: Of the data.
        weights: (height, width) of the images that the weights were trained with; None: that is no choice.
    """
    sizes = {get_network(name).input_shape[1:] for name in chosen}
    names: dict[ImageSize, str] = {"network": f"{', '.join(sorted(map(format_shape, sizes)))} (network)"}
    if sizes - {card.shape[1:]}:
        names["data"] = f"{format_shape(card.shape[1:])} (data)"
    if weights is not None and sizes - {weights}:
        names["weights"] = f"{format_shape(weights)} (weights)"
    if len(names) == 1:
        return "network"
    if st.session_state.get("train_size") not in (None, *names):
        st.session_state["train_size"] = "network"
    picked = st.segmented_control(
        "Image size", list(names), default="network", key="train_size", required=True, format_func=names.__getitem__,
        persist_state="session",
        help="Images are scaled to the network's own input, or the network takes them as large as they are, or as the "
        "weights were trained with. Larger images take more time; smaller ones may be too small for the network.",
    )  # fmt: skip
    return picked or "network"


def ask_heads(networks: dict[str, Architecture], card: datasets.DatasetCard, *, small: bool) -> bool:
    """Whether auxiliary heads of networks, by key, that do not fit the images shall be left out. Asked only where there
    are any."""
    misfits = {}
    for name, network in networks.items():
        try:
            fitted = training.fit_to_data(network, card, classes=False, image_size=small)
            found = training.find_misfits(fitted)
        except ArchitectureError:
            continue
        if found:
            misfits[get_title(name)] = found
    if not misfits:
        return False
    which = "; ".join(f"{title}: {', '.join(heads)}" for title, heads in misfits.items())
    return st.toggle(
        "Leave out the auxiliary heads that do not fit", key="train_heads", persist_state="session",
        help=literal(f"Too small an image reaches them ({which}). Only training runs auxiliary heads; the network is "
                     "the same without them."),
    )  # fmt: skip


def describe_error(error: ValueError) -> str:
    """An error in one sentence: of a list of problems the first, and how many more there are."""
    return error.describe(1) if isinstance(error, ArchitectureError) else str(error)


def forecast_run(
    network: Architecture, config: training.TrainConfig, device: str, runs: list[Run]
) -> training.Forecast | None:
    """How long a run will take, from earlier runs on the device or the speed probe; None until that is measured."""
    place = manager().place
    speeds = training.collect_speeds(run for run in runs if run.place == place)
    known = [speed for speed in speeds if speed.device == device]
    # Beside few runs the probe, where there is one: any of them may have been held up by something else. What it would
    # measure here says nothing of a cluster.
    trial = training.probe_speed(device, measure=not known) if len(known) < _FEW and not place else None
    return training.forecast(network, config, device, [trial, *known] if trial else known)


def describe_memory(needed_bytes: int, fit: training.Fit) -> str:
    """How much memory of how much is needed, where that is known; such as '1.2 GB of 24 GB memory'."""
    whole = f" of {format_bytes(fit.available)}" if fit.available else ""
    return f"{format_bytes(needed_bytes)}{whole} memory"


def describe_unmeasured() -> str:
    """What stands for the time that runs take as long as that is not known."""
    return "time not known yet" if manager().place else "time known once the device's speed is measured"


def wait_for_speed_probe(device: str) -> None:
    """Say that a device is being measured, and render the page again when it is; or why it cannot be measured.

    Args:
        device: the one that ``forecast_run`` was asked about: the speed of another one may be known already.
    """
    if manager().place:
        st.caption(f"How long it takes is known once a run on {device} of the cluster has trained an epoch.")
        return

    @st.fragment(run_every=2.0)
    def look() -> None:
        if training.probe_speed(device) is not None:
            st.rerun()
        failure = training.speed_probe_failure(device)
        if failure:
            st.warning(literal(f"{failure[0].upper()}{failure[1:]}."))
            st.button(
                "Measure again", key="measure_speed", icon=":material/speed:", on_click=training.measure_speed_again,
                args=(device,),
            )  # fmt: skip
            return
        st.caption(literal(f"Measuring once how fast {device} trains …"))

    look()
