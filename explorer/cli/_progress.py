"""Progress bars with the time left, on stderr, where a person looks; silence where none does."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Literal, NoReturn

_WIDTH, _ROWS = 80, 24
Unit = Literal["images", "values", "bytes", "steps", "epochs"]
_RESUMED: tuple[Unit, ...] = ("steps", "epochs")
"""Of these some may have been done before anybody looked: the speed is that of the rest."""


@contextlib.contextmanager
def show_progress(unit: Unit) -> Iterator[Callable[..., None]]:
    """Show a bar while something long is done.

    Args:
        unit: What is counted.

    Yields:
        What hears (done, in all) and, where there is more to tell, a text.
    """
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from tqdm import tqdm  # some ten milliseconds, for which nobody waits who does not look

    # Some terminals do not know how large they are, and tqdm then shows nothing.
    columns = os.get_terminal_size(sys.stderr.fileno()).columns or _WIDTH
    bars: list[tqdm[NoReturn]] = []

    def tell(done: int, total: int, text: str = "") -> None:
        if not bars:  # what turns out to be done already shows none
            bars.append(tqdm(
                unit="B" if unit == "bytes" else f" {unit}", unit_scale=unit == "bytes", ncols=columns, nrows=_ROWS,
                file=sys.stderr, smoothing=0.1, total=total, initial=done if unit in _RESUMED else 0,
            ))  # fmt: skip
        (bar,) = bars
        bar.total = total
        if text:
            bar.set_description_str(text, refresh=False)
        bar.update(done - bar.n)

    try:
        yield tell
    finally:
        for bar in bars:
            bar.close()
