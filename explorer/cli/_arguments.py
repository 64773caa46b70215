"""Arguments that several verbs have: the architecture, and another shape of its input."""

from __future__ import annotations

import argparse
import os
import re
import sys

from .. import importing
from ..architecture import MAX_TEXT_BYTES, Architecture, edit
from ..text import parse_count, quote

ARCH_HELP = (
    "name or alias of the catalogue, path of a JSON file ('-' for standard input) or an ONNX file, a link, "
    "torchvision:NAME, timm:NAME"
)


def whole_number(text: str) -> int:
    """A whole number as it is typed or printed, for the options that take one."""
    try:
        return parse_count(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse_shape(text: str | None) -> tuple[int, int, int] | None:
    """(channels, height, width) of text such as 3x224x224."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6})\s*[x×]\s*([0-9]{1,6})\s*[x×]\s*([0-9]{1,6})", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"--input {quote(text)} must be CHANNELSxHEIGHTxWIDTH, such as 3x224x224")
    c, h, w = map(int, match.groups())
    return c, h, w


def parse_unit(text: str | None) -> tuple[int, int] | None:
    """(row, column) of text such as 3,4."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*([0-9]{1,6})\s*[,x×]\s*([0-9]{1,6})\s*", text)
    if match is None:
        raise ValueError(f"--unit (={quote(text)}) must be ROW,COLUMN such as 3,4, counted from 0")
    return int(match[1]), int(match[2])


def find_architecture(text: str) -> Architecture:
    """The architecture that a text names: of the catalogue, a file, a link, or a network of torchvision or timm.

    Raises ValueError in one sentence.
    """
    architecture = importing.find_architecture(text, files=True)
    if text.endswith(".py") and os.path.isfile(text):
        from ..export import tell_changes

        with open(text, "rb") as file:
            changes = tell_changes(file.read(MAX_TEXT_BYTES), architecture)
        if changes:
            print(changes, file=sys.stderr)
    return architecture


def read_architecture(args: argparse.Namespace) -> Architecture:
    """The architecture of ARCH, with the input shape of --input where one was given."""
    architecture = find_architecture(args.arch)
    shape = parse_shape(args.input)
    return architecture if shape is None else edit.replace(architecture, "", input_shape=shape)
