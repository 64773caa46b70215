"""What an effective receptive field is measured of, and the work in the background: shared by the tabs that show it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import streamlit as st

from explorer import datasets
from explorer.analysis.support import find_output_shape
from explorer.architecture import Architecture, to_json
from explorer.datasets import Cancel, Preprocessing, Progress
from explorer.inspection import ResultCache
from pages.ui import background
from pages.ui.field import Place
from pages.ui.inspect import data, device
from pages.ui.inspect import state as inspect_state
from pages.ui.text import literal, tell_apart

from . import picture, state, weights
from .view import View

_CACHE = ResultCache()
"""Effective fields, of all sessions of this server."""
_WORK, _ASKED = "effective_work", "effective_asked"
"""In the session: the work under way, and the keys of its questions."""
NOISE, SHOWN, PICTURES = "noise", "picture", "pictures"
"""What the gradient is averaged over, if it is no data set."""


class Question(NamedTuple):
    """One effective field: all that decides it."""

    view: View
    unit: Place
    channel: int | None
    """Of the node; None for the sum over all."""
    state: weights.State
    images: str
    """``NOISE``, ``SHOWN``, ``PICTURES`` or the name of a data set."""
    most: int
    """Images at most."""
    seed: int
    """Of the noise, or of the draw from the data set."""
    pictures: tuple[picture.Content, ...]
    """The pictures over which it is averaged; () for noise and data sets."""
    prepared_as: weights.State
    """The state whose preprocessing makes inputs of pictures; the same for all states that are compared."""

    @property
    def key(self) -> Hashable:
        """By which the answer is kept."""
        network = _digest(self.view.architecture)
        return network, self.view.path, self.unit, self.channel, self.state.key, self.inputs

    @property
    def inputs(self) -> Hashable:
        """What the images are, as the network gets them."""
        if self.images == NOISE:
            return NOISE, self.most, self.seed
        drawn = tuple(each.digest for each in self.pictures) or (self.images, self.most, self.seed)
        return drawn, self.prepared_as.model

    def find(self) -> Any:
        """The ``EffectiveField`` where it was measured lately; else None."""
        return _CACHE.lookup(self.key)


@lru_cache(maxsize=64)
def _digest(architecture: Architecture) -> str:
    return hashlib.sha256(to_json(architecture, indent=None).encode()).hexdigest()


# ---- what is chosen -------------------------------------------------------------------------------------------------


def choose(architecture: Architecture, path: str) -> None:
    """Weights, images and channel, as they are in the page's state."""
    here = state.state()
    choices = weights.list_choices(architecture)
    st.session_state["effective_weights"] = weights.choose(choices)
    st.selectbox(
        "Weights", list(choices), key="effective_weights", format_func=choices.__getitem__,
        on_change=lambda: state.change(weights=st.session_state["effective_weights"]),
        help="Random ones as a training begins with, or those of trained networks of exactly these layers: shipped, "
        "published, runs. A run that keeps checkpoints shows its course.",
    )  # fmt: skip
    if len(choices) == 1:
        st.caption("Trained weights are offered for networks that have some: the shipped ones and those of your runs.")
    titles = _list_images(architecture)
    st.session_state["effective_images"] = images = _chosen_images(architecture)
    st.selectbox(
        "Images", list(titles), key="effective_images", format_func=titles.__getitem__,
        on_change=lambda: state.change(images=st.session_state["effective_images"]),
        help="Over which the gradient is averaged. Folders and archives of your own become data sets on the Train "
        "page.",
    )  # fmt: skip
    absent = here["channel"] is not None and chosen_channel(architecture, path) is None
    with st.container(horizontal=True, key="effective_numbers"):
        if images not in (SHOWN, PICTURES):
            _ask_number("Number of images", "count", here["count"], 1, state.MAX_COUNT,
                        "At most. More give a smoother field and take longer.")  # fmt: skip
        _ask_number("Seed", "seed", here["seed"], 0, state.MAX_SEED,
                    "Of the noise or of the draw from the data set, and of initial weights; a run's initial weights "
                    "have the run's.")  # fmt: skip
        last = find_output_shape(architecture, path)[0] - 1
        _ask_number("Channel", "channel", chosen_channel(architecture, path), 0, last,
                    f"0 to {last:,}; empty: the sum over all of them.")  # fmt: skip
    if absent:
        st.caption(f"{literal(path)} has no channel {here['channel']:,}: all of its channels are taken.")


def _ask_number(label: str, field: str, value: int | None, low: int, high: int, meaning: str) -> None:
    """A whole number of the state; where it may be None, an empty field is that."""
    key = f"effective_{field}"

    def take() -> None:
        given = st.session_state[key]
        if given is not None or field == "channel":
            state.change(**{field: given})

    st.session_state[key] = None if value is None else min(max(value, low), high)
    st.number_input(label, low, high, None, key=key, step=1, help=meaning, on_change=take, width=150, placeholder="all")


def chosen_channel(architecture: Architecture, path: str) -> int | None:
    """The chosen channel where the node has it; else None, which is all of them."""
    channel = state.state()["channel"]
    return channel if channel is not None and channel < find_output_shape(architecture, path)[0] else None


def _list_images(architecture: Architecture) -> dict[str, str]:
    titles = {NOISE: "noise (standard normal)"}
    if architecture.input_shape[0] in (1, 3):
        titles[SHOWN] = "the picture that is shown"
        if inspect_state.state()["pictures"]:
            titles[PICTURES] = "all of your pictures"
        titles |= {
            card.name: f"test images: {card.title}{' (streamed)' if card.streamed else ''}"
            for card in data.list_cards()
        }
    return tell_apart(titles)


def _chosen_images(architecture: Architecture) -> str:
    images = state.state()["images"]
    return images if images in _list_images(architecture) else NOISE


def ask(view: View, unit: Place, *, beside: bool) -> list[Question]:
    """The questions that the choices mean, in the order of training.

    Args:
        view: The node.
        unit: Of it.
        beside: Whether all states are meant that the chosen weights have, and the initial ones; else the last alone.
    """
    here, architecture = state.state(), view.architecture
    chosen, images = weights.choose(weights.list_choices(architecture)), _chosen_images(architecture)
    states = weights.list_states(architecture, chosen, device.current(), here["seed"], beside=beside)
    pictures: list[picture.Content] = []
    if images == SHOWN:
        pictures = [picture.find_shown(architecture)]
    elif images == PICTURES:
        pictures = picture.list_own()
    channel = chosen_channel(architecture, view.path)
    return [
        Question(view, unit, channel, each, images, here["count"], here["seed"], tuple(pictures), states[-1])
        for each in (states if beside else states[-1:])
    ]


def describe(question: Question) -> str:
    """What a question is about, beside its node, unit and state."""
    channel = "all channels" if question.channel is None else f"channel {question.channel:,}"
    if question.images == NOISE:
        over = f"{question.most:,} images of noise, seed {question.seed}"
    elif question.pictures:
        over = f"{len(question.pictures):,} picture{'s' if len(question.pictures) > 1 else ''}"
    else:
        over = f"at most {question.most:,} test images of {datasets.get_card(question.images).title}"
    return f"{channel} · {over}"


# ---- the work -------------------------------------------------------------------------------------------------------


def run(questions: Sequence[Question]) -> None:
    """How far the work is that is under way; the button, where an answer is missing that it will not give."""
    working = background.show(_WORK)
    coming = st.session_state[_ASKED] if working else ()
    missing = [each for each in questions if each.find() is None and each.key not in coming]
    if not missing:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="effective_offer"):
        st.button(
            "Measure this instead" if working else "Measure", key="effective_run", icon=":material/play_arrow:",
            type="secondary" if working else "primary", on_click=begin, args=(missing,),
        )  # fmt: skip
        many = f"{len(missing)} states × " if len(missing) > 1 else ""
        st.caption(f"{many}{describe(missing[0])}; it goes on in the background and can be cancelled.")


def begin(questions: Sequence[Question]) -> None:
    """Measure in the background what is not known yet; work under way is ended."""
    missing = [each for each in questions if each.find() is None]
    if missing:
        unit = missing[0].unit
        what = f"Measuring the effective field of {missing[0].view.path}, unit {unit[0]}, {unit[1]}"
        st.session_state[_ASKED] = frozenset(each.key for each in missing)
        background.begin(_WORK, what, _prepare(missing))


def _prepare(questions: Sequence[Question]) -> Callable[[Progress, Cancel], None]:
    """The work with all that it needs of the session."""

    def do(progress: Progress, cancel: Cancel) -> None:
        from explorer.inspection.effective_field import find_effective_field

        read: Hashable = None
        x: Any = None
        for place, each in enumerate(questions):
            inputs = (each.view.architecture.input_shape, each.inputs)
            if inputs != read:
                read, x = inputs, _read_images(each, cancel)

            def tell(done: int, whole: int, before: int = place) -> None:
                progress(before * whole + done, len(questions) * whole)

            field = find_effective_field(
                each.state.open(), x, each.view.path, each.unit, channel=each.channel, progress=tell, cancel=cancel
            )
            _ = field.gaussian  # takes a moment for a large image; the page then has it
            _CACHE.store(each.key, field)

    return do


def _read_images(question: Question, cancel: Cancel) -> Any:
    from explorer.inspection.effective_field import draw_test_images, make_noise, prepare_images

    architecture = question.view.architecture
    if question.images == NOISE:
        return make_noise(architecture, question.most, question.seed)
    prepared = getattr(question.prepared_as.open(), "preprocessing", None)
    how = prepared or Preprocessing(shape=architecture.input_shape)
    if question.pictures:
        pixels = [datasets.decode(each.data, at_least=how.decoded_side).pixels for each in question.pictures]
        return prepare_images(how, pixels)
    dataset = datasets.load(question.images, size=how.import_size)
    return draw_test_images(how, dataset, question.most, question.seed, cancel=cancel)
