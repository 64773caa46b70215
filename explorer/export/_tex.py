"""Text for TeX: every character that it reads as a command, and every sign that pdfTeX's fonts have elsewhere."""

from __future__ import annotations

import re

from ._letters import name_unknown, spell_out

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "×": r"\texttimes{}", "·": r"\textperiodcentered{}",
    "−": r"\textminus{}", "–": r"\textendash{}", "—": r"\textemdash{}", "…": r"\ldots{}", "’": r"\textquoteright{}",
    "→": r"\textrightarrow{}", "²": r"\texttwosuperior{}",
}  # fmt: skip
PLAIN = frozenset(" !()*+,-./:;=?@[]0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def _is_known(letter: str) -> bool:
    """Whether pdfTeX has it in the encoding T1: ASCII, the signs above, and the letters of western Europe."""
    return letter in PLAIN or letter in _ESCAPES or ("\u00c0" <= letter <= "\u00ff" and letter not in "÷")


def escape_tex(text: str) -> str:
    """Escape a text for LaTeX, which then shows exactly its characters; the packages textcomp and fontenc are needed.

    Args:
        text: Any text.

    Returns:
        One line of LaTeX without commands other than those of letters and signs; what pdfTeX has no letter for is
        spelled out, as U+4E2D.
    """
    found = "".join(_ESCAPES.get(each, each) for each in spell_out(text, _is_known))
    return re.sub(r"([-,])(?=\1)", r"\1{}", found)  # two of them would make another sign


def note_letters(texts: list[str]) -> tuple[str, ...]:
    """Say which letters of these were spelled out; no sentence where there are none."""
    return name_unknown(texts, _is_known, "pdfLaTeX")


def comment_tex(text: str) -> str:
    """A text as one line of a comment: nothing in it ends the line."""
    return "% " + "".join(each if each.isprintable() and each.isascii() else escape_tex(each) for each in text)
