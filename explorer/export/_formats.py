"""Every format that can be taken away, in one table: pages and command line offer what stands in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .. import catalog
from ..architecture import to_data, to_link
from ..text import suggest
from . import _onnx, _pictures, _pytorch, _script, _sequential, _tables, _weights
from ._subject import Subject


@dataclass(frozen=True, kw_only=True)
class ExportedFile:
    """A file to hand over."""

    name: str
    media_type: str
    data: bytes = field(repr=False)
    notes: tuple[str, ...] = ()
    """What was proved of it, and what it cannot say; one sentence each."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file and how it is written."""

    title: str
    """As a menu shows it."""
    suffix: str
    """With its dot."""
    media_type: str
    write: Callable[[Subject], tuple[bytes, tuple[str, ...]]] = field(repr=False)
    """Gives the file's content and notes. Raises ValueError, in one sentence, where the subject has no such form."""
    takes_weights: bool = False
    """Whether weights are part of it; torch's initial ones where there are no others, unless it needs them."""
    needs_weights: bool = False
    takes_recipe: bool = False
    """Whether how a run trained is part of it."""
    of_block: bool = False
    """Whether it can be of the block at the subject's path alone."""
    is_text: bool = True
    """Whether a page can show it as code."""


def _write_json(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    return f"{json.dumps(to_data(catalog.state_origin(subject.architecture)), indent=2)}\n".encode(), ()


def _write_link(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    return f"{to_link(subject.architecture)}\n".encode(), ()


FORMATS: dict[str, Format] = {
    "pytorch": Format(
        title="PyTorch source", suffix=".py", media_type="text/x-python", write=_pytorch.write_pytorch
    ),
    "sequential": Format(
        title="nn.Sequential, for teaching", suffix=".sequential.py", media_type="text/x-python",
        write=_sequential.write_sequential_of,
    ),
    "script": Format(
        title="Training script", suffix=".train.py", media_type="text/x-python", write=_script.write_script,
        takes_recipe=True,
    ),
    "json": Format(title="JSON", suffix=".json", media_type="application/json", write=_write_json),
    "link": Format(title="Link", suffix=".txt", media_type="text/plain", write=_write_link),
    "onnx": Format(
        title="ONNX", suffix=".onnx", media_type="application/octet-stream", write=_onnx.write_onnx,
        takes_weights=True, is_text=False,
    ),
    "safetensors": Format(
        title="Weights (safetensors)", suffix=".safetensors", media_type="application/octet-stream",
        write=_weights.write_safetensors, takes_weights=True, needs_weights=True, is_text=False,
    ),
    "pt2": Format(
        title="Archive of torch.export", suffix=".pt2", media_type="application/octet-stream",
        write=_weights.write_pt2, takes_weights=True, is_text=False,
    ),
    "svg": Format(
        title="SVG picture", suffix=".svg", media_type="image/svg+xml", write=_pictures.write_svg_of, of_block=True
    ),
    "pdf": Format(
        title="PDF picture", suffix=".pdf", media_type="application/pdf", write=_pictures.write_pdf_of, of_block=True,
        is_text=False,
    ),
    "tikz": Format(
        title="TikZ picture", suffix=".tex", media_type="text/x-tex", write=_pictures.write_tikz_of, of_block=True
    ),
    "latex": Format(
        title="LaTeX table of layers", suffix=".layers.tex", media_type="text/x-tex", write=_tables.write_latex_of,
        of_block=True,
    ),
    "markdown": Format(
        title="Markdown table of layers", suffix=".layers.md", media_type="text/markdown",
        write=_tables.write_markdown_of, of_block=True,
    ),
}
"""By the names of the command line. Modules that write a format import torch, onnx and the like inside functions."""


def export(subject: Subject, format_name: str) -> ExportedFile:
    """Write a design in a format.

    Args:
        subject: The design, with weights where the format needs them.
        format_name: A key of ``FORMATS``.

    Returns:
        The file, named after the design and the block.

    Raises:
        ValueError: There is no such format, the weights are missing, or the design has no such form; in one sentence.
    """
    known = FORMATS.get(format_name)
    if known is None:
        raise ValueError(f"there is no format {format_name!r}; {suggest(format_name, FORMATS, 'the formats are')}")
    if known.needs_weights and subject.weights is None:
        raise ValueError(f"{known.title} needs weights; export a run or a model, or train the design first")
    if subject.path and not known.of_block:
        blocks = ", ".join(name for name, each in FORMATS.items() if each.of_block)
        raise ValueError(f"{known.title} is of the whole network, not of {subject.path!r}; of a block are {blocks}")
    data, notes = known.write(subject)
    named = f"{subject.architecture.name} {subject.path}"
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", named).strip("-")[:60] or "network"
    name = f"{stem}{known.suffix}"
    return ExportedFile(name=name, media_type=known.media_type, data=data, notes=notes)
