"""The share link's text: compressed JSON in URL-safe letters, opened with bounded memory."""

from __future__ import annotations

import base64
import binascii
import re
import zlib

from . import _limits as limits
from ._architecture import Architecture
from ._json import from_json, to_json
from ._problems import ArchitectureError, Problem

PREFIX = "1."
"""Version of the link form; no catalogue name contains a dot, so the two are never confused."""

_LETTERS = re.compile(r"[A-Za-z0-9_-]*")


def encode(architecture: Architecture) -> str:
    """Write an architecture as text for an address: compressed JSON in URL-safe letters.

    Args:
        architecture: Any architecture.

    Returns:
        ``1.<letters>``, at most 8 KB.

    Raises:
        ArchitectureError: It does not fit, which takes a network of several hundred different layers.
    """
    packed = zlib.compress(to_json(architecture, indent=None).encode(), 9)
    text = PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")
    if len(text) > limits.MAX_LINK_CHARS:
        raise _refuse(
            f"the link would have {len(text):,} characters; {limits.MAX_LINK_CHARS:,} fit. Download the JSON instead"
        )
    return text


def decode(text: str) -> Architecture:
    """Read the architecture in a link's text; never more than ``MAX_LINK_BYTES`` are unpacked.

    Args:
        text: What ``to_link`` wrote, in this version or an older one.

    Returns:
        The architecture, validated.

    Raises:
        ArchitectureError: Anything that ``to_link`` did not make.
    """
    if len(text) > limits.MAX_LINK_CHARS:
        raise _refuse(f"the link has {len(text):,} characters; at most {limits.MAX_LINK_CHARS:,} are allowed")
    if not text.startswith(PREFIX):
        raise _refuse(f"the link does not begin with '{PREFIX}', so it was not made by this version of the program")
    body = text[len(PREFIX) :]
    if not _LETTERS.fullmatch(body):
        raise _refuse("the link contains characters that a link never has; it was probably cut or altered")
    try:
        packed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        inflater = zlib.decompressobj()
        # One byte more than allowed is enough to know that it is too much: a bomb is never unpacked.
        data = inflater.decompress(packed, limits.MAX_LINK_BYTES + 1)
    except (zlib.error, binascii.Error, ValueError):
        raise _refuse("the link is damaged; copy it again as a whole") from None
    if len(data) > limits.MAX_LINK_BYTES:
        raise _refuse(f"the link unpacks to more than {limits.MAX_LINK_BYTES:,} bytes")
    if not inflater.eof or inflater.unused_data:
        raise _refuse("the link is incomplete; copy it again as a whole")
    return from_json(data)


def _refuse(message: str) -> ArchitectureError:
    return ArchitectureError([Problem(path="", message=message)])
