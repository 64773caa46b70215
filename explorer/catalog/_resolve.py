"""What a text means: a name of the catalogue, a link, or a file."""

from __future__ import annotations

import os
import re
import urllib.parse

from ..architecture import (
    LINK_PREFIX,
    MAX_TEXT_BYTES,
    Architecture,
    ArchitectureError,
    Problem,
    find_source_link,
    from_json,
    from_link,
)
from ..text import quote, quote_path
from ._registry import ALIASES, get, names

_DOCSTRING = b'"""'


def resolve(text: str, *, files: bool = False) -> Architecture:
    """Find the architecture that a text names.

    Args:
        text: A name or alias of the catalogue; a link, bare as ``architecture.to_link`` writes it or a URL whose
            ``net`` parameter is such a text or a name (nothing is fetched); with ``files`` the path of a file as
            ``read_file`` takes it, or '-' for standard input.
        files: Whether files may be opened. Leave it off for text from a stranger.

    Returns:
        The architecture, validated; ``analysis.problems`` finds whether its layers fit together.

    Raises:
        ArchitectureError: The link could be read, and what it holds is not an architecture.
        ValueError: Anything else that is wrong with the text, in one sentence.
    """
    text = text.strip()
    if not text:
        raise ValueError("the name of the architecture is empty; see `python -m explorer list`")
    net = find_net(text)
    if net != text:
        return from_link(net) if net.startswith(LINK_PREFIX) else get(net)
    if text in names() or text in ALIASES:
        return get(text)
    if files and (text == "-" or os.path.exists(text)):
        return _from_file(text)
    if text.startswith(LINK_PREFIX):
        return from_link(_join(text))
    if files and (text.endswith(".json") or os.sep in text):
        raise ValueError(
            f"there is no file {quote_path(text)}; give a JSON file, a link or a name of the catalogue"
        )
    return get(text)


def find_net(text: str) -> str:
    """Find what stands for the network in a text: of a URL its ``net`` parameter, else the text itself.

    Args:
        text: As ``resolve`` takes it; nothing is fetched.

    Returns:
        A name or the text of a link, not yet checked.

    Raises:
        ValueError: A URL has no ``net`` parameter, or several.
    """
    text = text.strip()
    if "://" not in text and not re.search(r"[?&]net=", text):
        return text
    try:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(text).query, max_num_fields=100)
    except ValueError:
        query = {}
    values = query.get("net", [])
    if len(values) != 1:
        found = "no `net=`" if not values else f"{len(values)} times `net=`"
        raise ValueError(f"the link {quote(text)} has {found}; copy the address of a page that shows one network")
    return values[0]


def _from_file(name: str) -> Architecture:
    """The architecture in a file as ``export`` writes it, JSON or link.

    Never more than the allowed bytes are read, so an endless file is harmless.
    """
    label = "standard input" if name == "-" else quote_path(name)
    try:
        with open(0 if name == "-" else name, "rb", closefd=name != "-") as file:
            text = file.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot read {label}: {error.strerror or error}; give the path of a JSON file") from None
    if len(text) > MAX_TEXT_BYTES:
        raise ValueError(f"{label} is too large to be an architecture; at most {MAX_TEXT_BYTES:,} bytes are allowed")
    try:
        return read_file(text)
    except ArchitectureError as error:
        raise ValueError(f"{label}: {error.describe()}") from None


def read_file(data: bytes) -> Architecture:
    """Read a design from a file's bytes.

    Args:
        data: JSON; a link; or PyTorch source as ``explorer.export`` writes it, of which nothing but the link is read
            (``architecture.find_source_link``).

    Returns:
        The architecture, validated.

    Raises:
        ArchitectureError: It is none of them.
    """
    link = find_source_link(data.decode("utf-8", "replace"))
    if link:
        return from_link(link)
    if data.startswith(_DOCSTRING):
        message = "the source has no link to a design; open what Inception Explorer wrote, or JSON"
        raise ArchitectureError([Problem(path="", message=message)])
    if data.startswith(LINK_PREFIX.encode()):
        return from_link(_join(data.decode("ascii", "replace")))
    return from_json(data)


def _join(text: str) -> str:
    """A link without the ends of the lines over which it was written."""
    return "".join(text.split())
