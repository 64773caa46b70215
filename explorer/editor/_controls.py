"""Controls as data. A ribbon slider carries the curve of a metric over its whole range, computed by the analysis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..analysis import METRICS, Analysis, Sweep, Totals, convex_in_channels, convex_samples, headline_metrics
from ..architecture import MAX_CHANNELS, MAX_FEATURES, Architecture, ArchitectureError, edit, field_label
from ..text import format_bytes, format_change, format_setting, format_si
from ._commands import Command, apply
from ._offers import explain_lock
from ._typed import as_plain

_FORMER_KEYS = {"training": "training_bytes", "inference": "inference_bytes", "field": "receptive_field"}
"""Names of metrics in links that were made before metrics had one name everywhere."""

ACTIVATIONS = ["relu", "relu6", "leaky_relu", "gelu", "silu", "hardswish", "sigmoid", "tanh", "none"]


def ribbon_metric(key: str) -> str | None:
    """Find the metric that a link or a click means.

    Args:
        key: A key of ``analysis.METRICS``, or what links of earlier versions called it.

    Returns:
        The key; None for what no slider's track shows.
    """
    key = _FORMER_KEYS.get(key, key)
    return key if key in headline_metrics() else None


def format_metric(value: int, metric: str) -> str:
    """Write a metric's value with its unit: '7.0 M parameters', '31 MB', '427 px'.

    Args:
        value: The value, in the metric's own unit.
        metric: A key of ``analysis.METRICS``.

    Returns:
        The text.
    """
    shown = METRICS[metric]
    if shown.unit == "bytes":
        return format_bytes(value)
    if shown.unit == "px":
        return f"{value} px"
    return f"{format_si(value)} {shown.label}"


def channel_values(value: int, limit: int = MAX_CHANNELS, anchor: int | None = None) -> list[int]:
    """List the positions of a channel slider: multiples of a step up to at least twice the anchor.

    Args:
        value: The present number of channels; it is among the positions.
        limit: The greatest position.
        anchor: The baseline's value; the track keeps its scale while the value moves over it.

    Returns:
        Numbers of channels, rising.
    """
    top = 64
    while (top < 2 * (anchor or value) or top < value) and top < limit:
        top *= 2
    top = min(top, limit)
    step = max(1, top // 64)
    return sorted({step, *range(step, top + 1, step), value})


class Maker:
    """Makes the controls of one panel; one ``Sweep`` serves all of its ribbons."""

    def __init__(
        self, architecture: Architecture, analysis: Analysis, baseline: Architecture, metric: str, sweep: Sweep
    ) -> None:
        self.architecture = architecture
        self.analysis = analysis
        self.baseline = baseline
        self.metric = metric
        self.sweep = sweep
        totals = sweep.totals(baseline)
        assert totals is not None  # a page never holds a network that does not work
        self.before = self.value(totals)
        self.convex = METRICS[metric].convex and convex_in_channels(architecture)

    def value(self, totals: Totals) -> int:
        """The number that the ribbons show."""
        return METRICS[self.metric].read_totals(totals)

    def totals(self, command: Command) -> Totals | None:
        """The numbers after a command, None where the network would not work."""
        try:
            return self.sweep.totals(apply(self.architecture, command))
        except ArchitectureError:
            return None

    def ribbon(
        self, label: str, command: Command, value: Any, values: list[Any], convex: bool = False
    ) -> dict[str, Any]:
        """A slider over ``values``; each point is [value, metric or None, caption with its change].

        A ``convex`` metric is worked out where its curve bends, and nowhere else.
        """

        def ask(candidate: Any) -> int | None:
            totals = self.totals({**command, "value": candidate})
            return None if totals is None else self.value(totals)

        numbers = convex_samples(ask, values, values.index(value)) if convex else list(map(ask, values))
        points: list[list[Any]] = []
        for candidate, number in zip(values, numbers, strict=True):
            caption = "does not fit"
            if number is not None:
                caption = f"{format_metric(number, self.metric)} {_delta(number, self.before)}"
            points.append([candidate, number, caption])
        locked = sum(number is not None for number in numbers) < 2
        return {
            "type": "ribbon",
            "label": label,
            "command": command,
            "value": value,
            "text": format_setting(value),
            "points": points,
            "base": self._base(command),
            "locked": explain_lock(self.architecture, command, value, values, self.sweep) if locked else None,
        }

    def channels(self, label: str, command: Command, value: int, limit: int = MAX_CHANNELS) -> dict[str, Any]:
        """A slider over channels whose scale is the baseline's: it stands still while the value moves."""
        values = channel_values(value, limit, self._base(command))
        return self.ribbon(label, command, value, values, convex=self.convex and command["do"] == "set")

    def _base(self, command: Command) -> Any:
        """Where the baseline stood, if it has the same layer."""
        if command["do"] != "set":
            return None
        try:
            node = edit.find(self.baseline, command["path"])
        except ArchitectureError:
            return None
        value = getattr(node, command["field"], None)
        if isinstance(value, tuple):
            return value[command["axis"]] if "axis" in command else None
        return value if isinstance(value, int | float) else None

    def choice(
        self, label: str, command: Command, value: Any, options: list[tuple[Any, str]], check: bool = False
    ) -> dict[str, Any]:
        """Buttons of which one is pressed; with ``check`` those that would not give a working network are off."""
        made = []
        for key, caption in options:
            ok = not check or key == value or self.totals({**command, "value": key}) is not None
            made.append({"value": key, "label": caption, "ok": ok})
        return {"type": "choice", "label": label, "command": command, "value": value, "options": made}

    def setting(
        self, node: Any, path: str, field: str, options: list[Any], typed: str = ""
    ) -> dict[str, Any]:
        """Buttons for the usual values of a field; where ``typed`` says what else there is, a field to type it into.

        An option is a value, or (value, caption).
        """
        command, value = set_command(path, field), as_plain(getattr(node, field))
        captioned = [each if isinstance(each, tuple) else (each, format_setting(each)) for each in options]
        control = self.choice(field_label(field, node.op), command, value, captioned, check=True)
        return {**control, "typed": typed, "text": format_setting(value)} if typed else control


def _delta(now: float, before: float) -> str:
    text = format_change(now, before)
    return "" if text == "unchanged" else text


def number(label: str, command: Command, value: Any, low: float, high: float, step: float = 1) -> dict[str, Any]:
    """A typed number."""
    return {
        "type": "number", "label": label, "command": command, "value": value, "low": low, "high": high, "step": step,
    }  # fmt: skip


def button(label: str, command: Command, hint: str = "", off: bool = False) -> dict[str, Any]:
    """Something to do at a click; ``hint`` is its full name."""
    return {"type": "button", "label": label, "command": command, "hint": hint or label, "off": off}


def node_controls(make: Maker, node: Any, path: str, *, detailed: bool, linked: bool = False) -> list[dict[str, Any]]:
    """Controls of one node's own fields; ``detailed`` adds those that are rarely wanted, ``linked`` leaves channels to
    the block."""
    controls = CONTROLS[node.op](make, node, path, detailed, linked) if node.op in CONTROLS else []
    if detailed and "/" in path and not node.child_field:
        controls.append(
            {
                "type": "buttons",
                "buttons": [
                    button("Earlier", {"do": "move", "path": path, "by": -1}, "Move this layer forward"),
                    button("Later", {"do": "move", "path": path, "by": 1}, "Move this layer back"),
                    button("Remove layer", {"do": "remove", "path": path}, "Remove this layer"),
                ],
            }
        )
    return controls


def set_command(path: str, field: str) -> Command:
    """The command that sets one field of a layer; its value comes from the control."""
    return {"do": "set", "path": path, "field": field}


def _more(*controls: dict[str, Any]) -> list[dict[str, Any]]:
    """Controls that are rarely wanted: they are folded away until somebody asks for more."""
    return [{**control, "more": True} for control in controls]


def _note(text: str) -> dict[str, Any]:
    """A sentence among the controls."""
    return {"type": "note", "label": text}


_YES_NO = [(True, "yes"), (False, "no")]
_NORMS = [("none", "none"), ("batch", "batch")]
_SIZE = "a number, or height × width such as 1×7"
_EPS = [1e-5, 1e-3]


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
            make.setting(conv, path, "stride", [1, 2, 3], typed=_SIZE),
            _padding_setting(make, conv, path),
            make.setting(conv, path, "groups", [1, 2, 4, "depthwise"], typed="a number that divides the channels"),
            make.setting(conv, path, "norm", _NORMS),
            activation_select(set_command(path, "activation"), conv.activation),
            *_more(
                make.setting(conv, path, "bias", [("auto", "where there is no norm"), *_YES_NO]),
                make.setting(conv, path, "norm_eps", _EPS, typed="more than 0, at most 1"),
            ),
        ]
    return controls


def _pool_controls(make: Maker, pool: Any, path: str, detailed: bool, _: bool) -> list[dict[str, Any]]:
    controls = [_pool_kind(make, pool, path)]
    controls += _window_controls(make, pool, path, "kernel_size", [1, 2, 3, 5, 7, 9])
    if detailed:
        controls += [
            make.setting(pool, path, "stride", [1, 2, 3], typed=_SIZE),
            _padding_setting(make, pool, path),
            *_more(
                make.setting(pool, path, "ceil_mode", _YES_NO),
                make.setting(pool, path, "count_include_pad", _YES_NO),
            ),
        ]
    return controls


def _pool_kind(make: Maker, pool: Any, path: str) -> dict[str, Any]:
    return make.setting(pool, path, "kind", [("max", "max"), ("avg", "average")])


def _padding_setting(make: Maker, leaf: Any, path: str) -> dict[str, Any]:
    values: list[Any] = ["same", 0, 1, 2]
    return make.setting(leaf, path, "padding", values, typed=f"'same', {_SIZE}")


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


def _norm_controls(make: Maker, norm: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    return [make.setting(norm, path, "eps", _EPS, typed="more than 0, at most 1")]


def _activation_controls(_: Maker, node: Any, path: str, *__: bool) -> list[dict[str, Any]]:
    return [activation_select(set_command(path, "kind"), node.kind)]


def _attention_controls(make: Maker, attention: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    kind = make.setting(attention, path, "kind", [("se", "SE"), ("cbam", "CBAM")])
    return [kind, *attention_sizes(make, attention, path)]


def attention_sizes(make: Maker, attention: Any, path: str) -> list[dict[str, Any]]:
    """The controls of an attention but for its kind."""
    value, kernel = attention.reduction, attention.spatial_kernel
    odd = make.ribbon("spatial kernel", set_command(path, "spatial_kernel"), kernel, sorted({3, 5, 7, 9, 11, kernel}))
    return [
        make.ribbon("reduction", set_command(path, "reduction"), value, sorted({1, 2, 4, 8, 16, 32, value})),
        *([odd] if attention.kind == "cbam" else _more(odd)),  # squeeze-and-excitation has no use for it
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
    norm = make.setting(residual, path, "norm", _NORMS)
    activation = activation_select(set_command(path, "activation"), residual.activation)
    return [
        make.ribbon("scale", set_command(path, "scale"), residual.scale, scales),
        *_more({**norm, "label": "norm of the projection"}, {**activation, "label": "activation after the addition"}),
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
    "activation": _activation_controls,
    "attention": _attention_controls,
    "parallel": _parallel_controls,
    "residual": _residual_controls,
    "auxiliary": _auxiliary_controls,
}
"""For each op the controls of such a node's own fields: ``controls(make, node, path, detailed, linked)``.

A kind without a row has no settings, or none that are edited by hand.
"""


def _window_controls(make: Maker, leaf: Any, path: str, field: str, values: list[int]) -> list[dict[str, Any]]:
    """One ribbon for a square size, two for (h, w); typed as 3 or 1×7 in each of them."""
    command, label = set_command(path, field), field_label(field)
    value = getattr(leaf, field)
    if isinstance(value, int):
        ribbons = [make.ribbon(label, command, value, sorted({*values, value}))]
    else:
        ribbons = [
            make.ribbon(f"{label} {side}", {**command, "axis": axis}, value[axis], sorted({*values, value[axis]}))
            for axis, side in enumerate(("height", "width"))
        ]
    return [{**ribbon, "typed": _SIZE} for ribbon in ribbons]


def activation_select(command: Command, value: str | None) -> dict[str, Any]:
    """A menu of activations; None stands for layers that differ."""
    return {
        "type": "select",
        "label": "activation",
        "command": command,
        "value": value,
        "options": [{"value": name, "label": name.replace("_", " ")} for name in ACTIVATIONS],
    }
