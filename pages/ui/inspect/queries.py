"""Predictions and feature maps of this page, each computed once: cached by the digests of model and picture.

torch is loaded by the time anything here is called.
"""

from __future__ import annotations

from typing import Any

from explorer import datasets
from explorer.inspection import Placement, ResultCache

from .state import Picture

CACHE = ResultCache()
"""Of all sessions of this server."""
TOP = 20
"""Classes whose probabilities are kept of a picture."""


def predict_picture(model: Any, picture: Picture) -> Any:
    """The prediction for a picture (ImagePrediction), or the sentence that says why there is none."""

    def ask() -> Any:
        from explorer.inspection.predict import predict

        pixels = picture.pop("pixels", None)
        side = model.preprocessing.decoded_side
        if pixels is None or side is not None:  # as its data set was decoded
            pixels = datasets.decode(picture["data"], at_least=side).pixels
        try:
            return predict(model, [pixels], top=TOP, as_is=True)[0]  # what is to be done to it is done
        except ValueError as error:
            return f"{error}"

    return CACHE.get_or_compute(("predict", model.digest, picture["digest"]), ask)


def features(model: Any, picture: Picture, paths: tuple[str, ...]) -> dict[str, Any]:
    """The feature maps (Maps) of nodes, by path; for a picture that has a prediction."""

    def ask() -> Any:
        from explorer.inspection.features import feature_maps

        return feature_maps(model, predict_picture(model, picture).input, paths)

    return CACHE.get_or_compute(("features", model.digest, picture["digest"], paths), ask)


def maps(model: Any, picture: Picture, path: str) -> Any:
    """The feature maps of one node."""
    return features(model, picture, (path,))[path]


def placement(model: Any, picture: Picture) -> Placement:
    """Where the input lies in the picture."""
    return model.preprocessing.placement(*picture["size"])  # type: ignore[no-any-return]


def class_index(model: Any, prediction: Any, chosen: int | None) -> int:
    """The class that is asked about: the chosen one, else the predicted one."""
    if chosen is not None and chosen < len(model.classes):
        return chosen
    return int(prediction.top[0].index)
