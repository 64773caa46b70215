"""The catalogue's networks as cases of a test: a few that have everything among them in `make test`, all otherwise."""

from collections.abc import Iterator
from typing import Any

import pytest

from explorer import catalog
from explorer.architecture import Architecture, NodeBase, walk
from tests.sizes import THOROUGH

SIZES = ("out_channels", "out_features", "start", "stop", "p")
"""Fields whose numbers are different in every network and lead nowhere else."""

MANY_NODES = 100


def features(made: Architecture | NodeBase) -> set[tuple[Any, ...]]:
    """What a network or a node is made of: kinds of nodes, each with every choice that it makes otherwise than by
    default."""
    found: set[tuple[Any, ...]] = set()
    for node in ([made] if isinstance(made, NodeBase) else []) + [node for _, node in walk(made)]:
        found.add((node.op,))
        for name, field in type(node).model_fields.items():
            value = getattr(node, name)
            if name in ("name", "op", "nodes", "branches", "body", "projection", *SIZES) or value == field.default:
                continue
            found.add((node.op, name, value if isinstance(value, str | bool) else type(value).__name__))
    return found


def representatives() -> tuple[str, ...]:
    """Networks that have every feature of the catalogue among them, small ones before large ones."""
    networks = {name: catalog.get(name) for name in catalog.names()}
    has = {name: features(network) for name, network in networks.items()}
    cost = {name: sum(1 for _ in walk(network)) for name, network in networks.items()}
    missing, chosen = set.union(*has.values()), list[str]()
    while missing:
        chosen.append(max(networks, key=lambda name: (len(has[name] & missing) / cost[name], name)))
        missing -= has[chosen[-1]]
    # What an earlier one has and later ones have together is not needed twice.
    for name in sorted(chosen, key=lambda name: -cost[name]):
        others = [each for each in chosen if each != name]
        if has[name] <= set.union(*(has[each] for each in others)):
            chosen.remove(name)
    return tuple(name for name in networks if name in chosen)


def nodes_with_something_new() -> Iterator[tuple[str, str]]:
    """(network, path) of the representatives: nodes of the trunk that have something which none before them has.

    Of one with very many nodes below it, a block that has all that is new.
    """
    known: set[tuple[Any, ...]] = set()
    for name in REPRESENTATIVES:
        for node in catalog.get(name).trunk.nodes:
            new = features(node) - known
            known |= new
            path = node.name
            while new and sum(1 for _ in walk(node)) > MANY_NODES:
                block = next((child for child in node.nodes if new <= features(child)), None)
                if block is None:
                    break
                node, path = block, f"{path}/{block.name}"
            if new:
                yield name, path


REPRESENTATIVES = representatives()
EACH_NETWORK = [
    pytest.param(name, id=name, marks=[] if name in REPRESENTATIVES else THOROUGH) for name in catalog.names()
]
"""For ``@pytest.mark.parametrize("name", EACH_NETWORK)``."""
