"""The layer table as plain columns."""

from __future__ import annotations

from typing import Any

from ..analysis import Analysis
from ..architecture import Architecture, walk
from ..text import format_extent, format_shape
from ._kinds import look_of


def layer_table(architecture: Architecture, analysis: Analysis) -> list[dict[str, Any]]:
    """List the layers, auxiliary heads included and marked; numbers stay numbers, so that columns sort.

    Args:
        architecture: The network.
        analysis: Its analysis, from ``analyze``.

    Returns:
        One record for each layer, in the order of execution.
    """
    nodes = dict(walk(architecture))
    macs, params = analysis.macs or 1, analysis.params or 1
    records = []
    for layer in analysis.layers:
        node = nodes[layer.path]
        geometry = getattr(node, "geometry", None)
        field = layer.receptive_field
        records.append(
            {
                "path": layer.path,
                "op": _operation(node) + (" (training only)" if layer.training_only else ""),
                "kernel": f"{geometry.kernel[0]}×{geometry.kernel[1]}" if geometry else "",
                "stride": format_extent(geometry.stride) if geometry else "",
                "dilation": format_extent(geometry.dilation) if geometry else "",
                "output": format_shape(layer.output_shape),
                "weights": layer.weight_params,
                "biases": layer.bias_params,
                "norm": layer.norm_params,
                "params": layer.params,
                "params_percent": 0.0 if layer.training_only else 100 * layer.params / params,
                "macs": layer.macs,
                "macs_percent": 0.0 if layer.training_only else 100 * layer.macs / macs,
                "training_kb": layer.training_bytes / 1000,
                "field": format_extent(field.size),
                "field_stride": format_extent(field.stride),
                "shortest": format_extent(field.min_size),
                "coverage_percent": None if (share := analysis.coverage[layer.path]) is None else 100 * share,
            }
        )
    return records


def _operation(node: Any) -> str:
    """What a row is; a block's own row is the step that joins its branches, not the sum of them."""
    if node.op == "parallel":
        return f"{node.fuse} of {len(node.branches)} branches"
    if node.op == "residual":
        return f"add, {node.shortcut} shortcut"
    return look_of(node.op).table or str(node.op)
