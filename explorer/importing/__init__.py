"""Models of other programs → Architecture, with their weights."""

from ._find import find_architecture
from ._graph import KINDS, Graph, Operation
from ._import import AGREEMENT, Import, from_graph, from_module, from_name, read_design
from ._libraries import LIBRARIES, list_names, names_library
from ._problem import ImportingError, Obstacle

__all__ = [
    "AGREEMENT",
    "KINDS",
    "LIBRARIES",
    "Graph",
    "Import",
    "ImportingError",
    "Obstacle",
    "Operation",
    "find_architecture",
    "from_graph",
    "from_module",
    "from_name",
    "list_names",
    "names_library",
    "read_design",
]
