"""The effective receptive field: how strongly a unit depends on each pixel, of networks before and after training."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from explorer import figures
from explorer.analysis import analyze
from explorer.figures import Axis, Mark, Path
from explorer.text import format_decimal, format_shape, format_share
from pages.ui import session
from pages.ui.components import mount
from pages.ui.downloads import download_button
from pages.ui.field import Place, mount_field
from pages.ui.inspect import downloads
from pages.ui.text import cell, literal, number_column

from . import measuring, network, picture, state
from .view import View

Result = tuple[measuring.Question, Any]
"""What was asked, and its EffectiveField."""
_FITS = 0.5
"""R² from which on the fitted Gaussian is drawn."""
_CONVENTION = (
    "Mean over the images of the absolute gradient of the unit (the sum over its channels) with respect to each pixel "
    "of the normalised input, divided by its peak (Luo et al. 2016). Side: of a square with as many pixels as have at "
    "least 4.55 % of the peak. Filled: their share of the exact field, whose box is drawn. σ: of a Gaussian fitted by "
    "least squares, down × across; R² tells how well. Within 50 or 90 %: radius around the centre of mass that holds "
    "so much of the gradient."
)


def show() -> None:
    """The chosen unit of the chosen node."""
    architecture = session.architecture()
    path = network.chosen_path(architecture)
    if not path:
        st.info("This network has no layer yet. **Open** another one, or build it on the Design page.")
        return
    view = View(architecture, path, "")
    main, side = st.columns([0.72, 0.28], gap="medium")
    with side, st.container(border=True, key="effective_choices"):
        network.show_choice(architecture, path, source=False)
        measuring.choose(architecture, path)
        picture.choose()
    with main:
        network.show_strip(architecture, analyze(architecture), path)
        try:
            unit = view.clip_unit(state.state()["unit"])
        except ValueError as error:
            st.info(literal(f"{error}."))
            return
        questions = measuring.ask(view, unit, beside=True)
        with st.container(border=True, key="effective_card"):
            measuring.run(questions)
            found = [(each, field) for each in questions if (field := each.find()) is not None]
            shown = found[:1] + _choose_shown(found[1:])
            _draw(view, unit, shown)
        if found:
            _tabulate(found)
            _offer_files(f"effective field {path} {unit[0]}-{unit[1]}", found, shown)
            st.caption(_CONVENTION)


# ---- what is found --------------------------------------------------------------------------------------------------


def _draw(view: View, unit: Place, shown: list[Result]) -> None:
    """Some states over the picture; without a result the exact field alone."""
    frame = figures.draw_field(view.architecture, view.path, unit, branches=False)
    ground: dict[str, Any] = {"src": None, "pixelated": False, "title": "the input"}
    if view.architecture.input_shape[0] in (1, 3):
        ground = picture.lay_out(view.architecture, as_input=False)
    note = f"on {ground['title']}, {format_shape(view.architecture.input_shape)}"
    base = {**frame, "src": ground["src"], "pixelated": ground["pixelated"], "note": note}
    frames = [{**base, "title": f"{view.architecture.name} · {view.path}"}]
    if shown:
        frames = [
            {
                **base, "title": f"{each.state.title} · {view.path}", "over": lay_out(field),
                "facts": [
                    *describe(field),
                    ["exact field", field.status, "What is known of the pixels that can move the unit at all"],
                ],
                "said": f"{frame['said']}. {say(each.state.title, field)}",
            }
            for each, field in shown
        ]  # fmt: skip
    mount_field(
        "effective_drawing", frames, ("box", "effective"), place=lambda _, at: _place(view, at),
        move=lambda _, by: _place(view, (unit[0] + by[0], unit[1] + by[1])),
    )  # fmt: skip


def _choose_shown(later: list[Result]) -> list[Result]:
    """The state beside the first."""
    if len(later) < 2:
        return later
    titles = [each.state.title for each, _ in later]
    chosen = st.select_slider("Beside the first", titles, titles[-1], key=f"effective_shown_{hash(tuple(titles))}")
    return [later[titles.index(chosen)]]


def _place(view: View, at: Place) -> None:
    """A unit was chosen."""
    state.change(unit=view.clip_unit(at))


def lay_out(field: Any, *, clear: bool = False) -> dict[str, Any]:
    """A field for the drawing; ``clear`` where what lies below is to be seen through it."""
    fit = field.gaussian if _fits(field) else None
    ring = fit and [*fit.centre, *(2 * sigma for sigma in fit.sigma_px)]
    return {**figures.draw_heatmap(field.values, 0.0, 1.0, clear=clear), "unit": "share of the peak", "ring": ring}


def _fits(field: Any) -> bool:
    """Whether the Gaussian says where the field is."""
    return field.gaussian is not None and field.gaussian.r_squared >= _FITS


def say(title: str, field: Any) -> str:
    """A field in a sentence, for those who do not see it."""
    if not field.pixels:
        return f"With the weights {title} no image moves the unit"
    return (
        f"Its effective field with the weights {title} has a side of {_pixels(field.size_px)} and fills "
        f"{format_share(field.filled, 1)} of the exact one"
    )


def describe(field: Any) -> list[list[str]]:
    """The numbers of a field, each with its meaning; the main ones first."""
    fit = field.gaussian
    inner, outer = (_pixels(field.radius_px(share)) for share in (0.5, 0.9))
    ring = ", ring at 2 σ" if _fits(field) else ""
    return [
        ["side", f"{_pixels(field.size_px)} of {_pixels(field.exact_size_px)}",
         "Of a square with as many pixels as have at least 4.55 % of the peak; the exact field counted alike"],
        ["filled", f"{format_share(field.filled, 1)} of the exact field", "Share of its pixels that those are"],
        ["σ", " × ".join(format_decimal(each, 1) for each in fit.sigma_px) + " px" + ring if fit else "–",
         "Of the fitted Gaussian, down × across; a ring at twice of it is drawn where it explains half the variance"],
        ["R²", format_decimal(fit.r_squared, 3) if fit else "–", "How much of the variance the Gaussian explains"],
        ["50 % within", inner, "Radius around the centre of mass that holds half of the gradient"],
        ["90 % within", outer, "The same for nine tenths"],
        ["images", f"{field.images:,}" + (f", {field.left_out:,} left out" if field.left_out else ""),
         "Over which the mean is taken; left out are those whose gradient is not a finite number"],
    ]  # fmt: skip


def _pixels(value: float | None) -> str:
    return "–" if value is None else f"{format_decimal(value, 1)} px"


def _tabulate(found: list[Result]) -> None:
    """All states as a table, and as a curve over the steps."""
    rows = []
    for each, field in found:
        fit = field.gaussian
        rows.append({
            "state": cell(each.state.title), "side": field.size_px, "filled": 100 * field.filled,
            "σ down": fit and fit.sigma_px[0], "σ across": fit and fit.sigma_px[1], "R²": fit and fit.r_squared,
            "50 % within": field.radius_px(0.5), "90 % within": field.radius_px(0.9),
        })  # fmt: skip
    pixels = number_column(digits=1, unit="px")
    st.dataframe(
        pd.DataFrame(rows), key="effective_table", hide_index=True, alt="The effective field in each state",
        placeholder="–",
        column_config={
            "side": pixels, "filled": number_column(digits=1, unit="%"), "σ down": pixels, "σ across": pixels,
            "R²": number_column(digits=3), "50 % within": pixels, "90 % within": pixels,
        },
    )  # fmt: skip
    steps = [(step, field) for each, field in found if (step := each.state.step) is not None]
    if len(steps) > 2:
        _trace(steps)


def _trace(steps: list[tuple[int, Any]]) -> None:
    """The size over the steps of the training."""
    lines = {
        "side": [(step, field.size_px) for step, field in steps],
        "radius that holds 50 %": [(step, field.radius_px(0.5) or 0.0) for step, field in steps],
    }
    marks = [
        Mark(key=f"{line} {step}", label="", x=step, y=value, line=line, named=False,
             facts=(("step", f"{step:,}"), (label, _pixels(value))))
        for line, (label, points) in enumerate(lines.items())
        for step, value in points
    ]  # fmt: skip
    paths = [
        Path(label=label, points=tuple(points), line=line) for line, (label, points) in enumerate(lines.items())
    ]
    data = figures.lay_out_scatter(Axis(label="step of the training"), Axis(label="pixels"), marks, paths)
    told = ", ".join(f"{_pixels(field.size_px)} at step {step:,}" for step, field in steps)
    with st.container(border=True, key="effective_growth_card"):
        mount(
            "scatter", "effective_growth",
            {**data, "title": "Growth during training", "note": "of the effective field", "chosen": "",
             "choosable": False, "alt": f"Side of the effective field: {told}",
             "legend": []},
        )  # fmt: skip


def _offer_files(name: str, found: list[Result], shown: list[Result]) -> None:
    """All states as one picture, and those that are shown as numbers."""
    with st.container(horizontal=True, key="effective_files"):
        download_button(
            "Pictures as PNG", lambda: _png(found), f"{downloads.file_name(name)}.png", "image/png",
            key="effective_png", icon=":material/download:", type="tertiary",
        )  # fmt: skip
        for number, (each, field) in enumerate(shown):
            downloads.offer_map(field.values, f"{each.state.title} {name}", f"effective_csv_{number}")


def _png(found: list[Result]) -> bytes:
    return figures.draw_field_panels([
        figures.FieldPanel(
            title=each.state.title, lines=field.describe(), values=field.values, exact=field.exact, inside=field.inside
        )
        for each, field in found
    ])  # fmt: skip
