"""Measured: how long the networks really take on a device, beside the MACs that do not tell it.

Times are taken in a process of its own (``profiling.measurement``), one at a time; the session keeps them by the
digest of what computes, so a name may change and what was measured once need not be measured again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import streamlit as st

from explorer.analysis import analyze
from explorer.architecture import Architecture
from explorer.datasets import Progress
from explorer.experiments import SampleStatistics
from explorer.profiling import computation_digest, measure_in_subprocess, wait_for_turn
from explorer.profiling.timing import Setting, refuse_too_large
from explorer.runs import devices, devices_used
from pages.ui.manager import manager
from pages.ui.progress import run_with_progress
from pages.ui.text import literal

from . import options, times
from .entries import Entry

TAB = "measured"
KEY = "compare_measured"
_BATCHES = ("1", "2", "4", "8", "16", "32", "64", "128", "256")
_WAYS = {"eager": "eager", "compiled": "torch.compile"}
_PRECISIONS = {"fp32": "fp32", "bf16": "bf16 (autocast)"}


def show(entries: tuple[Entry, ...]) -> None:
    """Choose, measure, read."""
    device, settings, repeats = _form()
    beside = _name_runs_on(device)
    if beside:
        st.warning(
            literal(
                f"A run is being trained on {device} at this moment ({beside}): times would be too long. Measure when "
                f"it has ended, or pause it on the Train page"
            )
        )
    kept = _records()
    jobs = [(entry.architecture, setting) for entry in entries for setting in settings]
    missing = [job for job in jobs if _key(*job) not in kept["times"]]
    with st.container(horizontal=True, vertical_alignment="center"):
        whole = f"{len(entries)} network{'s' if len(entries) > 1 else ''} × {len(settings)} setting" + (
            "s" if len(settings) > 1 else ""
        )
        begin = st.button(
            f"Measure {whole}" if len(missing) in (0, len(jobs)) else f"Measure the {len(missing)} that are missing",
            key="measured_begin", icon=":material/timer:", type="primary", disabled=not missing,
        )  # fmt: skip
        again = len(missing) < len(jobs) and st.button("Measure again", key="measured_again", icon=":material/refresh:")
    work = st.container()
    results = st.container()
    with results:
        times.show(entries, device, kept, [computation_digest(entry.architecture) for entry in entries])
    if begin or again:
        with work:
            if _measure(device, jobs if again else missing, repeats, anew=bool(again)):
                st.rerun()


def _form() -> tuple[str, list[Setting], int]:
    known = {device.name: device for device in devices()}
    titles = {name: name if name == "cpu" else f"{name} · {device.title}" for name, device in known.items()}
    left, middle, right = st.columns([0.3, 0.5, 0.2], vertical_alignment="bottom")
    with left:
        device = options.choice(TAB, "device", "Device", list(known), titles)
    with middle:
        batches = options.multi_choice(
            TAB, "batch", "Images in a batch", _BATCHES, {}, ("1",),
            help="A large batch keeps the device busy; one image shows the latency of a single prediction.",
        )  # fmt: skip
    with right:
        repeats = options.number(
            TAB, "repeats", "Repeats", 3, 500, 20,
            help="Passes of each batch that are timed, after three to warm up.",
        )  # fmt: skip
    left, right = st.columns([0.5, 0.5])
    with left:
        ways = options.multi_choice(
            TAB, "way", "Execution", list(_WAYS), _WAYS, ("eager",),
            help="torch.compile fuses layers. Each network is compiled anew for each batch, which takes up to minutes "
            "and needs a C++ compiler on a CPU.",
        )  # fmt: skip
    with right:
        precisions = options.multi_choice(
            TAB, "precision", "Precision", list(_PRECISIONS), _PRECISIONS, ("fp32",),
            help="bf16 by autocast: weights stay float32, convolutions compute in bfloat16.",
        )  # fmt: skip
    settings = [
        Setting(device=device, batch=int(batch), compiled=way == "compiled", precision=precision)  # type: ignore[arg-type]
        for way in ways for precision in precisions for batch in batches
    ]  # fmt: skip
    return device, settings, repeats


def _records() -> dict[str, Any]:
    """What the session has measured: ``times`` by digest and setting, ``ceilings`` by device and precision."""
    return st.session_state.setdefault(KEY, {"times": {}, "ceilings": {}})  # type: ignore[no-any-return]


def _key(architecture: Architecture, setting: Setting) -> tuple[str, str]:
    return computation_digest(architecture), str(setting)


def _name_runs_on(device: str) -> str:
    """The runs that a device is training, by name; ''."""
    try:
        runs = manager().store.runs("running")
    except ValueError:
        return ""
    at_work = [run.name for run in runs if device in devices_used(run.device, run.setting("processes") or 1)]
    return ", ".join(name[:60] for name in at_work[:3])


def _measure(device: str, jobs: Sequence[tuple[Architecture, Setting]], repeats: int, *, anew: bool) -> bool:
    """Measure under a bar, ceilings that are known too if ``anew``. What is complete is kept whenever it ends; whether
    it came to its end."""
    kept, memory = _records(), next(each.memory_bytes for each in devices() if each.name == device)
    wanted = []
    for architecture, setting in jobs:
        refused = refuse_too_large(analyze(architecture), setting, memory)
        if refused is None:
            wanted.append((architecture, setting))
        else:
            kept["times"][_key(architecture, setting)] = {"latency": refused, "about": {}, "beside": ""}
    roofs = [
        (device, precision) for precision in dict.fromkeys(setting.precision for _, setting in wanted)
        if anew or (device, precision) not in kept["ceilings"]
    ]  # fmt: skip
    st.caption("Choosing something else on this page ends the measurement; what is complete is kept.")
    place = st.empty()
    names = ", ".join(dict.fromkeys(architecture.name[:40] for architecture, _ in wanted))

    def work(progress: Progress) -> bool:
        def waiting(why: str) -> None:
            place.info(literal(f"{why}."), icon=":material/hourglass_top:")

        with (
            wait_for_turn(f"{names} on {device}", waiting),
            closing(measure_in_subprocess(wanted, roofs, repeats=repeats)) as steps,
        ):
            beside, said = _name_runs_on(device), ""
            about: dict[str, Any] = {}
            for step in steps:
                about = step.environment or about
                if step.latency:
                    place_of, latency = step.latency
                    beside = beside or _name_runs_on(device)
                    kept["times"][_key(*wanted[place_of])] = {
                        "latency": latency, "about": about, "beside": beside, "at": time.time(),
                    }  # fmt: skip
                if step.ceilings:
                    kept["ceilings"][device, step.ceilings.precision] = step.ceilings
                if step.what != said:
                    said = step.what
                    place.caption(literal(said))
                progress(step.done, step.total)
        return True

    return bool(wanted and run_with_progress("Measuring", work)) or not wanted


def list_latencies(entries: tuple[Entry, ...]) -> dict[str, tuple[str, dict[Architecture, SampleStatistics]]]:
    """What was measured, for an axis: by a key for addresses (title, milliseconds of each network)."""
    found: dict[str, tuple[str, dict[Architecture, SampleStatistics]]] = {}
    for (digest, title), record in _records()["times"].items():
        latency = record["latency"]
        for entry in entries:
            if latency.seconds and digest == computation_digest(entry.architecture):
                key = "time." + re.sub(r"\W+", ".", title)
                found.setdefault(key, (title, {}))[1][entry.architecture] = SampleStatistics.of([1e3 * latency.median])
    return found
