"""Models of other programs → Architecture, with their weights."""

from ._graph import KINDS, Graph, Operation
from ._import import AGREEMENT, Import, from_graph, from_module, from_name
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
    "from_graph",
    "from_module",
    "from_name",
    "list_names",
    "names_library",
]
