"""The walks over a graph, backward from one map to an earlier one and forth, for whatever is carried along."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TypeVar

from ._graph import Graph, Reading
from ._supports import Size

State = TypeVar("State")
Carry = Callable[[State, Reading, Size, Size], State]
"""What comes of a state between two maps: (state, how the later reads the earlier, its size, the earlier's size)."""
Join = Callable[[list[State], Size], State]
"""What comes of the states that meet at a map of a size."""


class UnansweredError(Exception):
    """There is no answer; the text says why, for the status."""


def check_known(graph: Graph, place: int) -> None:
    """Check that it is known how a map reads.

    Raises:
        UnansweredError: It is not.
    """
    if place in graph.reasons:
        raise UnansweredError(graph.reasons[place])


def walk_back(
    graph: Graph, states: dict[int, list[State]], source: int, pull: Carry[State], join: Join[State]
) -> State | None:
    """Carry states from later maps back to an earlier one, each map being passed once.

    Args:
        graph: The network.
        states: Those that there are to begin with, by the place of their map.
        source: Place of the map on which the answer lies.
        pull: From a map to one that it reads.
        join: Those that meet at one map.

    Returns:
        What arrives; None if no path leads there.

    Raises:
        UnansweredError: It is not known how a map on the way reads.
    """
    maps, sizes = graph.maps, graph.sizes
    behind = _list_behind(graph, source, max(states))
    for place in range(max(states), source, -1):
        met = states.pop(place, None)
        if met is None:
            continue
        if place in graph.reasons:
            raise UnansweredError(graph.reasons[place])
        state = met[0] if len(met) == 1 else join(met, sizes[place])
        for earlier, reading in maps[place].sources:
            if earlier in behind:
                pulled = state if reading is None else pull(state, reading, sizes[place], sizes[earlier])
                states.setdefault(earlier, []).append(pulled)
    return join(states[source], sizes[source]) if source in states else None


def _list_behind(graph: Graph, source: int, last: int) -> Container[int]:
    """The places from ``source`` to ``last`` that depend on it: what stands beside it says nothing of a way to it."""
    if not source:
        return range(last + 1)  # all depend on the image
    found = {source}
    for place in range(source + 1, last + 1):
        if any(earlier in found for earlier, _ in graph.maps[place].sources):
            found.add(place)
    return found


def walk_forth(
    graph: Graph, state: State, source: int, target: int, push: Carry[State], join: Join[State]
) -> State | None:
    """Carry a state from one map to a later one, along the paths that lead there.

    Args:
        graph: The network.
        state: At the map ``source``.
        source: Place of the earlier map.
        target: Place of the later map.
        push: From a map to one that reads it.
        join: Those that meet at one map.

    Returns:
        What arrives; None if no path leads there.

    Raises:
        UnansweredError: It is not known how a map on the way reads.
    """
    maps, sizes = graph.maps, graph.sizes
    needed = {target}
    for place in range(target, source, -1):
        if place in needed:
            needed.update(earlier for earlier, _ in maps[place].sources)
    states = {source: state}
    for place in range(source + 1, target + 1):
        if place not in needed:
            continue
        met = []
        for earlier, reading in maps[place].sources:
            if earlier in states:
                check_known(graph, place)
                arrived = states[earlier]
                met.append(arrived if reading is None else push(arrived, reading, sizes[place], sizes[earlier]))
        if met:
            states[place] = join(met, sizes[place])
    return states.get(target)
