"""Class names and preprocessing of weights that somebody brings: given, in the file, of the catalogue, or assumed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..architecture import Architecture
from ..datasets import Preprocessing
from ..modules import FittedWeights, StoredWeights
from ._file_facts import find_facts
from ._presets import IMAGENET_CLASSES, GivenFacts, Preset, find_preset
from ._published import PublishedWeights, find_published_for, is_same
from ._shipped import load_model_cards
from .models import check_scores

_TIMM = {
    "inception-v3": "The file has no auxiliary head, so it may be timm's, whose names are torchvision's: timm scales "
    "pictures by bicubic interpolation, here it is bilinear, and its weights called gluon want the preset imagenet"
}
"""What cannot be told from the names of weights, by the network's name in the catalogue."""


@dataclass(frozen=True, kw_only=True)
class DescribedWeights:
    """What a model needs beside its network, and where it comes from."""

    classes: tuple[str, ...]
    """Names in the order of the scores; empty: not known."""
    preprocessing: Preprocessing
    conversions: tuple[str, ...]
    """Where facts were found, one phrase each."""
    notes: tuple[str, ...]
    """What had to be assumed, one sentence each."""


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Facts of one origin; what it does not know is empty."""

    what: str
    classes: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    note: str = ""
    """What may be otherwise, one sentence."""


def describe_weights(
    asked: Architecture, fitted: FittedWeights, stored: StoredWeights, given: GivenFacts
) -> DescribedWeights:
    """Class names and preprocessing, each from the first that knows it: the person, a preset, the file, the catalogue.

    Args:
        asked: the architecture that was chosen for the weights.
        fitted: the network with them.
        stored: the file.
        given: what the person said.

    Raises:
        ValueError: the input is no picture's, or a number of names or values does not fit the network.
    """
    network = fitted.architecture
    scores, shape = check_scores(network), network.input_shape
    sources = _find_sources(asked, fitted, stored, given)
    names = next((each for each in sources if len(each.classes) == scores), None)
    how = next((each for each in sources if each.preprocessing), None)
    preprocessing = how.preprocessing if how and how.preprocessing else Preprocessing(shape=shape)
    if given.mean is not None or given.std is not None:
        mean, std = given.mean or preprocessing.mean, given.std or preprocessing.std
        preprocessing = replace(preprocessing, mean=mean, std=std, transform_input=False)
    told: dict[str, list[str]] = {}
    for source, what in ((None if given.classes else names, "class names"), (how, "mean and deviation")):
        if source and not (what == "mean and deviation" and given.mean is not None and given.std is not None):
            told.setdefault(source.what, []).append(what)
    notes = []
    if not given.classes and names is None:
        notes.append(f"The names of the {scores:,} classes are not in the file; give them, else they are numbered")
    if how is None and (given.mean is None or given.std is None):
        notes.append(
            "How images were normalised is not in the file: pixels from −1 to 1 are assumed; give mean and deviation, "
            "or a preset, if it was otherwise"
        )
    if how and how.note:
        notes.append(how.note)
    return DescribedWeights(
        classes=given.classes or (names.classes if names else ()),
        preprocessing=preprocessing,
        conversions=tuple(f"{' and '.join(what)} {source}" for source, what in told.items()),
        notes=tuple(notes),
    )


def _find_sources(
    asked: Architecture, fitted: FittedWeights, stored: StoredWeights, given: GivenFacts
) -> list[_Source]:
    network = fitted.architecture
    shape = network.input_shape
    sources = []
    if given.preset:
        sources.append(_of_preset(find_preset(given.preset), shape))
    inside = find_facts(stored.content, fitted.path, check_scores(network), shape)
    beside = find_facts(stored.facts, (), check_scores(network), shape)
    facts = inside if inside.classes or inside.preprocessing else beside
    if facts.classes:
        sources.append(_Source(what=f"from {facts.classes_from!r} in the file", classes=facts.classes))
    if facts.preprocessing:
        sources.append(_Source(what="from the file", preprocessing=facts.preprocessing))
    for name, card in load_model_cards().items():
        if is_same(card.to_architecture(), network):
            known = Preprocessing(shape=shape, mean=card.mean, std=card.std)
            what = f"as of the shipped model {name!r}, which is the same network"
            sources.append(_Source(what=what, classes=card.classes, preprocessing=known))
    spec = _find_imagenet(asked, fitted)
    if spec is not None:
        kept = any(node.op == "auxiliary" for node in network.trunk.nodes)
        sources.append(_of_imagenet(spec, shape, "" if kept or not fitted.is_libraries else _TIMM.get(spec.name, "")))
    return sources


def _of_preset(preset: Preset, shape: tuple[int, int, int]) -> _Source:
    if len(preset.mean) not in (1, shape[0]):
        raise ValueError(
            f"the preset {preset.name!r} is for {len(preset.mean)} channels, the network takes {shape[0]}; "
            f"give mean and deviation instead"
        )
    classes = imagenet_classes() if preset.name == "imagenet" else preset.classes
    known = Preprocessing(shape=shape, mean=preset.mean, std=preset.std)
    return _Source(what=f"of the preset {preset.name!r}", classes=classes, preprocessing=known)


def _find_imagenet(asked: Architecture, fitted: FittedWeights) -> PublishedWeights | None:
    """The published weights that these are a copy of, by network and number of classes."""
    if check_scores(fitted.architecture) != IMAGENET_CLASSES:
        return None
    return find_published_for(asked)


def _of_imagenet(spec: PublishedWeights, shape: tuple[int, int, int], note: str) -> _Source:
    published = spec.preprocessing
    known = published if shape == published.shape else None
    if known is None and shape[0] == published.shape[0]:  # at another size nothing is cut but what proportions ask for
        known = replace(published, shape=shape, cover=None)
    return _Source(
        what="of ImageNet, which is what this network with 1,000 classes is published for",
        classes=imagenet_classes(),
        preprocessing=known,
        note=note if known else "",
    )


def imagenet_classes() -> tuple[str, ...]:
    """The names of ImageNet's 1,000 classes in the order that both libraries' weights have. Imports torchvision."""
    from torchvision.models import Inception_V3_Weights

    return tuple(Inception_V3_Weights.IMAGENET1K_V1.meta["categories"])
