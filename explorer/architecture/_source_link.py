"""Where Python source holds the link to its design: in a constant at the end, which is found without running anything.

Sources of earlier versions, which people have kept, hold it in the last paragraph of their docstring.
"""

from __future__ import annotations

import re
import textwrap

from ._architecture import Architecture
from ._link import PREFIX, encode

NAME = "DESIGN_LINK"
"""Of the constant."""
_CONSTANT = re.compile(rf'^{NAME} = """([^"]*)"""', re.MULTILINE)
_DOCSTRING = re.compile(r'\A"""(.*?)"""', re.DOTALL)


def write_source_link(architecture: Architecture, width: int) -> str:
    """Write the statement that ends a source.

    Args:
        architecture: The design of the source.
        width: Of a line, letters.

    Returns:
        Lines of Python.

    Raises:
        ArchitectureError: The design does not fit into a link.
    """
    lines = textwrap.wrap(encode(architecture), width, break_on_hyphens=False)
    return "\n".join(["# The design, from which Inception Explorer opens this file.", f'{NAME} = """', *lines, '"""'])


def find_source_link(source: str) -> str | None:
    """Find the link to the design of a source: that of the last constant of this name, else that of its docstring.

    Args:
        source: Python, perhaps changed by hand since it was written; or any other text.

    Returns:
        The text of the link, not yet checked; None: there is none.
    """
    constants, docstring = _CONSTANT.findall(source), _DOCSTRING.match(source)
    paragraphs = re.split(r"\n\s*\n", docstring[1].strip()) if docstring else []
    for place in (constants, paragraphs):
        link = "".join(place[-1].split()) if place else ""
        if link.startswith(PREFIX):
            return link
    return None
