"""The editor of a node as data: cards of controls for its block and branches, or for the node itself."""

from __future__ import annotations

from typing import Any

from ..analysis import Analysis, Sweep, headline_metrics
from ..architecture import (
    MAX_BRANCHES,
    MAX_CHANNELS,
    MAX_FEATURES,
    MAX_IMAGE,
    MIN_IMAGE,
    Architecture,
    Conv,
    Parallel,
    Residual,
    branches,
    edit,
    walk,
)
from ..figures import kind_of, kind_of_branch
from ..text import compact_shape
from ._commands import Command, stride_layer
from ._controls import ATTENTIONS, CONTROLS, NORMS, attention_sizes, node_controls, residual_details
from ._insert import list_parts
from ._maker import Maker, activation_select, button, number


def describe_size(architecture: Architecture, analysis: Analysis, path: str) -> str:
    """Say what goes into a node's block and what comes out of it.

    Args:
        architecture: The network.
        analysis: Its analysis, from ``analyze``.
        path: Path of the node, '' for none.

    Returns:
        The line below the title of its controls.

    Raises:
        ArchitectureError: There is no such node.
    """
    block = edit.column_of(architecture, path)
    if not block:
        return "Click a layer of the network to edit it."
    layers, main = analysis.below(block), edit.block_parallel(edit.find(architecture, block), block)
    if main is None:
        ends = [compact_shape(shape) for shape in (layers[0].input_shape, layers[-1].output_shape)] if layers else []
        return " → ".join(ends) or "empty"
    count, taken = len(edit.find(architecture, main).branches), analysis.by_path[main].input_shape[0]
    channels, *size = layers[-1].output_shape
    arms = f"{count} branch{'es' if count != 1 else ''}"
    return f"{arms} · {taken:,} → {channels:,} channels" + (f" · {compact_shape(size)}" if size else "")


def describe_controls(
    architecture: Architecture,
    analysis: Analysis,
    path: str,
    *,
    metric: str = "macs",
    baseline: Architecture | None = None,
    sweep: Sweep | None = None,
    fields: tuple[str, ...] | None = None,
) -> dict[str, Any]:
    """Describe the controls of a node: its block's cards if it lies in a block, its own card if not.

    Args:
        architecture: The network.
        analysis: Its analysis, from ``analyze``.
        path: Path of the node.
        metric: Which metric the tracks of the sliders show, a key of ``analysis.METRICS``.
        baseline: What the network was at first; by default itself. Tracks keep its scale.
        sweep: Values of the metric at other positions of the sliders, where they are known already.
        fields: Names of fields of layers, such as ``kernel_size``, whose controls alone are wanted, with those of the
            network as a whole; None for everything.

    Returns:
        Plain data: cards of controls, each with its values, their metric, and the command that it sends.

    Raises:
        ArchitectureError: There is no such node, or the network does not work.
        ValueError: The metric is unknown.
    """
    metrics = headline_metrics()
    if metric not in metrics:
        raise ValueError(f"metric (={metric!r}) must be one of {', '.join(metrics)}")
    make = Maker(architecture, analysis, baseline or architecture, metric, sweep or Sweep(), fields)
    block = edit.column_of(architecture, path)
    node = edit.find(architecture, block) if block else architecture.trunk
    main = edit.block_parallel(node, block) if block else None
    cards = []
    if main is not None:
        parallel = edit.find(architecture, main)
        cards.append(_block_card(make, node, block, main))
        cards += [_branch_card(make, child, f"{main}/{child.name}", path, parallel) for child in parallel.branches]
        cards.append(_add_card(make, parallel, main))
        cards += _around_card(make, node, block, main, path)
    elif block:
        if node.child_field and node.op != "auxiliary":
            cards.append(_block_card(make, node, block, None))
        cards.append(_plain_card(make, node, block, path))
    panel = {
        "title": block or "Nothing chosen",
        "subtitle": describe_size(architecture, analysis, path),
        "chosen": path,
        "metrics": [{"value": key, "label": each.label} for key, each in metrics.items()],
        "metric": metric,
        "cards": cards,
        "network": _network_card(make),
    }
    return panel if fields is None else _keep_fields(panel, fields)


def _keep_fields(panel: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """Keep of a panel what edits some fields of its layers; the rest of its cards, menus and buttons goes."""

    def keep(controls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each for each in controls if each.get("command", {}).get("field") in fields]

    cards = []
    for card in panel["cards"]:
        groups = [{**group, "controls": keep(group["controls"])} for group in card.get("groups", ())]
        groups = [group for group in groups if group["controls"]]
        if groups:
            kept = {name: card[name] for name in ("id", "path", "title", "kind", "chosen") if name in card}
            cards.append({**kept, "groups": groups})
    return {**panel, "cards": cards}


def _style_of(node: Any, field: str) -> str | None:
    """The one norm or activation of all convolutions below a node, None where they differ."""
    inner = [n for _, n in walk(node)] if node.child_field else [node]
    convs = [n for n in inner if isinstance(n, Conv) and (field != "activation" or n.activation != "none")]
    found = {getattr(conv, field) for conv in convs}
    return found.pop() if len(found) == 1 else None


def _block_card(make: Maker, node: Any, path: str, main: str | None) -> dict[str, Any]:
    """What concerns a block as a whole; ``main`` is the path of its parallel branches, None where it has none."""
    controls = []
    if main is not None:
        controls += node_controls(make, edit.find(make.architecture, main), main, detailed=False)
    controls += [*_residual_controls(make, node, path), *_attention_controls(make, path)]
    command: Command = {"do": "norm", "path": path}
    controls.append(make.choice("norm", command, _style_of(node, "norm"), NORMS, check=True))
    select = activation_select({"do": "activation", "path": path}, _style_of(node, "activation"))
    controls.append({**select, "options": [option for option in select["options"] if option["value"] != "none"]})
    if main is not None:
        controls += _joint_controls(make, main)
    actions = [
        button("Duplicate", {"do": "duplicate", "path": path}, "Add a copy of this block right behind it"),
        button("Remove", {"do": "remove", "path": path}, "Take this block out of the network"),
    ]
    if main is not None:
        hint = (
            "Give every other block this block's fusion, residual, attention, kernels, dilations, norm and activation; "
            "channels stay"
        )
        alone = len(edit.blocks(make.architecture)) < 2
        command = {"do": "apply_to_all", "path": path}
        actions.append(button("Apply to all blocks", command, hint, alone, "there is no other block"))
    return {"id": path, "title": "block", "kind": "fuse", "controls": controls, "actions": actions}


def _residual_controls(make: Maker, node: Any, path: str) -> list[dict[str, Any]]:
    residual = node if isinstance(node, Residual) else None
    options: list[tuple[Any, str]] = [("off", "off"), ("identity", "identity"), ("projection", "projection")]
    shortcut = residual.shortcut if residual else "off"
    controls = [make.choice("residual", {"do": "residual", "path": path}, shortcut, options, check=True)]
    if residual:
        controls += residual_details(make, residual, path)
    return controls


def _attention_controls(make: Maker, path: str) -> list[dict[str, Any]]:
    at = edit.attention_of(make.architecture, path)
    found = edit.find(make.architecture, at) if at else None
    options: list[tuple[Any, str]] = [("none", "none"), *ATTENTIONS]
    kind = found.kind if found else "none"
    controls = [make.choice("attention", {"do": "attention", "path": path}, kind, options)]
    if at and found:
        controls += attention_sizes(make, found, at)
    return controls


def _joint_controls(make: Maker, main: str) -> list[dict[str, Any]]:
    """What all branches of a block must have in common: the stride, and where they are summed the channels."""
    parallel = edit.find(make.architecture, main)
    paths = {f"{main}/{branch.name}": branch for branch in parallel.branches}
    ends = [stride_layer(branch, path) for path, branch in paths.items()]
    strides = {max(edit.find(make.architecture, end).geometry.stride) for end in ends if end}
    stride = strides.pop() if len(strides) == 1 else None
    controls = [make.choice("stride", {"do": "stride", "path": main}, stride, [(1, "1"), (2, "2")], check=True)]
    output = edit.output_conv(parallel.branches[0], next(iter(paths)))
    if output and _share_channels(parallel):
        value = edit.find(make.architecture, output[0]).out_channels * output[1]
        command: Command = {"do": "outputs", "path": main}
        controls.append(make.channels("channels of every branch", command, value))
    return controls


def _share_channels(parallel: Parallel) -> bool:
    """Whether one slider sets the channels of all branches; one that passes its input on has none to set."""
    ends = (edit.output_conv(branch, branch.name) for branch in parallel.branches)
    return parallel.fuse != "concat" and None not in ends


def _groups(
    make: Maker, root: Any, path: str, chosen: str, linked: str = "", without: tuple[str | None, ...] = ()
) -> list[dict[str, Any]]:
    """The controls of ``root`` and of all below it, but for the nodes ``without``, whose controls stand elsewhere."""
    found = [(path, root), *walk(root, path)]
    return [
        {
            "path": at,
            "title": node.name if root.child_field else "",
            "kind": kind_of(node),
            "controls": node_controls(make, node, at, detailed=at == chosen, linked=at == linked),
            "chosen": at == chosen,
        }
        for at, node in found
        if at not in without and (not node.child_field or node.op in CONTROLS)
    ]


def _around_card(make: Maker, node: Any, block: str, main: str, chosen: str) -> list[dict[str, Any]]:
    """The layers of a block that are in none of its branches, such as the 1×1 behind those of Inception-ResNet."""
    branches_of_main = tuple(path for path, _ in walk(node, block) if path.startswith(f"{main}/"))
    elsewhere = (block, main, edit.attention_of(make.architecture, block), *branches_of_main)
    groups = _groups(make, node, block, chosen, without=elsewhere)
    return [{"id": f"{block}…", "title": "around the branches", "kind": "fuse", "groups": groups}] if groups else []


def _branch_card(make: Maker, branch: Any, path: str, chosen: str, parallel: Parallel) -> dict[str, Any]:
    end = edit.output_conv(branch, path) if _share_channels(parallel) else None
    groups = _groups(make, branch, path, chosen, linked=end[0] if end else "")
    names = [each.name for each in parallel.branches]
    index = names.index(branch.name)
    last, full, alone = len(names) - 1, len(names) >= MAX_BRANCHES, len(names) == 1
    most = f"{MAX_BRANCHES} branches are the most a block may have"
    move: Command = {"do": "move", "path": path}
    actions = [
        button("arrow_upward", {**move, "by": -1}, f"Move {branch.name} up", index == 0, "it is the first"),
        button("arrow_downward", {**move, "by": 1}, f"Move {branch.name} down", index == last, "it is the last"),
        button("content_copy", {"do": "duplicate", "path": path}, f"Duplicate {branch.name}", full, most),
        button("close", {"do": "remove", "path": path}, f"Remove {branch.name}", alone, "a split needs a branch"),
    ]
    return {
        "id": path,
        "path": path,
        "title": branch.name,
        "kind": kind_of_branch(branch),
        "groups": groups,
        "icons": actions,
        "chosen": chosen == path,
        "change": {
            "label": "change the kind of this branch",
            "command": {"do": "change_kind", "path": path},
            "options": _kind_options(make, {"do": "change_kind", "path": path}),
        },
        "add": {
            "label": "add a layer",
            "command": {
                "do": "insert", "place": "after", "path": chosen if chosen.startswith(f"{path}/") else path,
            },
            "options": [{"value": key, "label": label} for key, (label, _) in list_parts().items()],
        },
    }


def _kind_options(make: Maker, command: Command) -> list[dict[str, Any]]:
    """Every kind of branch; one that does not fit as it is (a 1×1 cannot halve every map) is answered by the reason."""
    return [
        {"value": key, "label": caption, "ok": make.totals({**command, "value": key}) is not None}
        for key, (caption, _) in branches.BRANCH_KINDS.items()
    ]


def _add_card(make: Maker, parallel: Parallel, main: str) -> dict[str, Any]:
    full = len(parallel.branches) >= MAX_BRANCHES
    command: Command = {"do": "add_branch", "path": main}
    return {
        "id": f"{main}+",
        "add": {
            "label": "add a branch" if not full else f"{MAX_BRANCHES} branches, the most a block may have",
            "command": command,
            "options": [] if full else _kind_options(make, command),
        },
    }


def _plain_card(make: Maker, node: Any, path: str, chosen: str) -> dict[str, Any]:
    """A layer of the trunk, or a sequence of layers, that is not a block."""
    on_block_card = node.child_field and node.op != "auxiliary"
    without = (path, edit.attention_of(make.architecture, path)) if on_block_card else ()
    groups = _groups(make, node, path, chosen if node.child_field else path, without=without)
    return {
        "id": path,
        "path": path,
        "title": node.name,
        "kind": kind_of_branch(node) if node.op != "linear" else "linear",
        "groups": groups,
        "actions": []
        if on_block_card
        else [
            button("Duplicate", {"do": "duplicate", "path": path}, "Add a copy right behind it"),
            button("Remove", {"do": "remove", "path": path}, "Take this layer out of the network"),
        ],
    }


def _network_card(make: Maker) -> dict[str, Any]:
    c, h, w = make.architecture.input_shape
    classes = next(iter(edit.count_classes(make.architecture).values()), None)
    controls: list[dict[str, Any]] = [
        number("input channels", {"do": "input", "axis": "channels"}, c, 1, MAX_CHANNELS),
    ]
    if h == w:
        controls.append(number("input size", {"do": "input", "axis": "size"}, h, MIN_IMAGE, MAX_IMAGE))
    else:
        controls.append(number("input height", {"do": "input", "axis": "height"}, h, MIN_IMAGE, MAX_IMAGE))
        controls.append(number("input width", {"do": "input", "axis": "width"}, w, MIN_IMAGE, MAX_IMAGE))
    if classes is not None:
        controls.append(number("classes", {"do": "classes"}, classes, 1, MAX_FEATURES))
    controls.append(
        {
            "type": "buttons",
            "label": "width of all layers",
            "buttons": [
                button(f"× {factor:g}", {"do": "width", "value": factor}, f"All hidden channels times {factor:g}")
                for factor in (0.5, 0.75, 1.25, 1.5, 2)
            ],
        }
    )
    controls.append({**number("width factor", {"do": "width"}, "", 0.01, 100, 0.01), "once": True})
    return {
        "controls": controls,
        "summary": f"{compact_shape((c, h, w))} input" + (f" · {classes:,} classes" if classes is not None else ""),
    }
