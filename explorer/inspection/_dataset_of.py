"""Which data set a model is measured on where nobody names one."""

from __future__ import annotations

from .. import datasets
from ..runs import Manager
from ._shipped import load_model_cards


def find_dataset(model: str, manager: Manager) -> str:
    """Find the data set that a model was trained on, or one with its classes.

    Args:
        model: As ``list_models`` names it.
        manager: Of the runs.

    Returns:
        Its name; of a shipped model that of a data set that is here, has test images and, where there is one, was not
        among the model's training data. '' where there is none.
    """
    run = model.partition("@")[0]
    try:
        return str(manager.run(run).setting("dataset"))
    except ValueError:
        card = load_model_cards().get(run)
    if card is None:
        return ""
    cards = (datasets.get_card(name) for name in datasets.names())
    fitting = [each.name for each in cards if each.available and each.test_count and each.classes == card.classes]
    return next((each for each in fitting if each not in card.seen), next(iter(fitting), ""))
