"""The design that the source of a module names, where this program wrote the source."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .. import architecture as arch
from .. import catalog

if TYPE_CHECKING:
    from torch import nn


def find_written_design(module: nn.Module) -> arch.Architecture | None:
    """Find the design that the docstring of a module's source links.

    Args:
        module: Of a class that stands in a file as ``export --format pytorch`` writes it, perhaps changed since.

    Returns:
        The design; None: there is no such link. Whether the module still is that network is not looked at.
    """
    told = getattr(sys.modules.get(type(module).__module__), "__doc__", None)
    if not told or arch.LINK_PREFIX not in told:
        return None
    try:
        return catalog.read_file(f'"""{told}"""'.encode())
    except arch.ArchitectureError:
        return None
