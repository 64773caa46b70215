"""What becomes of letters that a form of a picture or table has not: they are spelled out, never dropped."""

from __future__ import annotations

from collections.abc import Callable


def spell_out(text: str, is_known: Callable[[str], bool]) -> str:
    """Write a text with the letters that there are.

    Args:
        text: Any text.
        is_known: Whether a letter can be written as it is.

    Returns:
        One line; of any other letter its number, as in U+4E2D.
    """
    return "".join(
        each if is_known(each) else " " if each.isspace() else f"U+{ord(each):04X}" for each in text
    )


def name_unknown(texts: list[str], is_known: Callable[[str], bool], form: str) -> tuple[str, ...]:
    """Say which letters were spelled out; no sentence where there are none.

    Args:
        texts: All that is written.
        is_known: Whether a letter can be written as it is.
        form: What cannot hold them, as it begins a sentence.
    """
    unknown = sorted({each for text in texts for each in text if not is_known(each) and not each.isspace()})
    shown = ", ".join(f"U+{ord(each):04X}" for each in unknown[:8])
    return (f"{form} has no letter for {shown}{' and more' * (len(unknown) > 8)}, written so.",) if unknown else ()
