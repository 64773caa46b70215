"""The settings of a run: a recipe, what is changed most in sight, all the rest one click away, made from the model."""

from __future__ import annotations

import inspect
import re
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import streamlit as st

from explorer import training
from explorer.text import parse_decimal, quote
from explorer.training import OPTIMIZERS, OptimizerName, TrainConfig, own_settings
from pages.ui.manager import manager
from pages.ui.text import literal

_FRONT = ("epochs", "batch_size", "lr", "device")
_ELSEWHERE = ("share_gpu", "dataset", "seed", "range_steps", "range_low", "range_high", "start")
_GROUPS = {
    "Optimiser": (
        "optimizer", "momentum", "nesterov", "beta2", "eps", "weight_decay", "decay_all", "clip_norm", "ema_decay",
        "accumulate",
    ),
    "Schedule": ("schedule", "warmup_epochs", "step_epochs", "step_factor"),
    "Images": (
        "normalise", "crop", "flip", "rotate", "zoom", "resized_crop", "brightness", "contrast", "saturation", "hue",
        "rand_augment", "rand_magnitude", "window", "window_share", "cutout", "mixup", "label_smoothing",
    ),
    "Unequal classes": ("class_weights", "sampling"),
    "Evaluation": ("validation", "patience", "flip_average"),
}
"""Under which heading a setting stands; those that are named nowhere stand under the last heading."""
_REST = "Machine"
_LABELS = {
    "lr": "Learning rate", "epochs": "Epochs", "batch_size": "Batch size", "device": "Device",
    "share_gpu": "May share its GPU",
}  # fmt: skip


def take(config: TrainConfig) -> None:
    """Fill the form with a configuration."""
    state, config = st.session_state, config.changed(range_steps=0)  # of a range test what it was made for
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
    """The configuration that the form shows; None, and the reasons shown, where a setting is none or contradicts."""
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
    problems: list[str] = []

    def ask(field: str) -> None:
        try:
            changes[field] = _ask(field, getattr(base, field), place)
        except ValueError as error:
            problems.append(f"{field.replace('_', ' ')}: {error}")

    left, right = st.columns(2)
    for index, field in enumerate(_FRONT):
        with (left, right)[index % 2]:
            ask(field)
    if any(device.name != "cpu" for device in manager().devices()):
        ask("share_gpu")
    with st.expander("All settings", icon=":material/tune:"):
        named = {field for fields in _GROUPS.values() for field in fields}
        rest = [f for f in TrainConfig.model_fields if f not in named | {*_FRONT, *_ELSEWHERE}]
        for heading, fields in {**_GROUPS, _REST: tuple(rest)}.items():
            st.markdown(f"**{heading}**")
            for field in fields:
                ask(field)
                if field == "optimizer":
                    _offer_own_settings(changes.get("optimizer", base.optimizer), place)
    config: TrainConfig | None = None
    try:
        config = base.changed(**changes)
    except ValueError as error:
        problems.append(f"{error}")
    for problem in problems:  # below all settings: those that are folded away are told of, too
        st.error(literal(f"{problem}."))
    return None if problems else config


def _ask(field: str, value: Any, place: str) -> Any:
    """A widget for a setting, made from its type. Raises ValueError for a text that is no number."""
    info = TrainConfig.model_fields[field]
    label = _LABELS.get(field, field.replace("_", " "))
    same: dict[str, Any] = {"key": f"set_{field}_{place}", "help": _help(field), "persist_state": "session"}
    parts = get_args(info.annotation) or (info.annotation,)
    kinds = [get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in parts if kind is not NoneType]
    if field == "device":
        choices = ["auto", *(device.name for device in manager().devices())]
        return st.selectbox(label, choices, choices.index(value) if value in choices else 0, **same)
    if get_origin(info.annotation) is Literal:
        choices = list(get_args(info.annotation))
        return st.selectbox(label, choices, choices.index(value), **same)
    if info.annotation is bool:
        return st.toggle(label, value, **same)
    # As text: whatever was typed is known here, and nothing is ever trained with another number than the field shows.
    optional = NoneType in get_args(info.annotation)
    shown = "" if value is None else str(value) if kinds == [int] else _write_decimal(value)
    typed = st.text_input(label, shown, placeholder="none" if optional else None, max_chars=40, **same).strip()
    if not typed and optional:
        return None
    return parse_whole(typed) if kinds == [int] else parse_decimal(typed)


def offer_balance() -> None:
    """The buttons that balance unequal classes, below the sentence that tells of them."""
    offers = (("class_weights", "inverse", "Weigh the classes"), ("sampling", "balanced", "Show them equally often"))
    with st.container(horizontal=True):
        for field, value, label in offers:
            st.button(
                label, key=f"balance_{field}", icon=":material/balance:", on_click=_set, args=(field, value),
                help=_help(field),
            )  # fmt: skip


def _set(field: str, value: str) -> None:
    state = st.session_state
    state[f"set_{field}_{state['train_recipe']}_{state.get('train_round', 0)}"] = value


def _offer_own_settings(name: OptimizerName, place: str) -> None:
    """What an optimizer is by itself, and the button that fills the form with that."""
    st.caption(literal(f"{OPTIMIZERS[name].describe()}."))
    st.button(
        "Use its own settings", key=f"own_{place}", type="tertiary", icon=":material/restart_alt:",
        on_click=_use_own_settings, args=(name, place),
        help="Learning rate, momentum, betas, eps and weight decay as torch.optim has them; biases and norms decay "
        "only if decay all is on.",
    )  # fmt: skip


def _use_own_settings(name: OptimizerName, place: str) -> None:
    for field, value in own_settings(name).items():
        shown = value if isinstance(value, bool | str) else "" if value is None else _write_decimal(value)
        st.session_state[f"set_{field}_{place}"] = shown


def _write_decimal(value: float) -> str:
    """As short as it can be, and read as exactly the same number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def parse_whole(text: str) -> int:
    """A whole number that was typed. Raises ValueError for anything else."""
    if not re.fullmatch(r"[+-]?\d{1,20}", text.strip(), re.ASCII):
        raise ValueError(f"{quote(text)} is not a whole number such as 5 or 128")
    return int(text)


def _help(field: str) -> str:
    return literal(TrainConfig.model_fields[field].description or "")
