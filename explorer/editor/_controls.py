"""The controls of each kind of node: its fields by their labels, the rarer ones folded away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from ..architecture import (
    MAX_FEATURES,
    AttentionKind,
    NormKind,
    Parallel,
    Residual,
    edit,
    field_label,
    pair,
    write_padding,
)
from ..text import format_setting
from ._maker import Maker, activation_select, button, set_command


def node_controls(make: Maker, node: Any, path: str, *, detailed: bool, linked: bool = False) -> list[dict[str, Any]]:
    """Controls of one node's own fields; ``detailed`` adds those that are rarely wanted, ``linked`` leaves channels to
    the block."""
    controls = CONTROLS[node.op](make, node, path, detailed, linked) if node.op in CONTROLS else []
    if detailed and "/" in path and not node.child_field:
        controls += _places(edit.find(make.architecture, path.rpartition("/")[0]), node, path)
    return controls


def _places(parent: Any, node: Any, path: str) -> list[dict[str, Any]]:
    """Move a layer among its siblings, which follow one another or stand side by side; or remove it."""
    if isinstance(parent, Residual):
        return []  # its body neither moves nor goes
    before, after = ("Up", "Down") if isinstance(parent, Parallel) else ("Earlier", "Later")
    first, last = (parent.nodes[end].name == node.name for end in (0, -1))
    alone = isinstance(parent, Parallel) and first and last
    move: dict[str, Any] = {"do": "move", "path": path}
    buttons = [
        button(before, {**move, "by": -1}, f"Move this layer {before.lower()}", first, "it is the first"),
        button(after, {**move, "by": 1}, f"Move this layer {after.lower()}", last, "it is the last"),
        button("Remove layer", {"do": "remove", "path": path}, "Remove this layer", alone, "a split needs a branch"),
    ]
    return [{"type": "buttons", "buttons": buttons}]


def _more(*controls: dict[str, Any]) -> list[dict[str, Any]]:
    """Controls that are rarely wanted: they are folded away until somebody asks for more."""
    return [{**control, "more": True} for control in controls]


def _note(text: str) -> dict[str, Any]:
    """A sentence among the controls."""
    return {"type": "note", "label": text}


ATTENTIONS: list[tuple[Any, str]] = [(name, name.upper()) for name in get_args(AttentionKind)]
_YES_NO = [(True, "yes"), (False, "no")]
NORMS: list[tuple[Any, str]] = [(name, name) for name in get_args(NormKind)]
_GROUPS = "a number that divides the channels"
_SIZE = "a number, or height × width such as 1×7"
_EPS = [1e-5, 1e-3]
_PADDING = f"'same', 'tf_same' (TensorFlow's), {_SIZE}, or before+behind such as 0+1"
_STRIDES = [1, 2, 3, 4]
_PADDINGS = 8
"""Steps of a ribbon of paddings at most."""


def _conv_controls(make: Maker, conv: Any, path: str, detailed: bool, linked: bool) -> list[dict[str, Any]]:
    controls: list[dict[str, Any]] = []
    if conv.out_channels == "same":
        given = make.analysis.by_path[path].output_shape[0]
        options: list[Any] = [("same", "as many as come in"), given]
        controls.append(make.setting(conv, path, "out_channels", options, typed="a number"))
    elif linked:
        controls.append(_note("one slider in the block's card sets the channels of every branch"))
    else:
        controls.append(make.channels("channels", set_command(path, "out_channels"), conv.out_channels))
    if conv.geometry.kernel != (1, 1) or detailed:
        controls += _window_controls(make, conv, path, "kernel_size", [1, 3, 5, 7, 9, 11])
        controls += _window_controls(make, conv, path, "dilation", list(range(1, 9)))
    if detailed:
        controls += [
            *_stride_controls(make, conv, path),
            *_padding_controls(make, conv, path),
            make.setting(conv, path, "groups", [1, 2, 4, "depthwise"], typed=_GROUPS),
            make.setting(conv, path, "norm", NORMS),
            activation_select(set_command(path, "activation"), conv.activation),
            *_more(
                make.setting(conv, path, "bias", [("auto", "where there is no batch norm"), *_YES_NO]),
                *_norm_details(make, conv, path),
            ),
        ]
    return controls


def _pool_controls(make: Maker, pool: Any, path: str, detailed: bool, _: bool) -> list[dict[str, Any]]:
    controls = [_pool_kind(make, pool, path)]
    controls += _window_controls(make, pool, path, "kernel_size", [1, 2, 3, 5, 7, 9])
    if detailed:
        controls += [
            *_stride_controls(make, pool, path),
            *_padding_controls(make, pool, path),
            *_more(
                make.setting(pool, path, "ceil_mode", _YES_NO),
                make.setting(pool, path, "count_include_pad", _YES_NO),
            ),
        ]
    return controls


def _pool_kind(make: Maker, pool: Any, path: str) -> dict[str, Any]:
    return make.setting(pool, path, "kind", [("max", "max"), ("avg", "average")])


def _padding_setting(make: Maker, leaf: Any, path: str) -> dict[str, Any]:
    """Buttons of the usual paddings, and a field for all of them."""
    values: list[Any] = ["same", 0, 1, 2]
    if leaf.padding == "tf_same":
        window = leaf.geometry_on(make.analysis.by_path[path].input_shape[1:])
        values.append(("tf_same", f"tf_same: {format_setting(write_padding(window))} here"))
    return make.setting(leaf, path, "padding", values, typed=_PADDING)


def _global_pool_controls(make: Maker, pool: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    return [_pool_kind(make, pool, path), *_more(make.setting(pool, path, "output_size", [1, 2, 7], typed=_SIZE))]


def _linear_controls(make: Maker, linear: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    return [
        make.channels("outputs", set_command(path, "out_features"), linear.out_features, MAX_FEATURES),
        activation_select(set_command(path, "activation"), linear.activation),
        *_more(make.setting(linear, path, "bias", _YES_NO)),
    ]


def _dropout_controls(make: Maker, dropout: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    values = sorted({*(round(0.05 * n, 2) for n in range(20)), dropout.p})
    return [make.ribbon("probability", set_command(path, "p"), dropout.p, values)]


def _response_norm_controls(make: Maker, norm: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    return [
        make.setting(norm, path, "size", [3, 5, 7, 9], typed="1 to 255"),
        *_more(
            make.setting(norm, path, "alpha", [1e-4, 1e-3], typed="0 to 1000"),
            make.setting(norm, path, "beta", [0.5, 0.75], typed="0 to 10"),
            make.setting(norm, path, "k", [1.0, 2.0], typed="more than 0, at most 1000"),
        ),
    ]


def _norm_details(make: Maker, node: Any, path: str) -> list[dict[str, Any]]:
    """The numbers of a norm that is part of a node."""
    return [
        make.setting(node, path, "norm_groups", [1, 8, 32], typed=_GROUPS),
        make.setting(node, path, "norm_eps", _EPS, typed="more than 0, at most 1"),
    ]


def _norm_controls(make: Maker, norm: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    groups = [make.setting(norm, path, "groups", [1, 8, 32], typed=_GROUPS)]
    return [
        make.setting(norm, path, "kind", [(kind, kind) for kind, _ in NORMS if kind != "none"]),
        *(groups if norm.kind == "group" else _more(*groups)),
        make.setting(norm, path, "eps", _EPS, typed="more than 0, at most 1"),
    ]


def _scale_controls(make: Maker, scale: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    return [
        make.setting(scale, path, "kind", [("channel", "each channel"), ("single", "one for all"), ("fixed", "fixed")]),
        make.setting(scale, path, "init", [1.0, 1e-6], typed="-1000 to 1000"),
        make.setting(scale, path, "bias", _YES_NO),
    ]


def _slice_controls(make: Maker, cut: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    channels = make.analysis.by_path[path].input_shape[0]
    quarters = sorted({channels * share // 4 for share in (1, 2, 3)} - {0})
    return [
        make.setting(cut, path, "start", [0, *quarters], typed=f"0 to {channels - 1}"),
        make.setting(cut, path, "stop", [*quarters, "end"], typed=f"1 to {channels}, or end"),
    ]


def _shuffle_controls(make: Maker, shuffle: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    channels = make.analysis.by_path[path].input_shape[0]
    values = [groups for groups in range(1, min(channels, 64) + 1) if channels % groups == 0]
    return [make.ribbon("groups", set_command(path, "groups"), shuffle.groups, sorted({*values, shuffle.groups}))]


def _activation_controls(_: Maker, node: Any, path: str, *__: bool) -> list[dict[str, Any]]:
    return [activation_select(set_command(path, "kind"), node.kind)]


def _attention_controls(make: Maker, attention: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    kind = make.setting(attention, path, "kind", ATTENTIONS)
    return [kind, *attention_sizes(make, attention, path)]


def attention_sizes(make: Maker, attention: Any, path: str) -> list[dict[str, Any]]:
    """The controls of an attention but for its kind; what the kind has no use for is folded away."""
    used = {"se": ["reduction"], "cbam": ["reduction", "spatial_kernel"], "eca": ["channel_kernel"]}[attention.kind]
    value, kernel, over = attention.reduction, attention.spatial_kernel, attention.channel_kernel
    kernels = sorted({3, 5, 7, 9, over} - {"auto"})
    controls = {
        "reduction": make.ribbon(
            "reduction", set_command(path, "reduction"), value, sorted({1, 2, 4, 8, 16, 32, value})
        ),
        "spatial_kernel": make.ribbon(
            "spatial kernel", set_command(path, "spatial_kernel"), kernel, sorted({3, 5, 7, 9, 11, kernel})
        ),
        "channel_kernel": make.setting(attention, path, "channel_kernel", ["auto", *kernels]),
    }
    return [
        *(controls[field] for field in used),
        *_more(*(control for field, control in controls.items() if field not in used)),
    ]


def _parallel_controls(make: Maker, parallel: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    options: list[tuple[Any, str]] = [("concat", "concat"), ("add", "add"), ("multiply", "multiply")]
    return [make.choice("fusion", {"do": "fuse", "path": path}, parallel.fuse, options)]


def _residual_controls(make: Maker, residual: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    return [
        make.setting(residual, path, "shortcut", [("identity", "identity"), ("projection", "projection")]),
        *residual_details(make, residual, path),
    ]


def residual_details(make: Maker, residual: Any, path: str) -> list[dict[str, Any]]:
    """The controls of a residual but for its shortcut."""
    scales = sorted({*(round(0.05 * n, 2) for n in range(1, 21)), residual.scale})
    norm = make.setting(residual, path, "norm", NORMS)
    drops = sorted({*(round(0.05 * n, 2) for n in range(11)), residual.drop_path})
    activation = activation_select(set_command(path, "activation"), residual.activation)
    return [
        make.ribbon("scale", set_command(path, "scale"), residual.scale, scales),
        *_more(
            make.ribbon("drop path", set_command(path, "drop_path"), residual.drop_path, drops),
            {**norm, "label": "norm of the projection"}, *_norm_details(make, residual, path),
            {**activation, "label": "activation after the addition"},
        ),
    ]


def _auxiliary_controls(make: Maker, head: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    weight = make.setting(head, path, "weight", [0.3, 0.4, 1.0], typed="0 to 10")
    return [_note("Only training runs this head: MACs and inference memory leave it out."), weight]


CONTROLS: dict[str, Callable[[Maker, Any, str, bool, bool], list[dict[str, Any]]]] = {
    "conv": _conv_controls,
    "pool": _pool_controls,
    "global_pool": _global_pool_controls,
    "linear": _linear_controls,
    "dropout": _dropout_controls,
    "local_response_norm": _response_norm_controls,
    "norm": _norm_controls,
    "scale": _scale_controls,
    "slice": _slice_controls,
    "channel_shuffle": _shuffle_controls,
    "activation": _activation_controls,
    "attention": _attention_controls,
    "parallel": _parallel_controls,
    "residual": _residual_controls,
    "auxiliary": _auxiliary_controls,
}
"""For each op the controls of such a node's own fields: ``controls(make, node, path, detailed, linked)``.

A kind without a row has no settings, or none that are edited by hand.
"""


def _stride_controls(make: Maker, leaf: Any, path: str) -> list[dict[str, Any]]:
    if make.fields is not None and _moves(make, path, "stride", leaf.stride, _STRIDES):
        return _window_controls(make, leaf, path, "stride", _STRIDES)
    return [make.setting(leaf, path, "stride", [1, 2, 3], typed=_SIZE)]


def _padding_controls(make: Maker, leaf: Any, path: str) -> list[dict[str, Any]]:
    """The numbers up to the whole reach of the window as a ribbon, with 'same' beside them."""
    sides = zip(pair(getattr(leaf, "dilation", 1)), pair(leaf.kernel_size), strict=True)
    reach = [dilation * (kernel - 1) for dilation, kernel in sides]
    standing = leaf.padding
    if standing == "same" and reach[0] == reach[1] and reach[0] % 2 == 0:
        standing = reach[0] // 2
    values = list(range(0, max(reach) + 1, max(1, -(-max(reach) // _PADDINGS))))
    if make.fields is None or not _is_size(standing) or not _moves(make, path, "padding", standing, values):
        return [_padding_setting(make, leaf, path)]
    first, *more = _window_controls(make, leaf, path, "padding", values, standing)
    command = {**set_command(path, "padding"), "value": "same"}
    fits = make.totals(command) is not None
    text = {"text": "same"} if leaf.padding == "same" else {}
    words = {"words": [{"label": "same", "command": command}]} if fits else {}
    return [{**first, **text, **words, "typed": _PADDING}, *more]


def _is_size(value: Any) -> bool:
    """Whether it is one number for both axes, or one for each."""
    return isinstance(value, int) or (isinstance(value, tuple) and all(isinstance(each, int) for each in value))


def _moves(make: Maker, path: str, field: str, standing: Any, values: list[int]) -> bool:
    """Whether a ribbon of the field could be moved at all, on one of its axes where it has two."""
    command = set_command(path, field)
    axes = [(command, standing)]
    if isinstance(standing, tuple):
        axes = [({**command, "axis": axis}, value) for axis, value in enumerate(standing)]
    return any(
        make.totals({**each, "value": value}) is not None for each, at in axes for value in values if value != at
    )


def _window_controls(
    make: Maker, leaf: Any, path: str, field: str, values: list[int], standing: Any = None
) -> list[dict[str, Any]]:
    """One ribbon for a square size, two for (h, w); typed as 3 or 1×7 in each of them.

    ``standing`` is the number that the field stands for where it holds a word.
    """
    command, label = set_command(path, field), field_label(field)
    value = getattr(leaf, field) if standing is None else standing
    if isinstance(value, int):
        ribbons = [make.ribbon(label, command, value, sorted({*values, value}))]
    else:
        ribbons = [
            make.ribbon(f"{label} {side}", {**command, "axis": axis}, value[axis], sorted({*values, value[axis]}))
            for axis, side in enumerate(("height", "width"))
        ]
    return [{**ribbon, "typed": _SIZE} for ribbon in ribbons]
