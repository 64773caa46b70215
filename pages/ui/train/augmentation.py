"""What training shows: some images of the data before and after a run's random changes, by the run's own function."""

from __future__ import annotations

import streamlit as st

from explorer import datasets
from explorer.architecture import Architecture, from_json, to_json
from explorer.training import TrainConfig, describe_augmentation, parse
from pages.ui.downloads import download_button
from pages.ui.text import literal

_IMAGES, _DRAWS = 5, 3
_FIRST = "augment_first"


def show(network: Architecture, config: TrainConfig) -> None:
    """The box with the sheet; it is drawn only while the box is open."""
    box = st.expander("Preview of the augmentation", icon=":material/auto_awesome_motion:", key="augment_box",
                      on_change="rerun")  # fmt: skip
    if not box.open:
        return
    with box:
        steps = describe_augmentation(config, network)
        if not steps:
            st.caption(
                "No augmentation is on: every epoch shows the images as they are. Under *All settings*, *Images* there "
                "are shifts, mirroring, turns, colours, RandAugment and more."
            )
            return
        first = st.session_state.get(_FIRST, 1)
        try:
            datasets.get_card(config.dataset)  # what another session has drawn may be theirs alone
            with st.spinner("Drawing"):
                dark = st.context.theme.type == "dark"
                sheet = _draw(config.model_dump_json(), to_json(network, indent=None), first, dark=dark)
        except ValueError as error:
            st.error(literal(f"{error}."))
            return
        alt = f"Training images as they are and in epochs {first} to {first + _DRAWS - 1}"
        st.image(sheet, width="stretch")
        st.caption(literal(
            f"{alt}: {'; '.join(steps)}. Seed {config.seed}, as in the first step of these epochs. Each image has its "
            "own numbers; the order of the colour changes and the share of mixup are drawn once a batch."
        ))  # fmt: skip
        with st.container(horizontal=True):
            st.button(
                "Later epochs", key="augment_more", icon=":material/casino:", on_click=_go, args=(first + _DRAWS,)
            )
            if first > 1:
                st.button("From the first", key="augment_again", type="tertiary", on_click=_go, args=(1,))
            download_button(
                "PNG", sheet, "augmentation.png", "image/png", icon=":material/download:", type="tertiary"
            )


def _go(first: int) -> None:
    st.session_state[_FIRST] = first


@st.cache_data(max_entries=16, show_spinner=False)
def _draw(config: str, network: str, first: int, *, dark: bool) -> bytes:
    from explorer.training.augmentation_sheet import draw_augmentations  # torch

    sheet = draw_augmentations(parse(config), from_json(network), images=_IMAGES, draws=_DRAWS, first=first)
    return sheet.to_png(dark=dark)
