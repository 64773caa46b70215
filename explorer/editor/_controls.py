"""Controls as data. A ribbon slider carries the curve of a metric over its whole range, computed by the analysis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..analysis import METRICS, Sweep, Totals, convex_in_channels, convex_samples, headline_metrics
from ..architecture import MAX_CHANNELS, MAX_FEATURES, Architecture, ArchitectureError, edit
from ..text import format_bytes, format_change, format_extent, format_si
from ._commands import Command, apply

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


def reductions(value: int) -> list[int]:
    """Positions of a reduction slider."""
    return sorted({1, 2, 4, 8, 16, 32, value})


class Maker:
    """Makes the controls of one panel; one ``Sweep`` serves all of its ribbons."""

    def __init__(self, architecture: Architecture, baseline: Architecture, metric: str, sweep: Sweep) -> None:
        self.architecture = architecture
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
        self, label: str, command: Command, value: Any, values: list[Any], text: str = "", convex: bool = False
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
        return {
            "type": "ribbon",
            "label": label,
            "command": command,
            "value": value,
            "text": text or str(value),
            "points": points,
            "base": self._base(command),
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


def leaf_controls(make: Maker, leaf: Any, path: str, *, detailed: bool, linked: bool) -> list[dict[str, Any]]:
    """Controls of one primitive layer; ``detailed`` adds those that are rarely wanted, ``linked`` leaves channels to
    the block."""
    controls = CONTROLS[leaf.op](make, leaf, path, detailed, linked) if leaf.op in CONTROLS else []
    if detailed and "/" in path:
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


def _conv_controls(make: Maker, conv: Any, path: str, detailed: bool, linked: bool) -> list[dict[str, Any]]:
    controls: list[dict[str, Any]] = []
    if isinstance(conv.out_channels, int) and not linked:
        controls.append(make.channels("channels", set_command(path, "out_channels"), conv.out_channels))
    if conv.geometry.kernel != (1, 1) or detailed:
        controls += _window_controls(make, conv, path, "kernel_size", "kernel", [1, 3, 5, 7, 9, 11])
        controls += _window_controls(make, conv, path, "dilation", "dilation", list(range(1, 9)))
    if detailed:
        groups: list[tuple[Any, str]] = [(1, "1"), (2, "2"), (4, "4"), ("depthwise", "depthwise")]
        norms = [("none", "none"), ("batch", "batch")]
        controls += [
            _stride_choice(make, conv, path),
            make.choice("groups", set_command(path, "groups"), conv.groups, groups, check=True),
            make.choice("norm", set_command(path, "norm"), conv.norm, norms),
            activation_select(set_command(path, "activation"), conv.activation),
        ]
    return controls


def _pool_kind(make: Maker, pool: Any, path: str) -> dict[str, Any]:
    return make.choice("pooling", set_command(path, "kind"), pool.kind, [("max", "max"), ("avg", "average")])


def _pool_controls(make: Maker, pool: Any, path: str, detailed: bool, _: bool) -> list[dict[str, Any]]:
    controls = [_pool_kind(make, pool, path)]
    controls += _window_controls(make, pool, path, "kernel_size", "kernel", [1, 2, 3, 5, 7, 9])
    return [*controls, _stride_choice(make, pool, path)] if detailed else controls


def _linear_controls(make: Maker, linear: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    return [
        make.channels("outputs", set_command(path, "out_features"), linear.out_features, MAX_FEATURES),
        activation_select(set_command(path, "activation"), linear.activation),
    ]


def _dropout_controls(make: Maker, dropout: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    values = sorted({*(round(0.05 * n, 2) for n in range(20)), dropout.p})
    return [make.ribbon("probability", set_command(path, "p"), dropout.p, values, text=f"{dropout.p:g}")]


def _attention_controls(make: Maker, attention: Any, path: str, *_: bool) -> list[dict[str, Any]]:
    value = attention.reduction
    return [make.ribbon("reduction", set_command(path, "reduction"), value, reductions(value))]


CONTROLS: dict[str, Callable[[Maker, Any, str, bool, bool], list[dict[str, Any]]]] = {
    "conv": _conv_controls,
    "pool": _pool_controls,
    "global_pool": lambda make, pool, path, *_: [_pool_kind(make, pool, path)],
    "linear": _linear_controls,
    "dropout": _dropout_controls,
    "attention": _attention_controls,
    "activation": lambda _, node, path, *__: [activation_select(set_command(path, "kind"), node.kind)],
}
"""For each op the controls of such a layer: ``controls(make, layer, path, detailed, linked)``.

A kind without a row has no settings, or none that are edited by hand.
"""


def _window_controls(
    make: Maker, leaf: Any, path: str, field: str, label: str, values: list[int]
) -> list[dict[str, Any]]:
    """One ribbon for a square size, two for (h, w); typed as 3 or 1×7."""
    command = set_command(path, field)
    value = getattr(leaf, field)
    if isinstance(value, int):
        ribbon = make.ribbon(label, command, value, sorted({*values, value}))
        return [{**ribbon, "free": True}]
    return [
        {
            **make.ribbon(f"{label} {side}", {**command, "axis": axis}, value[axis], sorted({*values, value[axis]})),
            "free": False,
        }
        for axis, side in enumerate(("height", "width"))
    ]


def _stride_choice(make: Maker, leaf: Any, path: str) -> dict[str, Any]:
    g = leaf.geometry
    value: Any = g.stride[0] if g.stride[0] == g.stride[1] else format_extent(g.stride)
    options = [(1, "1"), (2, "2"), (3, "3")]
    return make.choice("stride", set_command(path, "stride"), value, options, check=True)


def activation_select(command: Command, value: str | None) -> dict[str, Any]:
    """A menu of activations; None stands for layers that differ."""
    return {
        "type": "select",
        "label": "activation",
        "command": command,
        "value": value,
        "options": [{"value": name, "label": name.replace("_", " ")} for name in ACTIVATIONS],
    }
