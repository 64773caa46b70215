"""Growth of the receptive field, and the distribution of costs: data for the chart component, a treemap for Plotly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..analysis import Analysis, Layer
from ..architecture import Architecture, edit
from ..text import escape_html, format_count, format_percent, format_si
from ._colours import KINDS, Kind, kind_of, kind_of_branch
from ._kinds import short_name

if TYPE_CHECKING:
    import plotly.graph_objects as go


def _column_layers(architecture: Architecture, analysis: Analysis) -> list[tuple[str, Any, tuple[Layer, ...]]]:
    """The columns with paths and layers, auxiliary heads left out."""
    found = [
        (path, node, analysis.below(path))
        for path, node in edit.columns(architecture).items()
        if node.op != "auxiliary"
    ]
    return [(path, node, layers) for path, node, layers in found if layers]


def trace_growth(architecture: Architecture, analysis: Analysis) -> dict[str, Any]:
    """Follow the longest and shortest path's receptive field along the trunk.

    It ends where global pooling or flattening makes the field the whole input.

    Args:
        architecture: The network.
        analysis: Its analysis, from ``analyze``.

    Returns:
        ``points``, one for the input and one after each node of the trunk, with ``longest`` and ``shortest`` in pixels
        along the larger axis; ``input``, the input's larger side in pixels.

    Source: Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
    """
    points = [{"path": "", "label": "input", "longest": 1, "shortest": 1}]
    for path, node, layers in _column_layers(architecture, analysis):
        field = layers[-1].receptive_field
        if node.op in ("global_pool", "flatten", "linear"):
            break
        fields = {"longest": max(field.size), "shortest": max(field.min_size)}
        points.append({"path": path, "label": short_name(node.name), **fields})
    return {"points": points, "input": max(analysis.input_shape[1:])}


def split_costs(architecture: Architecture, analysis: Analysis, metric: str = "macs") -> list[dict[str, Any]]:
    """Split the cost of each node of the trunk by branch; nodes that cost nothing are left out.

    Args:
        architecture: The network.
        analysis: Its analysis, from ``analyze``.
        metric: ``macs`` or ``params``, in the product's own convention.

    Returns:
        One bar for each node: ``path``, ``label``, ``total``, ``text`` and ``parts`` (name, value, text, kind).

    Raises:
        ValueError: ``metric`` is another one.
    """
    if metric not in ("macs", "params"):
        raise ValueError(f"metric (={metric!r}) must be 'macs' or 'params'")
    whole = getattr(analysis, metric)
    bars = []
    for path, node, layers in _column_layers(architecture, analysis):
        total = sum(getattr(layer, metric) for layer in layers)
        if not total:
            continue
        groups: dict[str, int] = {}
        branches = {branch.name: branch for branch in node.nodes}
        for layer in layers:
            rest = layer.path[len(path) + 1 :]
            groups[rest.partition("/")[0]] = groups.get(rest.partition("/")[0], 0) + getattr(layer, metric)
        bars.append(
            {
                "path": path,
                "label": short_name(node.name),
                "total": total,
                "text": f"{format_si(total)} · {format_percent(total, whole)}",
                "parts": [
                    {
                        "name": name or node.name,
                        "value": value,
                        "text": f"{format_count(value)} · {format_percent(value, total)} of {node.name}",
                        "kind": kind_of_branch(branches[name]) if name in branches else kind_of(node),
                    }
                    for name, value in groups.items()
                    if value
                ],
            }
        )
    return bars


_CONTAINER = Kind("block", "#e3e7ec", "#2a323d")


def draw_treemap(architecture: Architecture, analysis: Analysis, metric: str = "macs", dark: bool = False) -> go.Figure:
    """Draw blocks, branches and layers as nested rectangles, areas proportional to their cost in inference.

    Args:
        architecture: The network.
        analysis: Its analysis, from ``analyze``.
        metric: ``macs`` or ``params``.
        dark: Whether it stands on a dark background.

    Returns:
        A Plotly figure of one treemap.

    Source: Johnson & Shneiderman, "Tree-Maps", IEEE Visualization 1991.
    """
    import plotly.graph_objects as go

    from ..architecture import walk

    name = escape_html(architecture.name, quotes=False)  # Plotly reads a small HTML in labels
    ids, labels, parents, values, colours, texts = [""], [name], [""], [0], [""], [""]
    values[0] = sum(getattr(layer, metric) for layer in analysis.layers if not layer.training_only)
    ids[0] = "network"
    texts[0] = format_count(values[0])
    colours[0] = "rgba(0,0,0,0)"
    for path, node in walk(architecture):
        layers = [layer for layer in analysis.below(path) if not layer.training_only]
        total = sum(getattr(layer, metric) for layer in layers)
        if not total:
            continue
        # Colour means an operation: a branch and a layer have one, a block of several branches has none.
        if edit.block_parallel(node, path) is not None:
            inner = _CONTAINER
        else:
            inner = KINDS[kind_of_branch(node) if node.nodes else kind_of(node)]
        ids.append(path)
        labels.append(escape_html(node.name, quotes=False))
        parents.append(path.rpartition("/")[0] or "network")
        values.append(total)
        colours.append(inner.dark if dark else inner.light)
        texts.append(f"{format_count(total)} · {format_percent(total, values[0])}")
    unit = {"macs": "MACs", "params": "parameters"}[metric]
    figure = go.Figure(
        go.Treemap(
            ids=ids,
            labels=labels,
            parents=parents,
            values=values,
            text=texts,
            branchvalues="total",
            marker={"colors": colours, "cornerradius": 4},
            hovertemplate=f"%{{id}}<br>%{{text}} {unit}<extra></extra>",
            maxdepth=3,
            tiling={"pad": 2},
        )
    )
    # A tile too small for letters of ten pixels has none: the pointer reads it.
    text = {"minsize": 10, "mode": "hide"}
    figure.update_layout(margin={"l": 0, "r": 0, "t": 8, "b": 0}, height=420, uniformtext=text)
    return figure

