"""Weights from files into a network: all of them or none, each tensor checked before anything is copied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..architecture import Architecture
from ..text import compact_shape, shorten
from ._build import Network, build
from ._match import COUNTER, Match, has_the_same_numbers, quote_names
from ._matching import find_matches
from ._refusal import describe_names, explain_refusal
from ._stored import StoredTensor, StoredWeights, WeightsError


@dataclass(frozen=True, kw_only=True)
class FittedWeights:
    """A network with the weights of a file."""

    architecture: Architecture
    """What was asked for, with as many classes as the file has and without auxiliary heads that it does not have."""
    network: Network = field(repr=False)
    """On the CPU, float32, in training mode."""
    conversions: tuple[str, ...]
    """Everything that was done between the file and the network, one phrase each."""
    notes: tuple[str, ...]
    """What a person must decide about, one sentence each."""
    path: tuple[str, ...]
    """Keys of the file's dicts that led to the weights."""
    part: str
    """The part of the file that was taken, '' for all of it."""
    parts: tuple[str, ...]
    """All parts that hold weights of this network."""
    is_libraries: bool
    """Whether the file names its tensors as torchvision and timm do."""


def fit_weights(architecture: Architecture, stored: StoredWeights, part: str | None = None) -> FittedWeights:
    """Build the network of an architecture with the weights of a file, however they were wrapped, named and rounded.

    Weights are found under wrappings (``state_dict``, ``model``, an average ...), prefixes (``module.``) and
    torchvision's names; half and double precision become float32; counters of batches may be missing. Each of these is
    told. Every weight of the network must be there, in its shape, and no other beside it; but a classifier of several
    linear layers is rebuilt, and an auxiliary head that differs is left out, each with a note.

    Args:
        architecture: The network; classifiers get the file's number of classes.
        stored: What ``read_weights`` found.
        part: Which part of the file to take, one of ``FittedWeights.parts``; None: a running average of the weights
            where there is one, else the first part that fits.

    Returns:
        The network, and everything that was done on the way to it.

    Raises:
        WeightsError: The file has no such weights; the message says what it has.
    """
    matches = find_matches(architecture, stored)
    fitting = [match for match in matches if match.fits]
    if not fitting:
        raise WeightsError(explain_refusal(architecture, stored, matches))
    parts = tuple(match.part for match in fitting)
    if part is not None and part not in parts:
        raise WeightsError(
            f"{stored.name} has no part {shorten(part)!r} with weights of this network; it has {quote_names([*parts])}"
        )
    match = fitting[0] if part is None else fitting[parts.index(part)]
    network = build(match.architecture, "meta")
    conversions = [*stored.conversions, *match.conversions]
    fill(network, _load(match, network, stored.name, conversions), stored.name)
    return FittedWeights(
        architecture=match.architecture,
        network=network,
        conversions=tuple(conversions),
        notes=(*match.notes, *((_tell_choice(match, parts),) if len(parts) > 1 and part is None else ())),
        path=match.path,
        part=match.part,
        parts=parts,
        is_libraries=bool(match.naming),
    )


def _tell_choice(match: Match, parts: tuple[str, ...]) -> str:
    others = [each for each in parts if each != match.part]
    why = ", a running average" if match.is_average else ", the first"
    return (
        f"The file has weights for this network {len(parts)} times: {match.part or 'its outermost part'!r}{why}, was "
        f"taken; {quote_names(others, 4)} can be chosen instead"
    )


def fill(network: nn.Module, tensors: Mapping[str, Tensor], name: str) -> None:
    """Copy tensors into a network, if they are exactly its weights; one on the meta device gets its memory then.

    Args:
        network: Its weights and buffers are overwritten in place, once all is known to be right.
        tensors: By the network's names, in its types.
        name: What messages call the file that they come from.

    Raises:
        WeightsError: A tensor is missing, too many, of another shape or type, or not finite; nothing is copied then.
    """
    own = network.state_dict()
    missing, unexpected = [key for key in own if key not in tensors], [key for key in tensors if key not in own]
    if missing or unexpected:
        raise WeightsError(f"{name} does not fit: {describe_names(missing, unexpected, [*own])}")
    for key, wanted in own.items():
        given, where = tensors[key], f"{name}: {shorten(key, 120)!r}"
        if given.shape != wanted.shape:
            raise WeightsError(f"{where} is {_times(given.shape)}, the network has {_times(wanted.shape)}")
        if given.dtype != wanted.dtype:
            raise WeightsError(f"{where} is {_type(given)}, the network has {_type(wanted)}; save it in that type")
        if given.is_floating_point() and not bool(given.isfinite().all()):
            raise WeightsError(f"{where} holds numbers that are not finite (NaN or Inf)")
    if any(wanted.is_meta for wanted in own.values()):
        # Not to_empty, whose first call imports sympy.
        network.load_state_dict({key: tensors[key].clone() for key in own}, assign=True)
        return
    with torch.no_grad():
        for key, wanted in own.items():
            wanted.copy_(tensors[key])


def _load(match: Match, network: nn.Module, name: str, conversions: list[str]) -> dict[str, Tensor]:
    """The tensors of a match in the network's types; ``conversions`` is told what that changed."""
    tensors: dict[str, Tensor] = {}
    exact: dict[str, None] = {}
    numbers = rounded = 0
    recounted = False
    reshaped = 0
    for key, wanted in network.state_dict().items():
        stored = match.found.get(key)
        if key.endswith(COUNTER):
            counter = stored.load() if isinstance(stored, StoredTensor) else torch.zeros((), dtype=wanted.dtype)
            recounted = recounted or (stored is not None and counter.dtype != wanted.dtype)
            tensors[key] = counter.double().nan_to_num(0, 0, 0).reshape(()).to(wanted.dtype)
            continue
        assert isinstance(stored, StoredTensor)
        given = stored.load()
        if given.shape != wanted.shape and has_the_same_numbers(given.shape, wanted.shape):
            given, reshaped = given.reshape(wanted.shape), reshaped + 1
        tensors[key] = given
        if given.dtype == wanted.dtype:
            continue
        where = f"{name}: {shorten(key, 120)!r}"
        if not given.is_floating_point():
            raise WeightsError(
                f"{where} is {_type(given)}, the network has {_type(wanted)}; save the weights as floating-point "
                f"numbers, before they are quantised"
            )
        tensors[key] = given.to(wanted.dtype)
        if given.dtype == torch.float64:
            changed = (tensors[key].to(given.dtype) != given) & ~given.isnan()
            if bool((given.isfinite() & ~tensors[key].isfinite()).any()):
                raise WeightsError(f"{where} holds numbers beyond the range of float32; scale them before saving")
            numbers, rounded = numbers + given.numel(), rounded + int(changed.sum())
        else:
            exact[_type(given)] = None
    if exact:
        conversions.append(f"{', '.join(exact)} turned into float32, which is exact")
    if numbers:
        what = f"{rounded:,} of {numbers:,} numbers were rounded" if rounded else "every number is the same"
        conversions.append(f"float64 turned into float32: {what}")
    if reshaped:
        conversions.append(
            f"{reshaped:,} tensors written in another shape with the same numbers (a linear layer on channels is a 1×1 "
            f"convolution, one on flattened maps a convolution over all of them)"
        )
    if match.without_counters or recounted:
        conversions.append("the counters of batches (num_batches_tracked), which nothing reads, set to 0 or rounded")
    return tensors


def _times(shape: tuple[int, ...]) -> str:
    return compact_shape(shape) or "a single number"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
