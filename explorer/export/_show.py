"""A network in a notebook: its diagram and its numbers as HTML that needs no script and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..analysis import METRICS, analyze
from ..architecture import Architecture, edit
from ..figures import INKS, KINDS, draw_block, draw_network
from ..text import compact_shape, escape_html, format_bytes, format_count, format_extent, format_shape, format_si
from ._svg import write_svg

_CLASS = "explorer-figure"
_PX = 1.6
"""Pixels of a screen for a point of the drawing: letters of 7 pt are read at 11 px."""
_COLOURS = {**KINDS, **INKS}


@dataclass(frozen=True, kw_only=True)
class Diagram:
    """What ``show`` gives: a notebook draws it, elsewhere it is a line of text."""

    architecture: Architecture | None
    """The network, or as much of it as was understood; None for nothing."""
    path: str = ""
    """The block that is drawn; '' for the whole network."""
    name: str = ""
    """What is shown, where there is no architecture."""
    notes: tuple[str, ...] = ()
    """What was assumed, converted or not understood, one sentence each."""
    numbers: tuple[tuple[str, str, str], ...] = field(init=False, repr=False)
    """(name, value, what is counted) of each number of a whole network; a block's stand in the caption."""

    def __post_init__(self) -> None:
        numbers = () if self.architecture is None or self.path else _list_numbers(self.architecture)
        object.__setattr__(self, "numbers", numbers)

    def __repr__(self) -> str:
        told = ", ".join(f"{value} {label}" for label, value, _ in self.numbers[:2])
        return "\n".join((f"{self._title}: {told}" if told else self._title, *self.notes))

    @property
    def _title(self) -> str:
        name = self.architecture.name if self.architecture else self.name
        return f"{name}, {self.path}" if self.path else name

    def _repr_html_(self) -> str:
        numbers = "".join(
            f'<div title="{escape_html(told)}"><dt>{escape_html(label)}</dt><dd>{escape_html(value)}</dd></div>'
            for label, value, told in self.numbers
        )
        notes = "".join(f"<li>{escape_html(note)}</li>" for note in self.notes)
        return (
            f'<figure class="{_CLASS}"><style>{_write_style()}</style><b>{escape_html(self._title)}</b>'
            + (f"<dl>{numbers}</dl>" if numbers else "")
            + (f"<ul>{notes}</ul>" if notes else "")
            + self._draw()
            + "</figure>"
        )

    def _draw(self) -> str:
        if self.architecture is None:
            return ""
        found = draw_block(self.architecture, self.path) if self.path else draw_network(self.architecture)
        picture, _ = write_svg(found, theme="explorer")
        wide = f"{found.width * _PX:.0f}px"
        return (
            f'<div class="explorer-scroll"><div style="width:{wide}">{picture}</div></div>'
            f"<figcaption>{escape_html(found.caption)}</figcaption>"
        )


def show(model: Any, input_shape: Sequence[int] | None = None, *, path: str = "") -> Diagram:
    """Draw a network with its numbers: as the last line of a notebook's cell it is seen at once.

    >>> from explorer import catalog, show
    >>> show(catalog.get("lenet-5"))
    LeNet-5: 61,706 parameters, 416,520 MACs

    Args:
        model: An ``Architecture``, or any ``torch.nn.Module``, which is captured as it is.
        input_shape: (channels, height, width) of an image, without the batch. For an architecture another than its
            own; of a module that does not tell it, 224 by 224 are assumed and said.
        path: A block to be drawn alone; '' for the whole network.

    Returns:
        The diagram. Of a module that is understood in part, what was understood, and what was not.

    Raises:
        TypeError: ``model`` is neither.
        ValueError: The network does not work with the shape, or has no such block.
    """
    if isinstance(model, Architecture):
        shape = tuple(input_shape) if input_shape is not None else model.input_shape
        found = model if shape == model.input_shape else edit.replace(model, "", input_shape=shape)
        return Diagram(architecture=found, path=path)
    if not _is_module(model):
        raise TypeError(f"show draws an Architecture or a torch.nn.Module, not a {type(model).__name__}")
    return _show_module(model, input_shape, path)


def _is_module(model: object) -> bool:
    """Whether it is a module of torch, without loading torch for what cannot be one."""
    return any(kind.__module__ == "torch.nn.modules.module" for kind in type(model).__mro__)


def _show_module(module: Any, input_shape: Sequence[int] | None, path: str) -> Diagram:
    from ..importing import from_module

    shape, assumed = _find_shape(module) if input_shape is None else (_three(input_shape), "")
    name = type(module).__name__
    found = from_module(module, shape, name)
    said = "cannot be drawn" if found.architecture is None else "is understood in part"
    told = [f"{name} {said}: {found.obstacle.describe()}."] if found.obstacle else []
    notes = (*([assumed] if assumed else []), *told, *map(str, found.notes))
    return Diagram(architecture=found.architecture, path=path, name=name, notes=notes)


def _three(shape: Sequence[int]) -> tuple[int, int, int]:
    channels, height, width = shape
    return channels, height, width


def _find_shape(module: Any) -> tuple[tuple[int, int, int], str]:
    """(channels, height, width) of an image as the module tells it, or as is usual; and a sentence where assumed."""
    known = getattr(module, "pretrained_cfg", None) or {}
    if "input_size" in known:
        channels, height, width = known["input_size"]
        return (channels, height, width), ""
    channels = next((each.in_channels for each in module.modules() if hasattr(each, "in_channels")), 3)
    shape = (channels, 224, 224)
    return shape, f"An image of {compact_shape(shape)} is assumed; give input_shape for another."


def _list_numbers(architecture: Architecture) -> tuple[tuple[str, str, str], ...]:
    analysis = analyze(architecture)
    known = {key: metric for key, metric in METRICS.items() if metric.headline}
    exact = {"params": format_count(analysis.params), "macs": format_count(analysis.macs)}
    rows = []
    for key, metric in known.items():
        value = metric.read(architecture, analysis)
        measured = format_bytes(value) if metric.unit == "bytes" else f"{format_si(value)} {metric.unit}"
        rows.append((metric.label, exact.get(key, measured), metric.convention))
    field = analysis.receptive_field
    rows.append(("stride", f"{format_extent(field.stride)} px", METRICS["stride"].convention))
    rows.append(("input", format_shape(architecture.input_shape), "channels × height × width of one image"))
    return tuple(rows)


def _write_style() -> str:
    """Colours as variables: of the system's theme, and of the theme that a notebook says it has."""

    def colours(theme: str) -> str:
        return "".join(f"--x-{key}:{getattr(kind, theme)};" for key, kind in _COLOURS.items())

    light = ('[data-jp-theme-light="true"]', ".vscode-light", 'html[theme="light"]')
    dark = ('[data-jp-theme-light="false"]', ".vscode-dark", 'html[theme="dark"]')
    rules = [
        f".{_CLASS}{{{colours('light')}}}",
        f"@media(prefers-color-scheme:dark){{.{_CLASS}{{{colours('dark')}}}}}",
        f"{','.join(f'{each} .{_CLASS}' for each in light)}{{{colours('light')}}}",
        f"{','.join(f'{each} .{_CLASS}' for each in dark)}{{{colours('dark')}}}",
        f".{_CLASS}{{margin:0;padding:12px;background:var(--x-page);color:var(--x-ink);"
        "font:14px/1.4 system-ui,sans-serif}",
        f".{_CLASS} dl{{display:flex;flex-wrap:wrap;gap:4px 24px;margin:8px 0}}",
        f".{_CLASS} dt,.{_CLASS} figcaption{{color:var(--x-soft);font-size:12px}}",
        f".{_CLASS} dd{{margin:0;font-weight:600}}.{_CLASS} .explorer-scroll{{overflow-x:auto}}",
        *(
            f".{_CLASS} .explorer-fill-{key}{{fill:var(--x-{key})}}.{_CLASS} .explorer-stroke-{key}"
            f"{{stroke:var(--x-{key})}}"
            for key in _COLOURS
        ),
    ]
    return "".join(rules)
