"""What a visitor has set in the lessons, and how an address says it: the lesson's name and its numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from explorer.text import quote

Numbers = tuple[int, ...]
MAX_LAYERS = 4
KERNELS = (1, 7)
DILATIONS = (1, 9)
CHANNELS = (1, 256)
WINDOW_DILATIONS = (1, 6)
STRIDES = (1, 4)
PADDINGS = (0, 12)
SIZES = (5, 24)
FIELDS = (3, 15)
_TEXT = re.compile(r"([a-z]+)((?:-\d{1,4})*)", re.ASCII)


class Lesson(NamedTuple):
    """One lesson."""

    title: str
    usual: Numbers
    """Its numbers at the beginning."""
    allows: Callable[[Numbers], bool]


def within(numbers: Numbers, bounds: tuple[tuple[int, int], ...]) -> bool:
    """Whether there are as many numbers as bounds, each within its own."""
    return len(numbers) == len(bounds) and all(low <= n <= high for n, (low, high) in zip(numbers, bounds, strict=True))


def layers_of(numbers: Numbers) -> tuple[tuple[int, int], ...]:
    """(kernel, dilation) of each layer, of the numbers of a chain: channels, then two for each layer."""
    return tuple(zip(numbers[1::2], numbers[2::2], strict=False))


def _is_chain(numbers: Numbers) -> bool:
    layers = (len(numbers) - 1) // 2
    odd = all(kernel % 2 for kernel, _ in layers_of(numbers))
    return 1 <= layers <= MAX_LAYERS and odd and within(numbers, (CHANNELS, *(KERNELS, DILATIONS) * layers))


def _is_window(numbers: Numbers) -> bool:
    return within(numbers, (KERNELS, WINDOW_DILATIONS, STRIDES, PADDINGS, SIZES))


def _is_field(numbers: Numbers) -> bool:
    return within(numbers, (FIELDS, CHANNELS)) and numbers[0] % 2 == 1


LESSONS = {
    "window": Lesson("1 · One window", (3, 1, 1, 0, 5), _is_window),
    "chain": Lesson("2 · Two 3×3 see 5×5", (64, 3, 1, 3, 1), _is_chain),
    "same": Lesson(
        "3 · Fewer parameters", (7, 64), lambda found: within(found, ((3, 15), CHANNELS)) and found[0] % 2 == 1
    ),
    "dilations": Lesson("4 · Dilation and holes", (1, 2, 1), lambda found: within(found, (DILATIONS,) * 3)),
    "growth": Lesson("5 · Your network", (0, 0), lambda found: within(found, ((0, 1), (0, 1)))),
}
"""In the order of the course notes."""
FIRST = next(iter(LESSONS))


def read(text: str) -> tuple[str, Numbers]:
    """The lesson that an address asks for, with its numbers. Raises ValueError where there is none such."""
    found = _TEXT.fullmatch(text)
    if found is None or found[1] not in LESSONS:
        raise ValueError(f"There is no lesson {quote(text)} here; known: {', '.join(LESSONS)}")
    lesson = LESSONS[found[1]]
    numbers = tuple(map(int, found[2].split("-")[1:])) or lesson.usual
    if not lesson.allows(numbers):
        raise ValueError(f"The lesson {found[1]} does not have the numbers of {quote(text)}; it begins as usual")
    return found[1], numbers


def write(name: str, numbers: Numbers) -> str:
    """The text for an address; '' for the first lesson as it begins."""
    if numbers == LESSONS[name].usual:
        return "" if name == FIRST else name
    return "-".join((name, *map(str, numbers)))
