"""The network as data for the diagram component: an overview strip and one block large. Layout is the component's."""

from __future__ import annotations

from typing import Any

from ..analysis import ROLES, Analysis, Layer, find_roles
from ..analysis.support import LayerSupport, find_layer_supports
from ..architecture import Architecture, edit
from ..text import format_bytes, format_count, format_coverage, format_extent, format_percent, format_shape, format_si
from ._colours import kind_of, kind_of_branch
from ._kinds import look_of, name_norm


def kind_of_node(node: Any) -> str:
    """Find the kind of a column that is not split by branch: a block whose branches are added is a fusion.

    Args:
        node: A node of the trunk.

    Returns:
        A key of ``KINDS``.
    """
    if edit.is_gate(node):
        return kind_of(node)
    if edit.block_parallel(node, node.name) is not None:
        return "fuse"
    return kind_of_branch(node) if node.child_field else kind_of(node)


def lay_out_overview(architecture: Architecture, analysis: Analysis) -> list[dict[str, Any]]:
    """Lay out the overview: one column for each node of the trunk, and for each of the body that is one sequence of it.

    An auxiliary head is a ``tap``: it stands beside the trunk, whose tensor it reads and does not change.

    Args:
        architecture: The network.
        analysis: Its analysis, from ``analyze``.

    Returns:
        What ``lay_out_column`` gives, in the trunk's order, and of each its ``role``: backbone, neck or head, as
        ``analysis.find_roles`` tells them.
    """
    columns = []
    roles = find_roles(architecture, analysis)
    shape: tuple[int, ...] = architecture.input_shape
    for path, node in edit.columns(architecture).items():
        column, role = lay_out_column(node, path, analysis, shape), roles[path]
        columns.append({**column, "role": role, "facts": [*column["facts"], ["part", f"{role}: {ROLES[role]}"]]})
        layers = analysis.below(path)
        if layers and node.op != "auxiliary":
            shape = layers[-1].output_shape
    return columns


def lay_out_column(node: Any, path: str, analysis: Analysis, shape: tuple[int, ...]) -> dict[str, Any]:
    """Lay out one column of the overview: extents of its output, channels split by branch, share of the cost.

    Args:
        node: A node of the trunk.
        path: Its path.
        analysis: The network's analysis, from ``analyze``.
        shape: (C, H, W) or (F,) of what the node reads.

    Returns:
        Captions, kind, ``parts`` (shares of the channels), ``channels``, ``height`` in pixels, facts for the tooltip.
    """
    layers = analysis.below(path)
    if node.op == "auxiliary":
        return _tap(node, path, layers, shape, _misfit(analysis, path))
    shape = layers[-1].output_shape if layers else shape
    macs = sum(layer.macs for layer in layers if not layer.training_only)
    params = sum(layer.params for layer in layers if not layer.training_only)
    return {
        "path": path,
        "label": look_of(node.op).column(node),
        "name": node.name,
        "kind": kind_of_node(node),
        "parts": _parts(node, path, analysis),
        "channels": shape[0],
        "height": 1 if len(shape) == 1 else shape[1],
        "tap": False,
        "minor": look_of(node.op).minor,
        "facts": [
            ["layer", look_of(node.op).describe(node)],
            ["output", format_shape(shape)],
            ["params", f"{format_count(params)} · {format_percent(params, analysis.params)}"],
            ["MACs", f"{format_count(macs)} · {format_percent(macs, analysis.macs)}"],
            ["receptive field", _field_text(layers[-1]) if layers else "–"],
        ],
    }


def _tap(
    node: Any, path: str, layers: tuple[Layer, ...], shape: tuple[int, ...], misfit: str
) -> dict[str, Any]:
    return {
        "path": path,
        "label": "aux",
        "name": node.name,
        "kind": "linear",
        "parts": [],
        "channels": layers[-1].output_shape[0] if layers else shape[0],
        "height": shape[1] if len(shape) == 3 else 1,
        "tap": True,
        "minor": False,
        "facts": [
            ["auxiliary head", f"in training only, its loss counts {node.weight:g} times"],
            ["reads", format_shape(shape)],
            ["params", f"{format_count(sum(layer.params for layer in layers))}, not part of the inference network"],
            *([["does not fit", misfit]] if misfit else []),
        ],
    }


def _misfit(analysis: Analysis, path: str) -> str:
    """Why the auxiliary head at ``path`` does not fit the image, '' where it does or there is none."""
    return next((head.reason for head in analysis.auxiliary if head.path == path), "")


def _parts(node: Any, path: str, analysis: Analysis) -> list[dict[str, Any]]:
    """Channels of the branches whose outputs a concatenation joins, in order; [] where nothing is concatenated."""
    parallel = edit.block_parallel(node, path)
    if parallel is None:
        return []
    inner = node if parallel == path else _below(node, parallel[len(path) + 1 :])
    if inner.fuse != "concat":
        return []
    whole = analysis.by_path[parallel].output_shape[0]
    parts = []
    for branch in inner.branches:
        layers = analysis.below(f"{parallel}/{branch.name}")
        channels = layers[-1].output_shape[0] if layers else analysis.by_path[parallel].input_shape[0]
        parts.append({"kind": kind_of_branch(branch), "share": channels / whole})
    return parts


def _below(node: Any, path: str) -> Any:
    for name in path.split("/"):
        node = next(child for child in node.nodes if child.name == name)
    return node


def _field_text(layer: Layer) -> str:
    field = layer.receptive_field
    text = f"{format_extent(field.size)} px, stride {format_extent(field.stride)}"
    if field.min_size != field.size:
        text += f", shortest path {format_extent(field.min_size)}"
    return text + (", then the whole input" if field.whole_input else "")


def lay_out_block(architecture: Architecture, analysis: Analysis, path: str) -> dict[str, Any]:
    """Lay out one block large: a tree of lanes, each layer with its facts and its share of the block's MACs.

    Args:
        architecture: The network.
        analysis: Its analysis, from ``analyze``.
        path: Path of the node.

    Returns:
        Title, input and output, ``tree`` of lanes, and a ``description`` in words for screen readers.

    Raises:
        ArchitectureError: There is no node at ``path``.
    """
    node = edit.find(architecture, path)
    layers = analysis.below(path)
    shape_in, shape_out = _ends(architecture, analysis, path)
    macs = sum(layer.macs for layer in layers)
    params = sum(layer.params for layer in layers)
    share = "in training only" if node.op == "auxiliary" else f"{format_percent(macs, analysis.macs)} of the network"
    tree = _tree(node, path, analysis, macs)
    _add_fields(tree, find_layer_supports(architecture, analysis=analysis))
    cost = f"{format_si(macs)} MACs"
    if _misfit(analysis, path):
        _leave_out_sizes(tree)
        cost = "does not fit the image"
    return {
        "path": path,
        "title": node.name,
        "subtitle": f"{cost}, {share} · {format_si(params)} parameters",
        "input": {"channels": shape_in[0], "shape": format_shape(shape_in[1:]) or "vector"},
        "output": {"channels": shape_out[0], "shape": format_shape(shape_out[1:]) or "vector"},
        "tree": tree,
        "description": _describe(node, path, analysis),
    }


def _ends(architecture: Architecture, analysis: Analysis, path: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of what a column reads and gives; alike where it holds no layers."""
    shape: tuple[int, ...] = architecture.input_shape
    for column, node in edit.columns(architecture).items():
        layers = analysis.below(column)
        if column == path or column.startswith(f"{path}/"):
            layers = analysis.below(path)
            return shape, layers[-1].output_shape if layers else shape
        if layers and node.op != "auxiliary":
            shape = layers[-1].output_shape
    raise ValueError(f"{path} is no column of the network")


def _tree(node: Any, path: str, analysis: Analysis, whole: int) -> dict[str, Any]:
    layer = analysis.by_path.get(path)
    data: dict[str, Any] = {"path": path, "name": node.name, "op": node.op}
    if node.nodes or node.child_field:
        data["children"] = [_tree(child, f"{path}/{child.name}", analysis, whole) for child in node.nodes]
    if layer is None:
        return data
    data["channels"] = layer.output_shape[0]
    if node.op == "parallel":
        data["title"] = node.fuse
        data["kind"] = kind_of(node)
        data["branch_kinds"] = [kind_of_branch(branch) for branch in node.branches]
    elif node.op == "residual":
        data["title"] = f"+ {node.scale:g} ·" if node.scale != 1 else "+"
        data["kind"] = "shortcut"
        data["shortcut"] = node.shortcut
    else:
        data["title"], data["note"] = layer_title(node)
        data["kind"] = kind_of(node)
    data["cost"] = f"{format_si(layer.macs)} · {format_percent(layer.macs, whole)}" if layer.macs else "no MACs"
    data["shape"] = format_shape(layer.output_shape[1:]) or "vector"
    data["facts"] = _facts(node, layer, whole)
    return data


def _add_fields(tree: dict[str, Any], supports: dict[str, LayerSupport]) -> None:
    """Say of each branch of a block what a unit at its end sees of the image; not of branches within branches."""
    if tree["op"] != "parallel":
        for child in tree.get("children", ()):
            _add_fields(child, supports)
    elif tree["path"] in supports:
        ends = [[supports[path] for path in _paths(child) if path in supports] for child in tree["children"]]
        tree["fields"] = [_lay_out_field(end[-1]) if end else None for end in ends]


def _paths(tree: dict[str, Any]) -> list[str]:
    """Of a subtree, in execution order: what joins branches comes behind them."""
    return [*(path for child in tree.get("children", ()) for path in _paths(child)), tree["path"]]


def _lay_out_field(support: LayerSupport) -> dict[str, Any]:
    """Size of the box in pixels, as numbers and text; and the share of it that is touched, '' without holes."""
    size, touched, area = support.size, support.touched, support.size[0] * support.size[1]
    share = "" if touched is None or touched == area else format_coverage(touched, area)
    return {"size": list(size), "text": f"{format_extent(size)} px", "touched": share}


def _leave_out_sizes(tree: dict[str, Any]) -> None:
    """Take out of a head that does not fit what only a head that fits has."""
    tree.pop("fields", None)
    for child in tree.get("children", ()):
        _leave_out_sizes(child)
    if "facts" in tree:
        known = ("layer", "then", "params")
        tree |= {"cost": "–", "shape": "–", "facts": [fact for fact in tree["facts"] if fact[0] in known]}


def layer_title(node: Any) -> tuple[str, str]:
    """Name a layer in its box.

    Args:
        node: A layer.

    Returns:
        Its caption and a small remark, which may be empty.
    """
    return look_of(node.op).box(node)


def _facts(node: Any, layer: Layer, whole: int) -> list[list[str]]:
    parts = [
        f"{format_count(count)} {word}"
        for count, word in (
            (layer.weight_params, "weights"),
            (layer.bias_params, "biases"),
            (layer.norm_params, "norm"),
        )
        if count
    ]
    facts = [["layer", look_of(node.op).describe(node)]]
    if node.op in ("conv", "linear"):
        after = [name_norm(node.norm, node.norm_groups)] if node.norm_kind != "none" else []
        after += [node.activation.replace("_", " ")] if node.activation != "none" else []
        facts.append(["then", ", ".join(after) or "nothing"])
    facts += [
        ["input", format_shape(layer.input_shape)],
        ["output", format_shape(layer.output_shape)],
        ["params", " + ".join(parts) or "none"],
        [
            "MACs",
            f"{format_count(layer.macs)} · {format_percent(layer.macs, whole)} of the block" if layer.macs else "none",
        ],
        ["receptive field", _field_text(layer)],
        ["kept for training", format_bytes(layer.training_bytes)],
    ]
    return facts


def _describe(node: Any, path: str, analysis: Analysis) -> str:
    """The diagram in words, for screen readers."""
    main = edit.block_parallel(node, path)
    if main is None:
        steps = " then ".join(
            f"{layer.op} to {layer.output_shape[0]:,} channels" for layer in analysis.below(path) if layer.path != path
        )
        return f"{node.name}: {look_of(node.op).describe(node)}{f', {steps}' if steps else ''}."
    inner = node if main == path else _below(node, main[len(path) + 1 :])
    branches = []
    for branch in inner.branches:
        layers = analysis.below(f"{main}/{branch.name}")
        steps = " then ".join(
            f"{layer.op} to {layer.output_shape[0]:,} channels" for layer in layers if layer.op != "parallel"
        )
        seen = f", sees {format_extent(layers[-1].receptive_field.size)} pixels" if layers else ""
        branches.append(f"{branch.name}: {steps or 'identity'}{seen}")
    joined = analysis.by_path[main].output_shape[0]
    whole = f"{node.name} with {len(branches)} branches, {inner.fuse} to {joined:,} channels."
    return f"{whole} {'; '.join(branches)}."
