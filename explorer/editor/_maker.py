"""Controls as data. A ribbon slider carries the curve of a metric over its whole range, computed by the analysis."""

from __future__ import annotations

from typing import Any, get_args

from ..analysis import METRICS, Analysis, Sweep, Totals, convex_in_channels, convex_samples, headline_metrics
from ..architecture import MAX_CHANNELS, ActivationKind, Architecture, ArchitectureError, edit, field_label
from ..text import format_bytes, format_change, format_setting, format_si
from ._commands import Command, apply
from ._offers import explain_lock
from ._typed import as_plain

_FORMER_KEYS = {"training": "training_bytes", "inference": "inference_bytes", "field": "receptive_field"}
"""Names of metrics in links that were made before metrics had one name everywhere."""

_ACTIVATIONS = get_args(ActivationKind)


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
        return f"{value:,} px"
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
    """Makes the controls of one panel; one ``Sweep`` serves all of its ribbons.

    Where only some ``fields`` of layers are asked for, nothing is worked out for the others.
    """

    def __init__(
        self,
        architecture: Architecture,
        analysis: Analysis,
        baseline: Architecture,
        metric: str,
        sweep: Sweep,
        fields: tuple[str, ...] | None = None,
    ) -> None:
        self.architecture = architecture
        self.analysis = analysis
        self.baseline = baseline
        self.metric = metric
        self.sweep = sweep
        self.fields = fields
        totals = sweep.totals(baseline)
        assert totals is not None  # a page never holds a network that does not work
        self.before = self.value(totals)
        self.convex = METRICS[metric].convex and convex_in_channels(architecture)

    def value(self, totals: Totals) -> int:
        """The number that the ribbons show."""
        return METRICS[self.metric].read_totals(totals)

    def wants(self, command: Command) -> bool:
        """Whether the control of a command is asked for."""
        return self.fields is None or command.get("field") in self.fields

    def totals(self, command: Command) -> Totals | None:
        """The numbers after a command, None where the network would not work, or where nobody asks."""
        if not self.wants(command):
            return None
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
        if not self.wants(command):
            return {"type": "ribbon", "command": command}

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


def button(label: str, command: Command, hint: str = "", off: bool = False, why: str = "") -> dict[str, Any]:
    """Something to do at a click; ``hint`` is its full name, ``why`` says what stands against it where it is off."""
    hint = hint or label
    return {"type": "button", "label": label, "command": command, "hint": f"{hint}: {why}" if off else hint, "off": off}


def set_command(path: str, field: str) -> Command:
    """The command that sets one field of a layer; its value comes from the control."""
    return {"do": "set", "path": path, "field": field}


def activation_select(command: Command, value: str | None) -> dict[str, Any]:
    """A menu of activations; None stands for layers that differ."""
    return {
        "type": "select",
        "label": "activation",
        "command": command,
        "value": value,
        "options": [{"value": name, "label": name.replace("_", " ")} for name in _ACTIVATIONS],
    }
