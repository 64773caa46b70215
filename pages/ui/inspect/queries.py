"""What models are asked on this page, each question once: answers are kept by the digests of model and picture.

torch is loaded by the time anything here is called.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer import datasets
from explorer.inspection import Placement

from .cache import get_or_compute
from .state import Picture

TOP = 5
"""Classes whose probabilities are shown."""


def predict_picture(model: Any, picture: Picture) -> Any:
    """The answer to a picture (a Prediction), or the sentence that says why there is none."""

    def ask() -> Any:
        from explorer.inspection.predict import predict

        pixels = picture.pop("pixels", None)
        try:
            return predict(model, [datasets.decode(picture["data"]).pixels if pixels is None else pixels], top=TOP)[0]
        except ValueError as error:
            return f"{error}"

    return get_or_compute(("predict", model.digest, picture["digest"]), ask)


def features(model: Any, picture: Picture, paths: tuple[str, ...]) -> dict[str, Any]:
    """The feature maps (Maps) of nodes, by path; for a picture that has an answer."""

    def ask() -> Any:
        from explorer.inspection.features import feature_maps

        return feature_maps(model, predict_picture(model, picture).input, paths)

    return get_or_compute(("features", model.digest, picture["digest"], paths), ask)


def maps(model: Any, picture: Picture, path: str) -> Any:
    """The feature maps of one node."""
    return features(model, picture, (path,))[path]


def input_pixels(model: Any, prediction: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A network's input before it was normalised: (H, W, 3), or (H, W) of one channel."""
    mean, std = (np.array(each, np.float32).reshape(-1, 1, 1) for each in model.preprocessing.normalisation)
    std = np.where(std > 0, std, 1)
    pixels = np.rint(255 * (prediction.input.numpy() * std + mean)).clip(0, 255).astype(np.uint8)
    return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))


def placement(model: Any, picture: Picture) -> Placement:
    """Where the input lies in the picture."""
    return model.preprocessing.placement(*picture["size"])  # type: ignore[no-any-return]


def class_index(model: Any, prediction: Any, chosen: int | None) -> int:
    """The class that is asked about: the chosen one, else the answer."""
    if chosen is not None and chosen < len(model.classes):
        return chosen
    return int(prediction.top[0].index)
