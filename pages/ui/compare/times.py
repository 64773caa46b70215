"""What was measured: a table, MACs against milliseconds, and the roofline of the device."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from explorer import figures
from explorer.comparison import LETTERS
from explorer.figures import Axis, Mark, Path
from explorer.profiling import Ceilings, Latency, find_disagreement
from explorer.text import format_number, format_si
from pages.ui.components import mount
from pages.ui.text import cell, literal, number_column

from .entries import Entry

Found = list[tuple[int, Entry, Latency]]
"""(place of the network, the network, what was measured)."""


def show(entries: tuple[Entry, ...], device: str, kept: dict[str, Any], digests: list[str]) -> None:
    """Everything that the session knows of these networks on a device."""
    records = [
        (place, entry, record)
        for place, entry in enumerate(entries)
        for (digest, _), record in kept["times"].items()
        if digest == digests[place] and record["latency"].setting.device == device
    ]
    for _, entry, record in records:
        if record["latency"].trouble:
            latency = record["latency"]
            st.warning(literal(f"{entry.label}, {latency.setting.way}: could not run: {latency.trouble}."))
    records = [each for each in records if each[2]["latency"].seconds]
    if not records:
        st.caption(
            "Nothing has been measured here yet. MACs alone do not tell the time: small layers wait for memory and for "
            "being started, and a device has kinds of work that it is good at."
        )
        return
    records.sort(key=lambda each: (_order(each[2]["latency"]), each[0]))
    found = [(place, entry, record["latency"]) for place, entry, record in records]
    roofs = {name: roof for (at, name), roof in kept["ceilings"].items() if at == device}
    _disagreement(found)
    _table(found, roofs)
    _where([record for _, _, record in records])
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        _costs(found, roofs)
    with right, st.container(border=True):
        _roofline(found, roofs)


def _order(latency: Latency) -> tuple[Any, ...]:
    setting = latency.setting
    return setting.compiled, setting.precision != "fp32", setting.batch


def _disagreement(found: Found) -> None:
    pair = find_disagreement([latency for _, _, latency in found])
    if pair:
        slow, quick = found[pair.slow][1], found[pair.quick][1]
        text = (
            f"{quick.label} does {format_number(pair.macs)} times the MACs of {slow.label} in "
            f"{format_number(pair.time)} times the time ({found[pair.slow][2].setting.way})"
        )
        st.markdown(f"**MACs are not time:** {literal(text)}.")


def _table(found: Found, roofs: dict[str, Ceilings]) -> None:
    first = {str(latency.setting): latency for place, _, latency in found if place == 0}
    rows = [_row(place, entry, latency, roofs, first.get(str(latency.setting))) for place, entry, latency in found]
    digits = {"median ms": 3, "images/s": 1, "GFLOP/s": 1, "ops/byte": 1, "batch": 0, "repeats": 0}
    ratios = ("MACs ÷ A", "time ÷ A")
    st.dataframe(
        pd.DataFrame(rows), key="measured_table", hide_index=True, height="content" if len(rows) <= 16 else 480,
        alt="Table of measured times", placeholder="–",
        column_config={
            **{name: number_column(digits=count) for name, count in digits.items()},
            **{name: number_column(digits=2, unit="×") for name in ratios},
            "of the roof": number_column(unit="%"),
            "network": st.column_config.TextColumn(pinned=True),
        },
    )  # fmt: skip
    st.caption(
        "Seconds of one forward pass of the batch in inference, random images, the device waited for: the median, and "
        "the first and third quartile, between which half of all repeats lie. FLOPs = 2 × MACs. ops/byte: FLOPs for "
        "each byte, if every layer reads its input and its weights once and writes its output once. Of the roof: FLOPs "
        "a second as a share of what the roofline allows at that intensity."
    )


def _row(
    place: int, entry: Entry, latency: Latency, roofs: dict[str, Ceilings], first: Latency | None
) -> dict[str, Any]:
    low, high = latency.spread
    setting, roof = latency.setting, roofs.get(latency.setting.precision)
    return {
        "network": cell(f"{LETTERS[place]} · {entry.label}"),
        "batch": setting.batch,
        "execution": "compiled" if setting.compiled else "eager",
        "precision": setting.precision,
        "median ms": 1e3 * latency.median,
        "quartiles ms": f"{1e3 * low:.3f} … {1e3 * high:.3f}",
        "images/s": latency.throughput,
        "MACs ÷ A": latency.macs / first.macs if first and first.macs else None,
        "time ÷ A": latency.median / first.median if first else None,
        "GFLOP/s": latency.flops_rate / 1e9,
        "ops/byte": latency.intensity,
        "of the roof": 100 * latency.flops_rate / roof.attainable(latency.intensity) if roof else None,
        "repeats": len(latency.seconds),
    }


def _where(records: list[dict[str, Any]]) -> None:
    """On what the times were taken; times of another environment do not compare."""
    told = set()
    for record in records:
        about = record["about"]
        cuda = f", CUDA {about['cuda']}" if about.get("cuda") else ""
        threads = f", {about['threads']} of {about['cpus']} cores, {about['cpu_capability']}" if not cuda else ""
        told.add(
            f"{about['device']}: {about['device_name']}{threads} · PyTorch {about['torch']}{cuda} · "
            f"Python {about['python']} · {about['system']}"
        )
    ended = [datetime.fromtimestamp(record["at"]).astimezone() for record in records]
    span = f"{min(ended):%Y-%m-%d %H:%M}" + (f" to {max(ended):%H:%M}" if max(ended) != min(ended) else "")
    st.caption(literal("; ".join(sorted(told)) + f" · measured {span}"))
    beside = sorted({record["beside"] for record in records if record["beside"]})
    if beside:
        names = "; ".join(beside)
        st.warning(literal(f"Some of these times were taken while a run was trained on the device: {names}."))


def _marks(found: Found, x: Any, y: Any) -> list[Mark]:
    settings = {str(latency.setting) for _, _, latency in found}
    marks = []
    for place, entry, latency in found:
        low, high = latency.spread
        at_y, reach = y(latency), tuple(sorted((y(latency, low), y(latency, high))))
        marks.append(
            Mark(
                key=f"{place} {latency.setting}",
                label=entry.label if len(settings) == 1 else f"{LETTERS[place]} {latency.setting.way}",
                x=x(latency), y=at_y, reach_y=(reach[0], reach[1]), line=place,
                facts=(
                    ("network", entry.label),
                    ("setting", str(latency.setting)),
                    ("median", f"{1e3 * latency.median:.3f} ms"),
                    ("half of all", f"{1e3 * low:.3f} to {1e3 * high:.3f} ms"),
                    ("images a second", f"{latency.throughput:,.1f}"),
                    ("MACs of the batch", format_si(latency.macs)),
                    ("rate", f"{latency.flops_rate / 1e9:,.1f} GFLOP/s"),
                    ("intensity", f"{latency.intensity:.1f} FLOPs a byte"),
                ),
            )
        )  # fmt: skip
    return marks


def _costs(found: Found, roofs: dict[str, Ceilings]) -> None:
    counted = [each for each in found if each[2].macs]
    if not counted:
        return
    macs = [latency.macs for _, _, latency in counted]
    ends = (min(macs), max(macs)) if min(macs) < max(macs) else (min(macs) / 2, 2 * max(macs))
    paths = [
        Path(
            label=f"as quick as a large computation, {name}", dashed=True,
            points=tuple((each, 1e3 * 2 * each / roof.flops) for each in ends),
        )
        for name, roof in roofs.items()
    ]  # fmt: skip
    data = figures.lay_out_scatter(
        Axis(label="MACs of the batch", log=True), Axis(label="milliseconds", log=True),
        _marks(counted, lambda latency: latency.macs, lambda latency, at=None: 1e3 * (at or latency.median)), paths,
    )  # fmt: skip
    _mount("measured_costs", data, counted, "MACs against time", "median and quartiles of a batch")


def _roofline(found: Found, roofs: dict[str, Ceilings]) -> None:
    counted = [each for each in found if each[2].macs]
    if not counted:
        return
    seen = [latency.intensity for _, _, latency in counted]
    paths = []
    for name, roof in roofs.items():
        ridge = roof.flops / roof.bytes
        low, high = min(*seen, ridge) / 3, max(*seen, ridge) * 3
        paths.append(
            Path(
                label=f"roof, {name}: {roof.flops / 1e9:,.0f} GFLOP/s, {roof.bytes / 1e9:,.1f} GB/s",
                points=((low, roof.attainable(low)), (ridge, roof.flops), (high, roof.flops)), dashed=name != "fp32",
            )
        )  # fmt: skip
    data = figures.lay_out_scatter(
        Axis(label="FLOPs for each byte moved", log=True), Axis(label="FLOPs a second", log=True),
        _marks(
            counted, lambda latency: latency.intensity,
            lambda latency, at=None: 2 * latency.macs / (at or latency.median),
        ),
        paths,
    )  # fmt: skip
    _mount("measured_roofline", data, counted, "Roofline", "ceilings measured on this device")
    st.caption(
        "Left of the bend memory is the limit, right of it arithmetic (Williams, Waterman & Patterson 2009). The flat "
        "roof is the quickest of ten large matrix products and ten 1×1 convolutions, the slope the quickest of ten "
        "large copies. Caches and "
        "fusion move fewer bytes than counted here, so a point may stand above the slope."
    )


def _mount(key: str, data: dict[str, Any], found: Found, title: str, note: str) -> None:
    seen = dict.fromkeys((place, entry.label) for place, entry, _ in found)
    legend = [
        {"label": f"{LETTERS[place]} · {label}", "colour": figures.LINES[place]._asdict(), "shape": place}
        for place, label in seen
    ]
    alt = f"{title}: " + "; ".join(
        f"{entry.label}, {latency.setting.way}: {format_si(latency.macs)} MACs, {1e3 * latency.median:.3f} ms"
        for _, entry, latency in found
    )
    mount("scatter", key, {**data, "title": title, "note": note, "alt": alt, "legend": legend, "chosen": "",
                           "choosable": False})  # fmt: skip
