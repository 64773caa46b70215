"""What a training script has to do, decided from a configuration before a line of it is written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .. import datasets
from ..analysis import Totals, analyze
from ..architecture import Architecture, edit, walk
from ..training import TrainConfig, check_classes, check_heads, find_frozen, recipe, training_window

if TYPE_CHECKING:
    from ..datasets import Preprocessing
    from ._subject import Subject

TORCHVISION = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "cifar-10": "CIFAR10", "cifar-100": "CIFAR100"}
"""Data sets that torchvision downloads, by our names."""
FOLDERS = "folders of images"
"""Stands for a data set where none is known that fits."""
USUAL_RECIPE = "course"
Moments = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class DataForm:
    """Where a script gets its images."""

    kind: Literal["torchvision", "arrays", "folders"]
    title: str
    stored_shape: tuple[int, int, int]
    """(channels, height, width) of the images as they come."""
    squash: bool = False
    """Whether images of folders are brought to that size whatever their proportions."""
    streamed: bool = False
    """Whether there is no other form of it than folders."""
    known: bool = True
    """Whether it is a data set that is known here."""


@dataclass(frozen=True)
class Plan:
    """A script: network, data and recipe."""

    architecture: Architecture
    classes: int
    """Scores that the network gives."""
    config: TrainConfig
    assumed: bool
    """Whether nobody said how it is trained."""
    form: DataForm
    moments: Moments | None
    """Mean and deviation of the normalisation; None: measured by the script."""
    window: tuple[int, int] | None
    """Part of each image that is shown at first."""
    frozen: Mapping[int, tuple[str, ...]]
    """From which epoch on which modules are held fixed."""
    new_head: tuple[str, ...]
    """Prefixes of the names of weights that are not taken from what the run starts from."""

    @property
    def has_heads(self) -> bool:
        """Whether auxiliary heads are trained, too."""
        return any(node.op == "auxiliary" for _, node in walk(self.architecture))

    @property
    def cover(self) -> tuple[int, int] | None:
        """(height, width) that images cover before they are cropped; None: they are scaled to the input's size."""
        start = self.config.start
        if start is None or start.images == "run" or start.squash:
            return None
        return start.cover or self.architecture.input_shape[1:]


def choose_data(architecture: Architecture) -> str:
    """Choose a data set for a design: MNIST for ten classes of grey images, CIFAR-10 or CIFAR-100 for colour.

    Args:
        architecture: The network.

    Returns:
        The data set's name; for other classes and channels a phrase that names none.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    found = {(1, 10): "mnist", (3, 10): "cifar-10", (3, 100): "cifar-100"}
    scores = analyze(architecture).totals.output_shape
    return found.get((architecture.input_shape[0], scores[0]), FOLDERS) if len(scores) == 1 else FOLDERS


def list_data(architecture: Architecture) -> dict[str, str]:
    """List the data sets with as many classes as a design has scores.

    Args:
        architecture: The network.

    Returns:
        Titles by name, ``choose_data``'s first.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    usual = choose_data(architecture)
    found = {usual: usual}
    for name in datasets.names():
        with suppress(datasets.DatasetError):  # one that is damaged
            card = datasets.get_card(name)
            if (len(card.classes),) == analyze(architecture).totals.output_shape:
                found[name] = card.title
    return found


def make_plan(subject: Subject, totals: Totals) -> Plan:
    """Decide what a script does.

    Args:
        subject: The design, and how it was trained; without a configuration the course's recipe is taken.
        totals: The design's numbers.

    Returns:
        The plan.

    Raises:
        ValueError: The network does not classify images, not those of the data set, or the run was no training.
    """
    architecture = subject.architecture
    config = subject.config or recipe(USUAL_RECIPE, choose_data(architecture))
    if config.range_steps:
        raise ValueError(
            "a range test of learning rates is no training; export the run that was trained with the rate it found"
        )
    form = _find_form(config, architecture, subject.preprocessing)
    check_classes(architecture, form.title, totals.output_shape[0] if len(totals.output_shape) == 1 else 10)
    check_heads(architecture, form.title, totals.output_shape[0])
    if architecture.input_shape[0] not in (1, 3) and form.kind != "arrays":
        raise ValueError(
            f"images have 1 or 3 channels, the network's input {architecture.input_shape[0]}; a script cannot load them"
        )
    start = config.start
    new_head = () if start is None or start.head == "keep" else edit.classifiers(architecture)
    return Plan(
        architecture=architecture,
        classes=totals.output_shape[0],
        config=config,
        assumed=subject.config is None,
        form=form,
        moments=_find_moments(config, subject.preprocessing),
        window=training_window(architecture, config),
        frozen=_find_frozen(architecture, config),
        new_head=tuple(f"{path.replace('/', '.')}." for path in new_head),
    )


def _find_form(config: TrainConfig, architecture: Architecture, how: Preprocessing | None) -> DataForm:
    name = config.dataset
    try:
        card = datasets.get_card(name)
    except (datasets.DatasetError, OSError):
        shape = how.dataset_shape if how is not None and how.dataset_shape else architecture.input_shape
        kind: Literal["arrays", "folders"] = "folders" if shape[0] in (1, 3) else "arrays"
        return DataForm(kind, name, shape, squash=how is not None and how.dataset_squash, known=False)
    check_classes(architecture, card.title, len(card.classes))
    if name in TORCHVISION:
        return DataForm("torchvision", card.title, card.shape)
    if name not in datasets.list_imports():
        return DataForm("arrays", card.title, card.shape)
    squash = datasets.get_import(name).scaled_by == "squash"
    if card.streamed or card.classes == tuple(sorted(card.classes)):  # as ImageFolder numbers them
        return DataForm("folders", card.title, card.shape, squash=squash, streamed=card.streamed)
    return DataForm("arrays", card.title, card.shape)


def _find_moments(config: TrainConfig, how: Preprocessing | None) -> Moments | None:
    given = None if config.start is None else config.start.normalisation
    if given is None and config.normalise == "half":
        given = ((0.5,), (0.5,))
    if given is None and how is not None:
        given = how.mean, how.std
    return given and (given[0], tuple(value or 1.0 for value in given[1]))  # a constant channel is not divided


def _find_frozen(architecture: Architecture, config: TrainConfig) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    if config.start is None or not config.start.freeze:
        return found
    last: tuple[str, ...] | None = None
    for epoch in range(config.epochs):
        paths = find_frozen(architecture, config.start, epoch)
        listed = (path for path, _ in walk(architecture) if path in paths)
        now = tuple(path.replace("/", ".") for path in listed if path.rpartition("/")[0] not in paths)
        if now != last:
            found[epoch] = last = now
    return found
