"""The drawing of receptive fields (assets/field.js), as the pages mount it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .components import mount

Place = tuple[int, int]
"""Row and column of a unit, or of a pixel."""


def mount_field(
    key: str,
    frames: list[dict[str, Any]],
    layers: Iterable[str],
    *,
    place: Callable[[int, Place], None],
    move: Callable[[int, Place], None],
) -> None:
    """Mount the drawing.

    Args:
        key: Of the element, unique on its page.
        frames: What ``figures.draw_field`` or ``draw_projection`` gave, each with ``title``, ``note``, ``src`` and
            ``pixelated``.
        layers: What is drawn: 'touched', 'box', 'branches', 'paths', 'effective'.
        place: Takes the number of a frame, and the unit or pixel that was chosen on it.
        move: Takes the number of a frame, and the step (down, across) of an arrow key.
    """

    def hand_on(name: str, take: Callable[[int, Place], None]) -> Callable[[object], None]:
        def handle(value: object) -> None:
            found = _read(value, name, len(frames))
            if found is not None:
                take(*found)

        return handle

    data = {"frames": frames, "show": [*layers]}
    mount("field", key, data, place=hand_on("at", place), move=hand_on("by", move))


def _read(value: object, name: str, count: int) -> tuple[int, Place] | None:
    """Number of the frame, and two whole numbers; None for what our script does not send."""
    if not isinstance(value, dict) or value.get("frame") not in range(count):
        return None
    pair = value.get(name)
    if not isinstance(pair, list) or len(pair) != 2 or any(type(each) is not int for each in pair):
        return None
    return int(value["frame"]), (pair[0], pair[1])
