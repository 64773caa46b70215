"""torchinfo's summary of an architecture, as its own text and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from torchinfo.layer_info import LayerInfo

from ..architecture import Architecture, Auxiliary, edit, walk
from ._meta_counts import TORCHINFO, Owners, path_of, torchinfo_statistics


class SummaryRow(NamedTuple):
    """One row of torchinfo's table. Over all rows ``params`` and ``mult_adds`` add up to its totals."""

    path: str
    """Names joined by slashes: a node of the architecture or a torch module inside one; '' is the network."""
    node: str
    """Path of the node of the architecture that the module belongs to."""
    depth: int
    """Level below the network, which is 0."""
    kind: str
    """Class name."""
    input_size: tuple[int, ...]
    """Batch of 1 first: (1, C, H, W) or (1, F)."""
    output_size: tuple[int, ...]
    """Batch of 1 first, like ``input_size``."""
    kernel_size: tuple[int, ...]
    """(height, width); () for a layer without a window."""
    params: int
    """Parameters that torchinfo counts here: a leaf's own, of a container those that no row below it shows."""
    mult_adds: int
    """torchinfo's mult-adds: parameters × output positions of convolutions, × 1 elsewhere."""
    output_bytes: int
    """Bytes of the output, float32."""
    recursive: bool
    """A module that ran before and runs again here: its parameters are counted once."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What torchinfo reports of the inference network for one image."""

    tool: str
    """torchinfo and its version."""
    text: str
    """torchinfo's own table."""
    rows: tuple[SummaryRow, ...]
    """The same table as data, in execution order."""
    total_params: int
    """Parameters, those of auxiliary heads included although they do not run."""
    total_mult_adds: int
    """Sum over the leaf layers that ran."""
    total_output_bytes: int
    """torchinfo's "forward/backward pass size": 2 × the outputs of leaf layers that have parameters, float32."""
    total_param_bytes: int
    """torchinfo's "params size", float32: only of layers that ran, so without the auxiliary heads."""
    notes: tuple[str, ...]
    """What a reader of the table should know, a sentence each."""

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**fields, "notes": list(self.notes), "rows": [row._asdict() for row in self.rows]}


def summarize(
    architecture: Architecture, input_shape: tuple[int, int, int] | None = None, depth: int | None = None
) -> Summary:
    """Summarise the inference network for one image by torchinfo, on the meta device: nothing is allocated.

    Auxiliary heads pass their input through in inference: each has one row that holds all its parameters and no
    mult-adds, and ``notes`` says so.

    Args:
        architecture: The network.
        input_shape: (channels, height, width) instead of the architecture's own.
        depth: Level below which everything is folded into its row; None shows all levels.

    Returns:
        torchinfo's own text, the same as rows, and its totals.

    Raises:
        ArchitectureError: The layers do not fit together.
        ValueError: A depth below 1.
    """
    if depth is not None and depth < 1:
        raise ValueError(f"depth (={depth}) must be at least 1, or None for all levels")
    if input_shape is not None:
        architecture = edit.replace(architecture, "", input_shape=tuple(input_shape))
    statistics, owners = torchinfo_statistics(architecture, depth), Owners(architecture)
    rows = tuple(_row(info, owners, info.depth == depth) for info in statistics.summary_list
                 if depth is None or info.depth <= depth)  # fmt: skip
    params = {row.path: row.params for row in rows}
    heads = [path for path, node in walk(architecture) if isinstance(node, Auxiliary)]
    return Summary(
        tool=TORCHINFO,
        text=str(statistics),
        rows=rows,
        total_params=statistics.total_params,
        total_mult_adds=statistics.total_mult_adds,
        total_output_bytes=statistics.total_output_bytes,
        total_param_bytes=statistics.total_param_bytes,
        notes=tuple(_head_note(path, params.get(path)) for path in heads),
    )


def _row(info: LayerInfo, owners: Owners, folded: bool) -> SummaryRow:
    path = path_of(info)
    kernel = info.kernel_size
    params = 0 if info.is_recursive else info.num_params
    mult_adds = info.macs if info.is_leaf_layer else 0
    if not info.is_leaf_layer and folded:
        mult_adds = sum(child.macs for child in info.children if child.is_leaf_layer)
    elif not info.is_leaf_layer:
        params = max(0, info.leftover_params())
    return SummaryRow(
        path=path,
        node=owners[path],
        depth=info.depth,
        kind=info.class_name,
        input_size=tuple(info.input_size),
        output_size=tuple(info.output_size),
        kernel_size=tuple(kernel) if isinstance(kernel, list) else (kernel, kernel) if kernel else (),
        params=params,
        mult_adds=mult_adds,
        output_bytes=info.output_bytes,
        recursive=info.is_recursive,
    )


def _head_note(path: str, params: int | None) -> str:
    amount = "its parameters are" if params is None else f"its {params:,} parameters are"
    return (
        f"{path} is an auxiliary head: {amount} in torchinfo's total, but inference passes it by, "
        f"so its layers have no rows and no mult-adds"
    )
