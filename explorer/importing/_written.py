"""The design that the source of a module names, where this program wrote the source."""

from __future__ import annotations

import inspect
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from .. import architecture as arch

if TYPE_CHECKING:
    from torch import nn


def find_written_design(module: nn.Module) -> arch.Architecture | None:
    """Find the design that a module's source links.

    Args:
        module: Of a class that stands in a file as ``export --format pytorch`` writes it, perhaps changed since.

    Returns:
        The design; None: there is no such link. Whether the module still is that network is not looked at.
    """
    home = sys.modules[type(module).__module__]
    link = getattr(home, arch.SOURCE_LINK, None)  # of a notebook, too; while the file runs as a program, not yet
    if not isinstance(link, str):
        with suppress(OSError, TypeError):  # there is no file
            link = arch.find_source_link(inspect.getsource(home))
    with suppress(arch.ArchitectureError):
        return arch.from_link("".join(link.split())) if link else None
    return None
