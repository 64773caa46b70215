"""Which tensors of a file are a network's: under which wrapping, prefix and names, and with how many classes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..architecture import Architecture, edit, walk
from ..text import shorten
from ._build import build
from ._stored import Opaque, StoredTensor, StoredWeights
from ._torchvision import NAMINGS

COUNTER = ".num_batches_tracked"
"""Batches that a norm has seen; nothing of ours reads that number."""
_DEPTH, _DICTS = 8, 10_000
"""How deep weights may lie in a file, and how many dicts are looked at."""
_PREFIXES = 8
_WRAPPER = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""Names that torch.compile, FSDP and activation checkpointing put between those of layers."""
_BOOKKEEPING = re.compile(r"(?:^|\.)(?:total_ops|total_params|n_averaged)$")
"""Numbers that thop and torch's AveragedModel store among the weights."""
_HEAD = re.compile(r"(aux\d|AuxLogits)\.")
"""torchvision's auxiliary heads."""
_AVERAGE = re.compile(r"(?:^|[._])(?:ema|average|averaged|swa)(?:[._]|$)")
"""Words in the name of a part by which it is a running average of the weights."""

Shapes = dict[str, tuple[int, ...]]


@dataclass(kw_only=True)
class Match:
    """One reading of a file as a network's weights; it fits if nothing is missing, unexpected or of another shape."""

    architecture: Architecture
    """The network, with the file's classes and without heads that the file does not have."""
    path: tuple[str, ...]
    """Keys of the dicts around the weights."""
    prefix: str
    """What stands before every name."""
    naming: str
    """A key of ``NAMINGS``."""
    found: dict[str, StoredTensor | Opaque] = field(default_factory=dict, repr=False)
    """By our names."""
    missing: list[str] = field(default_factory=list)
    """Our names that the file lacks."""
    unexpected: list[str] = field(default_factory=list)
    """Names of the file that the network lacks."""
    wrong: list[str] = field(default_factory=list)
    """Our names whose tensors have another shape, or are not stored as plain numbers."""
    hits: int = 0
    """Names that the file shares with the network as it was asked for."""
    without_counters: bool = False
    conversions: list[str] = field(default_factory=list)
    """What was done, one phrase each."""

    @property
    def fits(self) -> bool:
        return bool(self.found) and not (self.missing or self.unexpected or self.wrong)

    @property
    def part(self) -> str:
        """What the part of the file is called, '' for all of it."""
        return ".".join([*self.path, *([self.prefix.rstrip(".")] if self.prefix else [])])

    @property
    def is_average(self) -> bool:
        """Whether it is by its name a running average."""
        return _AVERAGE.search(self.part) is not None


def find_matches(architecture: Architecture, stored: StoredWeights) -> list[Match]:
    """All readings of a file as the weights of a network that share a name with it.

    Args:
        architecture: the network.
        stored: what the file holds.

    Returns:
        Those that fit first, running averages before the weights that they are of, else in the order of the file; then
        the others, those with most names in common first.
    """
    matches = [
        match
        for path, tensors in find_state_dicts(stored.content)
        for naming in NAMINGS
        for match in _read_as(architecture, path, tensors, naming)
    ]
    fitting = [match for match in matches if match.fits]
    best: dict[str, Match] = {}  # one reading of each part: our own names before others
    for match in fitting:
        best.setdefault(match.part, match)
    return [
        *sorted(best.values(), key=lambda match: not match.is_average),
        *sorted((match for match in matches if not match.fits), key=lambda match: -match.hits),
    ]


def find_state_dicts(content: Any) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Each dict of a file that holds tensors by name, with the keys that lead to it; the outer ones first."""
    seen: set[int] = set()
    level: list[tuple[tuple[str, ...], Any]] = [((), content)]
    for _ in range(_DEPTH):
        below = []
        for path, value in level:
            if id(value) in seen or not isinstance(value, dict) or len(seen) >= _DICTS:
                continue
            seen.add(id(value))
            if any(isinstance(each, StoredTensor) for each in value.values()):
                named = {key: each for key, each in value.items() if isinstance(key, str)}
                yield path, {key: each for key, each in named.items() if isinstance(each, StoredTensor | Opaque)}
            below += [((*path, str(key)), each) for key, each in value.items() if isinstance(each, dict)]
        level = below


@lru_cache(maxsize=32)
def network_shapes(architecture: Architecture) -> Shapes:
    """The shape of each weight of a network, by name."""
    return {name: tuple(tensor.shape) for name, tensor in build(architecture, "meta").state_dict().items()}


def _read_as(
    architecture: Architecture, path: tuple[str, ...], tensors: dict[str, Any], naming: str
) -> Iterator[Match]:
    own = network_shapes(architecture)
    wanted = {NAMINGS[naming](name): name for name in own}
    if len(wanted) != len(own):
        return
    clean = {key: _WRAPPER.sub("", key) for key in tensors}
    if len(set(clean.values())) != len(clean):
        clean = {key: key for key in tensors}
    counts = Counter(
        name[:place]
        for name in clean.values()
        for place in (0, *(match.end() for match in re.finditer(r"\.", name)))
        if name[place:] in wanted
    )
    most = max(counts.values(), default=0)
    likely = [(prefix, count) for prefix, count in counts.most_common(_PREFIXES) if 2 * count >= most]
    for prefix, hits in likely:
        match = Match(architecture=architecture, path=path, prefix=prefix, naming=naming, hits=hits)
        if path:
            match.conversions.append(f"taken from {'.'.join(path)!r} of the file")
        wrappers = {found[0].rstrip(".") for key in tensors for found in [_WRAPPER.search(key)] if found}
        if wrappers and any(clean[key] != key for key in tensors):
            match.conversions.append(f"{', '.join(map(repr, sorted(wrappers)))} taken out of the names")
        if prefix:
            match.conversions.append(f"the prefix {prefix!r} taken off the names")
        if naming:
            match.conversions.append(f"{naming} turned into those of this program")
        _take(match, wanted, {clean[key]: value for key, value in tensors.items()})
        _leave_out_heads(match)
        _take_classes(match)
        shapes = network_shapes(match.architecture)
        match.wrong += [
            name for name, shape in shapes.items()
            if name in match.found and not _same_shape(name, match.found[name], shape)
        ]  # fmt: skip
        yield match


def _same_shape(name: str, given: Any, shape: tuple[int, ...]) -> bool:
    shapes = [shape, (1,)] if name.endswith(COUNTER) else [shape]
    return isinstance(given, StoredTensor) and given.shape in shapes


def _take(match: Match, wanted: dict[str, str], tensors: dict[str, Any]) -> None:
    """Sort a file's names into those that the network has, those that it lacks, and those beside the network."""
    beside: list[str] = []
    bookkeeping: list[str] = []
    heads: set[str] = set()
    has_heads = any(node.op == "auxiliary" for _, node in walk(match.architecture))
    for key, value in tensors.items():
        name = key.removeprefix(match.prefix)
        if not key.startswith(match.prefix):
            (bookkeeping if _BOOKKEEPING.search(key) else beside).append(key)
        elif name in wanted:
            match.found[wanted[name]] = value
        elif _BOOKKEEPING.search(key):
            bookkeeping.append(key)
        elif match.naming and not has_heads and (head := _HEAD.match(name)):
            heads.add(head[1])
        else:
            match.unexpected.append(key)
    _take_wrapped_classifier(match, tensors)
    missing = [name for name in wanted.values() if name not in match.found]
    match.missing = [name for name in missing if not name.endswith(COUNTER)]
    match.without_counters = len(match.missing) < len(missing)
    if heads:
        match.conversions.append(f"{quote_names(sorted(heads))} left out: this network has no auxiliary heads")
    if beside:
        match.conversions.append(f"{quote_names(beside)} beside the network left out")
    if bookkeeping:
        match.conversions.append(f"{quote_names(bookkeeping)} left out, since it is no weight")


def _take_wrapped_classifier(match: Match, tensors: dict[str, Any]) -> None:
    """The one linear layer of a Sequential that took the classifier's place, such as ``fc.1`` behind a dropout."""
    if not match.naming:
        return
    for path in edit.classifiers(match.architecture):
        ours = f"{path.replace('/', '.')}.linear."
        theirs = NAMINGS[match.naming](f"{ours}weight").removesuffix("weight")
        pattern = re.compile(re.escape(match.prefix + theirs) + r"(?:\w+\.)+(weight|bias)")
        inside = {key: found[1] for key in match.unexpected if (found := pattern.fullmatch(key))}
        if f"{ours}weight" in match.found or sorted(inside.values()) != ["bias", "weight"]:
            continue
        for key, word in inside.items():
            match.found[ours + word] = tensors[key]
            match.unexpected.remove(key)
        layer = next(iter(inside)).rpartition(".")[0].removeprefix(match.prefix)
        match.conversions.append(
            f"{layer!r} taken as the classifier {theirs.rstrip('.')!r}: if an activation stands beside it, the file "
            f"does not say so"
        )


def _leave_out_heads(match: Match) -> None:
    """Auxiliary heads of which the file has nothing: they run in training only."""
    gone = []
    for path, node in walk(match.architecture):
        start = f"{path.replace('/', '.')}."
        under = [name for name in network_shapes(match.architecture) if name.startswith(start)]
        if node.op == "auxiliary" and under and not any(name in match.found for name in under):
            gone.append(path)
    for path in gone:
        start = f"{path.replace('/', '.')}."
        match.missing = [name for name in match.missing if not name.startswith(start)]
        match.architecture = edit.remove(match.architecture, path)
    if gone:
        plural = "s" if len(gone) > 1 else ""
        match.conversions.append(
            f"the auxiliary head{plural} {quote_names(gone, 4)} left out: the file does not have "
            f"{'them' if plural else 'it'}, and only training uses {'them' if plural else 'it'}"
        )


def _take_classes(match: Match) -> None:
    """As many outputs of the classifiers as the file has, where nothing else about them differs."""
    own = network_shapes(match.architecture)
    for path in edit.classifiers(match.architecture):
        name = f"{path.replace('/', '.')}.linear.weight"
        given = match.found.get(name)
        if not isinstance(given, StoredTensor) or len(given.shape) != 2 or given.shape == own[name]:
            continue
        (before, features), (classes, given_features) = own[name], given.shape
        if given_features != features or classes < 1:
            continue
        try:
            match.architecture = edit.replace(match.architecture, path, out_features=classes)
        except ValueError:  # beyond the limits of an architecture; the shape is told to be wrong
            continue
        inside = any(path.startswith(f"{head}/") for head, node in walk(match.architecture) if node.op == "auxiliary")
        what = f"the scores of the head {path.rpartition('/')[0]!r}" if inside else "the classes"
        match.conversions.append(f"{what} are {classes:,}, as in the file, not {before:,}")


def quote_names(names: list[str], limit: int = 2) -> str:
    """Some names in quotes, and how many more there are."""
    more = len(names) - limit
    return ", ".join(repr(shorten(each, 120)) for each in names[:limit]) + (f" and {more:,} more" if more > 0 else "")
