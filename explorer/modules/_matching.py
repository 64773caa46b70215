"""Which tensors of a file are a network's: under which wrapping, prefix and names, and with how many classes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..architecture import Architecture, walk
from ._heads import fit_classifiers, leave_out_heads, take_classes
from ._match import COUNTER, Match, fits_shape, network_shapes, quote_names
from ._renaming import Naming
from ._stored import Opaque, StoredTensor, StoredWeights
from ._torchvision import NAMINGS

_DEPTH, _DICTS = 8, 10_000
"""How deep weights may lie in a file, and how many dicts are looked at."""
_PREFIXES = 8
_SAMPLE = 32
"""Names by which it is told quickly whether a file may follow a naming."""
_WRAPPER = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""Names that torch.compile, FSDP and activation checkpointing put between those of layers."""
_BOOKKEEPING = re.compile(r"(?:^|\.)(?:total_ops|total_params|n_averaged)$")
"""Numbers that thop and torch's AveragedModel store among the weights."""
_HEAD = re.compile(r"(aux\d|AuxLogits)\.")
"""torchvision's auxiliary heads."""


def find_matches(architecture: Architecture, stored: StoredWeights) -> list[Match]:
    """All readings of a file as the weights of a network that share a name with it.

    Args:
        architecture: the network.
        stored: what the file holds.

    Returns:
        Those that fit first, running averages before the weights that they are of, else in the order of the file; then
        the others, those with most names in common first.
    """
    parts = [_Part(path, tensors) for path, tensors in find_state_dicts(stored.content)]
    matches = [match for part in parts for naming in NAMINGS for match in _read_as(architecture, part, naming)]
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


class _Part:
    """One state dict of a file, looked up once for all namings."""

    def __init__(self, path: tuple[str, ...], tensors: dict[str, Any]) -> None:
        self.path = path
        clean = {_WRAPPER.sub("", key): value for key, value in tensors.items()}
        self.tensors = clean if len(clean) == len(tensors) else tensors
        taken_out = (_WRAPPER.search(key) for key in tensors if key not in self.tensors)
        self.wrappers = sorted({found[0].rstrip(".") for found in taken_out if found})
        self.prefixes: dict[str, list[str]] = {}
        """By what may be a name: what stands before it, in the order of the file."""
        for name in self.tensors:
            for place in (0, *(match.end() for match in re.finditer(r"\.", name))):
                self.prefixes.setdefault(name[place:], []).append(name[:place])

    def knows(self, names: list[str], naming: Naming) -> bool:
        """Whether any of some names, spread over the network, is in the file; what fits has nearly all of them."""
        return any(naming(name) in self.prefixes for name in names[:: len(names) // _SAMPLE + 1])


def _read_as(architecture: Architecture, part: _Part, naming: str) -> Iterator[Match]:
    own = network_shapes(architecture)
    if not part.knows([*own], NAMINGS[naming]):
        return
    wanted = {NAMINGS[naming](name): name for name in own}
    if len(wanted) != len(own):
        return
    counts = Counter(prefix for name in wanted for prefix in part.prefixes.get(name, ()))
    most = max(counts.values(), default=0)
    likely = [(prefix, count) for prefix, count in counts.most_common(_PREFIXES) if 2 * count >= most]
    tensors = part.tensors
    for prefix, hits in likely:
        if naming and hits <= sum(prefix + name in tensors for name in own):  # they are our own names
            continue
        match = Match(architecture=architecture, path=part.path, prefix=prefix, naming=naming, hits=hits)
        if part.path:
            match.conversions.append(f"taken from {'.'.join(part.path)!r} of the file")
        if part.wrappers:
            match.conversions.append(f"{', '.join(map(repr, part.wrappers))} taken out of the names")
        if prefix:
            match.conversions.append(f"the prefix {prefix!r} taken off the names")
        if naming:
            match.conversions.append(f"{naming} turned into those of this program")
        _take(match, wanted, tensors)
        fit_classifiers(match, tensors, NAMINGS[naming])
        if match.beside:
            match.conversions.append(f"{quote_names(match.beside)} beside the network left out")
        take_classes(match)
        leave_out_heads(match, NAMINGS[naming])
        shapes = network_shapes(match.architecture)
        match.wrong += [
            name for name, shape in shapes.items()
            if name in match.found and not fits_shape(name, match.found[name], shape)
        ]  # fmt: skip
        yield match


def _take(match: Match, wanted: dict[str, str], tensors: dict[str, Any]) -> None:
    """Sort a file's names into those that the network has, those that it lacks, and those beside the network."""
    bookkeeping: list[str] = []
    heads: set[str] = set()
    has_heads = any(node.op == "auxiliary" for _, node in walk(match.architecture))
    for key, value in tensors.items():
        name = key.removeprefix(match.prefix)
        if not key.startswith(match.prefix):
            (bookkeeping if _BOOKKEEPING.search(key) else match.beside).append(key)
        elif name in wanted:
            match.found[wanted[name]] = value
        elif _BOOKKEEPING.search(key):
            bookkeeping.append(key)
        elif match.naming and not has_heads and (head := _HEAD.match(name)):
            heads.add(head[1])
        else:
            match.unexpected.append(key)
    missing = [name for name in wanted.values() if name not in match.found]
    match.missing = [name for name in missing if not name.endswith(COUNTER)]
    match.without_counters = len(match.missing) < len(missing)
    if heads:
        match.conversions.append(f"{quote_names(sorted(heads))} left out: this network has no auxiliary heads")
    if bookkeeping:
        match.conversions.append(f"{quote_names(bookkeeping)} left out, since it is no weight")
