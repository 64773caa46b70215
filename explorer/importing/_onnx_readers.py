"""What each of ONNX's operators is here: one function an operator.

The operators: https://onnx.ai/onnx/operators, in their versions from 11 on; where a later one moved a setting to an
input, both are read.
"""

from __future__ import annotations

from collections.abc import Mapping

from ._onnx import OnnxReader, OnnxReading, Read
from ._onnx_constants import CONSTANTS
from ._onnx_file import OnnxFile
from ._onnx_forms import FORMS
from ._onnx_joins import JOINS
from ._onnx_layers import LAYERS
from ._onnx_norms import NORMS, find_local_response_norm

READERS: Mapping[str, Read] = {**LAYERS, **NORMS, **JOINS, **FORMS, **CONSTANTS}
"""For each operator the function that reads it: ``read(reader, node)`` → its results."""


def read_graph(file: OnnxFile, input_shape: tuple[int, int, int] | None, name: str) -> OnnxReading:
    """Read the operators of a file.

    Args:
        file: Its content.
        input_shape: Channels, height and width of an image, where the file leaves them free.
        name: Of the graph.

    Returns:
        The graph and what is known beside it.

    Raises:
        ImportingError: The file is damaged, or its images have another size.
    """
    return OnnxReader(file, input_shape, READERS, find_local_response_norm).read(name)
