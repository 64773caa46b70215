"""Whether an ONNX file that this program wrote, and whose scores it proved then, is still what it wrote."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

SEAL_KEY = "explorer.seal"
"""In the file's metadata. It finds changes by other programs, not forgery, which nobody gains by."""


def seal(graph: onnx.GraphProto, design: str) -> str:
    """Compute the number that binds operators and weights to their design.

    Args:
        graph: Of the file, with its weights.
        design: JSON, as the file carries it.

    Returns:
        SHA-256 as 64 digits.
    """
    digest = hashlib.sha256(design.encode())
    digest.update(graph.SerializeToString(deterministic=True))
    return digest.hexdigest()
