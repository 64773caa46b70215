"""Which data set a model is measured on where nobody names one."""

from __future__ import annotations

from typing import Literal

from .. import datasets
from ..runs import Manager
from ._shipped import load_model_cards


def find_dataset(model: str, manager: Manager, part: Literal["train", "test"] = "test") -> str:
    """Find the data set that a model was trained on, or one with its classes.

    Args:
        model: As ``list_models`` names it.
        manager: Of the runs.
        part: What it is asked for: images to test a model on, or to train on.

    Returns:
        Its name. Of a shipped model that of a data set that is here: to test on one that was not among the model's
        training data, where there is one; to train on the one with the most images. '' where there is none.
    """
    run = model.partition("@")[0]
    found = manager.store.find([run])
    if found:
        return str(found[0].setting("dataset"))
    card = load_model_cards().get(run)
    if card is None:
        return ""
    cards = (datasets.get_card(name) for name in datasets.names())
    here = [each for each in cards if each.available and each.test_count and each.classes == card.classes]
    if part == "train":
        return max(here, key=lambda each: each.train_count).name if here else ""
    fitting = [each.name for each in here]
    return next((each for each in fitting if each not in card.seen), next(iter(fitting), ""))
