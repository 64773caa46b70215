"""The table of the classes that Train and Inspect share: recall and precision of each, and the mean recall."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from explorer.runs import ClassMetrics, average_recall
from explorer.text import format_share
from pages.ui.text import cell, number_column

_ROWS = 12
"""As many are shown without scrolling."""


def show(classes: Sequence[ClassMetrics], key: str) -> None:
    """Show the table; a click on a heading sorts it."""
    rows = [
        {"class": cell(each.name), "images": each.images, "recall": 100 * each.recall,
         "precision": 100 * each.precision}
        for each in classes
    ]  # fmt: skip
    percent = number_column(digits=1, unit="%")
    st.dataframe(
        pd.DataFrame(rows), key=key, hide_index=True, alt="Recall and precision of each class",
        placeholder="–",
        height="content" if len(rows) <= _ROWS else 320,
        column_config={"images": number_column(), "recall": percent, "precision": percent},
    )  # fmt: skip
    mean = average_recall(classes)
    st.caption(
        "Recall: share of a class's images that are taken for it. Precision: share of the images taken for it that are "
        "of it; none where no image is."
        + ("" if math.isnan(mean) else f" Mean recall {format_share(mean)}: the accuracy if all classes had equally "
           "many images.")
    )  # fmt: skip
