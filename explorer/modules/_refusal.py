"""Why a file's weights are not a network's: whose they are, or what is missing, too many, or of another form."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from typing import Any

from .. import catalog
from ..analysis import analyze
from ..architecture import Architecture
from ..text import compact_shape, shorten
from ._match import Match, network_shapes, quote_names
from ._matching import find_matches, find_state_dicts
from ._stored import Opaque, StoredTensor, StoredWeights
from ._torchvision import NAMINGS

_FAMILIES = (
    (r"layer[1-4]\.\d+\.conv\d\.weight", "a ResNet"),
    (r"features\.denseblock\d\.", "a DenseNet"),
    (r"features\.\d+\.conv\.\d", "a MobileNet"),
    (r"(features\.\d+\.\d+\.block\.|_?blocks\.\d+\.(\d+\.)?_?(conv_pw|expand_conv))", "an EfficientNet or its kin"),
    (r"features\.\d+\.weight", "a VGG or AlexNet"),
    (r"(patch_embed|conv_proj|attn\.qkv|self_attention)\.", "a vision transformer"),
    (r"(repeat(_\d)?\.\d+\.branch\d|mixed_7a\.branch\d)", "an Inception-ResNet"),
    (r"features\.\d+\.branch\d\.", "an Inception v4"),
    (r"(self_attn|attention)\.", "a transformer"),
)
"""Families of which the catalogue has some members or none, by a name that their weights have."""


def explain_refusal(architecture: Architecture, stored: StoredWeights, matches: list[Match]) -> str:
    """One sentence: why no reading of a file fits a network, and what to do."""
    name = stored.name
    if not any(True for _ in find_state_dicts(stored.content)):
        return f"{name} {_describe_content(stored.content)}"
    owners = [name for name in catalog.names() if _fits(catalog.get(name), stored)]
    if owners:
        what = " or ".join(map(repr, owners[:3]))
        return (
            f"{name} holds the weights of {what} of the catalogue, not of {shorten(architecture.name)!r}; "
            f"choose that network for them"
        )
    names = len(network_shapes(architecture))
    if not matches or 4 * matches[0].hits < names:
        _, tensors = max(find_state_dicts(stored.content), key=lambda found: len(found[1]))
        family = next((what for pattern, what in _FAMILIES if any(re.search(pattern, key) for key in tensors)), None)
        whose = f", which are those of {family}" if family else ""
        return (
            f"{name} belongs to another network than {shorten(architecture.name)!r}, and to none of the catalogue: its "
            f"weights have the names {quote_names([*tensors])}{whose}; choose the network that they were saved from"
        )
    return f"{name}{_describe_match(matches[0])}"


def _may_fit(architecture: Architecture, stored: StoredWeights) -> bool:
    """Whether half of a network's weights are as large as weights of the file, whatever their names: told quickly."""
    own = Counter(layer.weight_params for layer in analyze(architecture).layers if layer.weight_params)
    for _, tensors in find_state_dicts(stored.content):
        sizes = Counter(math.prod(each.shape) for each in tensors.values() if isinstance(each, StoredTensor))
        if 2 * (own & sizes).total() >= own.total():
            return True
    return False


def _fits(architecture: Architecture, stored: StoredWeights) -> bool:
    return _may_fit(architecture, stored) and any(match.fits for match in find_matches(architecture, stored))


def _describe_match(match: Match) -> str:
    """What is wrong with the reading that has most in common with the network; the end of a sentence."""
    naming, shapes = NAMINGS[match.naming], network_shapes(match.architecture)
    if match.wrong:
        ours = match.wrong[0]
        given, where = match.found[ours], f": {shorten(match.prefix + naming(ours), 120)!r} is"
        if isinstance(given, Opaque):
            return f"{where} not stored as plain numbers ({shorten(given.name, 120)}); save it dense and not quantised"
        return f"{where} {_times(given.shape)}, the network has {_times(shapes[ours])}"
    own = [match.prefix + naming(name) for name in shapes]
    missing = [match.prefix + naming(name) for name in match.missing]
    few = 2 * match.hits < len(own)
    whose = f"; it shares {match.hits} of {len(own)} names, so it may belong to another network" if few else ""
    if match.reason and not few:
        return f" does not fit: {match.reason}"
    return f" does not fit: {describe_names(missing, match.unexpected, own)}{whose}"


def _describe_content(content: Any) -> str:
    """What a file holds that has no tensors by name; the end of a sentence."""
    way_out = "save model.state_dict()"
    if isinstance(content, Opaque):
        return f"holds a whole Python object ({shorten(content.name, 120)}), which is never made; {way_out}"
    if isinstance(content, StoredTensor):
        return f"holds a single tensor, not weights by name; {way_out}"
    if not isinstance(content, dict):
        return f"holds a {type(content).__name__}, not weights by name; {way_out}"
    made = [(key, value) for key, value in content.items() if isinstance(value, Opaque)]
    if made:
        key, value = made[0]
        return (
            f"holds no tensors by name; its {shorten(str(key), 120)!r} is a whole Python object "
            f"({shorten(value.name, 120)}), which is never made; {way_out}"
        )
    return f"holds no tensors by name{f', but {quote_names([*map(str, content)])}' if content else ''}; {way_out}"


def describe_names(missing: list[str], unexpected: list[str], own: list[str]) -> str:
    """Which names differ, and the nearest name to one that is unknown."""
    parts = []
    if missing:
        parts.append(f"it lacks {quote_names(missing)}")
    if unexpected:
        near = difflib.get_close_matches(unexpected[0][:500], missing[:500] or own[:500], n=1, cutoff=0.5)
        nearest = f" (nearest: {near[0]!r})" if near else ""
        parts.append(f"it has {quote_names(unexpected)}, unknown to the network{nearest}")
    return "; ".join(parts)


def _times(shape: tuple[int, ...]) -> str:
    return compact_shape(shape) or "a single number"
