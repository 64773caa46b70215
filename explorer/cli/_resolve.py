"""What a person may type as ARCH."""

from __future__ import annotations

import argparse
import os
import re
import urllib.parse

from .. import catalog
from ..architecture import LINK_PREFIX, MAX_TEXT_BYTES, Architecture, ArchitectureError, edit, from_json, from_link
from ..text import quote
from ._text import PATH_SHOWN, one_line

ARCH = "name or alias of the catalogue, path of a JSON file ('-' for standard input), or a link"


def resolve(text: str, *, files: bool = False) -> Architecture:
    """The architecture that a text names: a catalogue name or alias, a link, or (with ``files``) a path of a JSON file.

    A link is the bare text of ``architecture.to_link`` or a URL whose ``net`` parameter is such a text or a catalogue
    name; nothing is fetched. With ``files``, '-' is standard input. Leave ``files`` off for text from a stranger: it
    must not open files of this computer. Raises ValueError in one sentence, ArchitectureError where a link could be
    read and what it holds is not an architecture.
    """
    text = text.strip()
    if not text:
        raise ValueError("the name of the architecture is empty; see `python -m explorer list`")
    if "://" in text or re.search(r"[?&]net=", text):
        return _from_url(text)
    if text in catalog.names() or text in catalog.ALIASES:
        return catalog.get(text)
    if files and (text == "-" or os.path.exists(text)):
        return _from_file(text)
    if text.startswith(LINK_PREFIX):
        return from_link(text)
    if files and (text.endswith(".json") or os.sep in text):
        raise ValueError(
            f"there is no file {quote(text, PATH_SHOWN)}; give a JSON file, a link or a name of the catalogue"
        )
    return catalog.get(text)


def _from_url(url: str) -> Architecture:
    try:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query, max_num_fields=100)
    except ValueError:
        query = {}
    values = query.get("net", [])
    if len(values) != 1:
        found = "no `net=`" if not values else f"{len(values)} times `net=`"
        raise ValueError(f"the link {quote(url)} has {found}; copy the address of a page that shows one network")
    return from_link(values[0]) if values[0].startswith(LINK_PREFIX) else catalog.get(values[0])


def _from_file(name: str) -> Architecture:
    """The architecture in a file as ``export`` writes it, JSON or link.

    Never more than the allowed bytes are read, so an endless file is harmless.
    """
    label = "standard input" if name == "-" else quote(name, PATH_SHOWN)
    try:
        with open(0 if name == "-" else name, "rb", closefd=name != "-") as file:
            text = file.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot read {label}: {error.strerror or error}; give the path of a JSON file") from None
    if len(text) > MAX_TEXT_BYTES:
        raise ValueError(f"{label} is too large to be an architecture; at most {MAX_TEXT_BYTES:,} bytes are allowed")
    try:
        if text.startswith(LINK_PREFIX.encode()):
            return from_link(text.decode("ascii", "replace").strip())
        return from_json(text)
    except ArchitectureError as error:
        raise ValueError(f"{label}: {one_line(error)}") from None


def input_shape(text: str | None) -> tuple[int, int, int] | None:
    """(channels, height, width) of text such as 3x224x224."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6})[x×]([0-9]{1,6})[x×]([0-9]{1,6})", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"--input {quote(text)} must be CHANNELSxHEIGHTxWIDTH, such as 3x224x224")
    c, h, w = map(int, match.groups())
    return c, h, w


def architecture(args: argparse.Namespace) -> Architecture:
    architecture = resolve(args.arch, files=True)
    shape = input_shape(args.input)
    return architecture if shape is None else edit.replace(architecture, "", input_shape=shape)
