"""The question about all layers."""

from __future__ import annotations

from ...architecture import Architecture
from .._analyze import analyze
from .._readings import Analysis
from .._walk import PIXEL
from ._graph import Graph, find_place
from ._patterns import lay_out_patterns
from ._supports import EXACT, LayerSupport


def find_layer_supports(
    architecture: Architecture, input_shape: tuple[int, int, int] | None = None, *, analysis: Analysis | None = None
) -> dict[str, LayerSupport]:
    """Find what one unit of each layer depends on, holes included and borders left aside, in one pass.

    Behind branches of unequal stride no one pattern holds for all units; ``find_unit_support`` answers there.

    Args:
        architecture: The network.
        input_shape: (channels, height, width) in place of the architecture's own.
        analysis: The network's analysis for this shape, where there is one already.

    Returns:
        The support of each layer by path, in execution order.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
    """
    return lay_out_patterns(architecture, analysis or analyze(architecture, input_shape))


def find_layer_support(
    architecture: Architecture, path: str, input_shape: tuple[int, int, int] | None = None
) -> LayerSupport:
    """Find what one unit of a node depends on, borders left aside: of sequences and heads too, which have no layer.

    Args:
        architecture: The network.
        path: Of a node.
        input_shape: (channels, height, width) in place of the architecture's own.

    Returns:
        The support of the layer whose output is the node's; of one that only passes the image on, that pixel.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
        ValueError: There is no such node.
    """
    found = analyze(architecture, input_shape)
    graph = Graph(architecture, found)
    place = find_place(graph, path)
    maker = graph.maps[place].path
    if place == 0:
        return LayerSupport(path, PIXEL, EXACT, ((1, 1),))
    return lay_out_patterns(architecture, found)[maker]._replace(path=path)
