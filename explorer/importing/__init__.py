"""Models of other programs → Architecture, with their weights."""

from ._find import find_architecture
from ._from_file import NETWORK_FILES, from_file
from ._from_module import from_module, from_name, read_design
from ._from_onnx import from_onnx, from_onnx_path
from ._graph import KINDS, Graph, Operation
from ._import import AGREEMENT, Import, from_graph
from ._libraries import LIBRARIES, count_parameters, list_names, names_library
from ._onnx_file import MAX_ONNX_BYTES, list_files_beside
from ._onnx_seal import SEAL_KEY, seal
from ._problem import FreeSizeError, ImportingError, Obstacle

__all__ = [
    "AGREEMENT",
    "KINDS",
    "LIBRARIES",
    "MAX_ONNX_BYTES",
    "NETWORK_FILES",
    "SEAL_KEY",
    "FreeSizeError",
    "Graph",
    "Import",
    "ImportingError",
    "Obstacle",
    "Operation",
    "count_parameters",
    "find_architecture",
    "from_file",
    "from_graph",
    "from_module",
    "from_name",
    "from_onnx",
    "from_onnx_path",
    "list_files_beside",
    "list_names",
    "names_library",
    "read_design",
    "seal",
]
