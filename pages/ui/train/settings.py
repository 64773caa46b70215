"""The settings of a run: a recipe, what is changed most in sight, all the rest one click away, made from the model."""

from __future__ import annotations

import inspect
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from explorer import training
from explorer.runs import devices
from explorer.training import TrainConfig
from pages.ui.text import literal

_FRONT = ("epochs", "batch_size", "lr", "device")
_ELSEWHERE = ("dataset", "seed")
_GROUPS = {
    "Optimiser": ("optimizer", "momentum", "nesterov", "weight_decay", "clip_norm", "ema_decay", "accumulate"),
    "Schedule": ("schedule", "warmup_epochs", "step_epochs", "step_factor"),
    "Images": ("normalise", "crop", "flip", "window", "window_share", "cutout", "mixup", "label_smoothing"),
    "Evaluation": ("validation", "patience", "flip_average"),
}
"""Under which heading a setting stands; those that are named nowhere stand under the last heading."""
_REST = "Machine"
_LABELS = {"lr": "Learning rate", "epochs": "Epochs", "batch_size": "Batch size", "device": "Device"}


def take(config: TrainConfig) -> None:
    """Fill the form with a configuration."""
    state = st.session_state
    state["train_data"] = config.dataset
    state["train_seeds"] = str(config.seed)
    state["train_base"] = config
    state["train_recipe"] = _CLONED
    state["train_round"] = state.get("train_round", 0) + 1


def begin(recipe: str) -> None:
    """Fill the form with a recipe as it is written, whatever was typed for it before."""
    state = st.session_state
    state["train_recipe"] = recipe
    state["train_round"] = state.get("train_round", 0) + 1


_CLONED = "as cloned"


def choose(dataset: str) -> TrainConfig | None:
    """The configuration that the form shows; None, and the reason shown, where settings contradict each other."""
    state = st.session_state
    names = [*([_CLONED] if "train_base" in state else []), *training.RECIPES]
    recipe = st.selectbox(
        "Recipe", names, key="train_recipe", persist_state="session",
        help="Where all the settings start from; each can be changed.",
    )  # fmt: skip
    if recipe == _CLONED:
        base = state["train_base"].changed(dataset=dataset)
    else:
        base = training.recipe(recipe or names[0], dataset)
        st.caption(literal(inspect.getdoc(training.RECIPES[recipe or names[0]]) or ""))
    # The widgets belong to the recipe: another one shows its own values, and what was typed for this one comes back.
    place = f"{recipe}_{state.get('train_round', 0)}"
    changes: dict[str, Any] = {}
    left, right = st.columns(2)
    for index, field in enumerate(_FRONT):
        with (left, right)[index % 2]:
            changes[field] = _ask(field, getattr(base, field), place)
    with st.expander("All settings", icon=":material/tune:"):
        named = {field for fields in _GROUPS.values() for field in fields}
        rest = [f for f in TrainConfig.model_fields if f not in named | {*_FRONT, *_ELSEWHERE}]
        for heading, fields in {**_GROUPS, _REST: tuple(rest)}.items():
            st.markdown(f"**{heading}**")
            for field in fields:
                changes[field] = _ask(field, getattr(base, field), place)
    try:
        config: TrainConfig = base.changed(**changes)
        return config
    except ValueError as error:
        st.error(literal(f"{error}."))
        return None


def _ask(field: str, value: Any, place: str) -> Any:
    """A widget for a setting, made from its type and bounds."""
    info = TrainConfig.model_fields[field]
    label = _LABELS.get(field, field.replace("_", " "))
    same: dict[str, Any] = {"key": f"set_{field}_{place}", "help": _help(field), "persist_state": "session"}
    kinds = [kind for kind in (get_args(info.annotation) or (info.annotation,)) if kind is not NoneType]
    if field == "device":
        choices = ["auto", *(device.name for device in devices())]
        return st.selectbox(label, choices, choices.index(value) if value in choices else 0, **same)
    if get_origin(info.annotation) is Literal:
        choices = list(get_args(info.annotation))
        return st.selectbox(label, choices, choices.index(value), **same)
    if info.annotation is bool:
        return st.toggle(label, value, **same)
    if kinds == [int]:
        low, high = _bounds(info.metadata)
        return st.number_input(label, low, high, value, 1, placeholder="none", **same)
    return _decimal(label, value, field, same, optional=NoneType in get_args(info.annotation))


def _decimal(label: str, value: float | None, field: str, same: dict[str, Any], *, optional: bool) -> float | None:
    """A number as text: 0.001, 1e-3 and an empty field for none are all easier typed than stepped to."""
    shown = "" if value is None else f"{value:g}"
    typed = st.text_input(label, shown, placeholder="none" if optional else None, **same).strip()
    if not typed and optional:
        return None
    try:
        return float(typed)
    except ValueError:
        st.error(literal(f"{field} (={typed[:40]!r}) must be a number such as 0.001 or 1e-3."))
        return value


def _help(field: str) -> str:
    return literal(TrainConfig.model_fields[field].description or "")


def _bounds(rules: list[Any]) -> tuple[int, int]:
    """The smallest and the largest whole number that pydantic's rules allow."""
    low, high = 0, 10**9
    for rule in rules:
        low = max(low, getattr(rule, "ge", low), getattr(rule, "gt", low - 1) + 1)
        high = min(high, getattr(rule, "le", high), getattr(rule, "lt", high + 1) - 1)
    return low, high
