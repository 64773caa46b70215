"""Inception Explorer: an architecture is a value, and everything shown is a pure reading of it.

``explorer.architecture`` holds the value, ``explorer.catalog`` named architectures, ``explorer.analysis`` cost and
geometry in pure Python; ``explorer.modules`` needs torch and is imported only on demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def show(model: Any, input_shape: Sequence[int] | None = None, *, path: str = "") -> Any:
    """Draw a network with its numbers in a notebook, as ``explorer.export.show`` does.

    Args:
        model: An ``Architecture``, or any ``torch.nn.Module``.
        input_shape: (channels, height, width) of an image, where it is another than the model tells.
        path: A block to be drawn alone; '' for the whole network.

    Returns:
        The diagram, an ``explorer.export.Diagram``, which a notebook draws.
    """
    return import_module(f"{__name__}.export").show(model, input_shape, path=path)


def load_ipython_extension(ipython: Any) -> None:
    """Draw every ``Architecture`` that ends a cell: what ``%load_ext explorer`` does.

    Args:
        ipython: The shell.
    """
    html = ipython.display_formatter.formatters["text/html"]
    html.for_type_by_name(
        "explorer.architecture._architecture", "Architecture", lambda network: show(network)._repr_html_()
    )
