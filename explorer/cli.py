"""The product without a browser: ``python -m explorer list | analyze | summary | ledger | diff | export``.

``--json`` gives plain data on stdout, ASCII only. An error is one line on stderr and exit status 2, never a traceback.
Text that strangers wrote is shown literally: control characters come out as escapes. Only ``summary`` and ``ledger``
import torch.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
import textwrap
import urllib.parse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

from . import __version__, catalog
from .analysis import CONVENTIONS, Analysis, ReceptiveField, analyze
from .architecture import (
    LINK_PREFIX,
    MAX_TEXT_BYTES,
    Architecture,
    ArchitectureError,
    diff,
    edit,
    from_json,
    from_link,
    to_data,
    to_link,
)

PROGRAM = "explorer"
STATUS_ERROR = 2
STATUS_BROKEN_PIPE = 141  # what a shell reports of a program whose reader went away
STATUS_INTERRUPTED = 130
_PROBLEMS_SHOWN = 3
_TEXT_SHOWN = 60
_PATH_SHOWN = 300
_WIDTH = 120


# ---- what a person may type as ARCH ---------------------------------------------------------------------------------


def resolve(text: str, *, files: bool = False) -> Architecture:
    """The architecture that a text names: a catalogue name or alias, a link, or (with ``files``) a path of a JSON file.

    A link is the bare text of ``architecture.to_link`` or a URL whose ``net`` parameter is such a text or a catalogue
    name; nothing is fetched. With ``files``, '-' is standard input. Leave ``files`` off for text from a stranger: it
    must not open files of this computer. Raises ValueError in one sentence, ArchitectureError where a link could be
    read and what it holds is not an architecture.
    """
    text = text.strip()
    if not text:
        raise ValueError("the name of the architecture is empty; see `python -m explorer list`")
    if "://" in text or re.search(r"[?&]net=", text):
        return _from_url(text)
    if text in catalog.names() or text in catalog.ALIASES:
        return catalog.get(text)
    if files and (text == "-" or os.path.exists(text)):
        return _from_file(text)
    if text.startswith(LINK_PREFIX):
        return from_link(text)
    if files and (text.endswith(".json") or os.sep in text):
        raise ValueError(
            f"there is no file {_quoted(text, _PATH_SHOWN)}; give a JSON file, a link or a name of the catalogue"
        )
    return catalog.get(text)


def _from_url(url: str) -> Architecture:
    try:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query, max_num_fields=100)
    except ValueError:
        query = {}
    values = query.get("net", [])
    if len(values) != 1:
        found = "no `net=`" if not values else f"{len(values)} times `net=`"
        raise ValueError(f"the link {_quoted(url)} has {found}; copy the address of a page that shows one network")
    return from_link(values[0]) if values[0].startswith(LINK_PREFIX) else catalog.get(values[0])


def _from_file(name: str) -> Architecture:
    """The architecture in a file as ``export`` writes it, JSON or link.

    Never more than the allowed bytes are read, so an endless file is harmless.
    """
    label = "standard input" if name == "-" else _quoted(name, _PATH_SHOWN)
    try:
        with open(0 if name == "-" else name, "rb", closefd=name != "-") as file:
            text = file.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot read {label}: {error.strerror or error}; give the path of a JSON file") from None
    if len(text) > MAX_TEXT_BYTES:
        raise ValueError(f"{label} is too large to be an architecture; at most {MAX_TEXT_BYTES:,} bytes are allowed")
    try:
        if text.startswith(LINK_PREFIX.encode()):
            return from_link(text.decode("ascii", "replace").strip())
        return from_json(text)
    except ArchitectureError as error:
        raise ValueError(f"{label}: {_one_line(error)}") from None


def _input_shape(text: str | None) -> tuple[int, int, int] | None:
    """(channels, height, width) of text such as 3x224x224."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6})[x×]([0-9]{1,6})[x×]([0-9]{1,6})", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"--input {_quoted(text)} must be CHANNELSxHEIGHTxWIDTH, such as 3x224x224")
    c, h, w = map(int, match.groups())
    return c, h, w


def _architecture(args: argparse.Namespace) -> Architecture:
    architecture = resolve(args.arch, files=True)
    shape = _input_shape(args.input)
    return architecture if shape is None else edit.replace(architecture, "", input_shape=shape)


# ---- what a person sees ---------------------------------------------------------------------------------------------


def shown(text: object) -> str:
    """Text on one line that cannot command a terminal: whatever is not printable becomes its escape."""
    return "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in str(text))


def _quoted(text: str, limit: int = _TEXT_SHOWN) -> str:
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")


def _times(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _pixels(field: ReceptiveField) -> str:
    return _times(field.size) if field.size[0] != field.size[1] else str(field.size[0])


def _field(field: ReceptiveField) -> str:
    return f"{_pixels(field)}{' +' if field.whole_input else ''}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], right: str) -> str:
    """Columns padded to their widest entry; ``right`` holds '>' for the ones of numbers, '<' for the others."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, right, widths, strict=True)).rstrip()
        for row in [header, ["-" * width for width in widths], *rows]
    )


def _print_json(data: Any) -> None:
    print(json.dumps(data, indent=2))


def _totals(analysis: Analysis) -> str:
    field = analysis.totals.receptive_field
    aligned = "" if field.aligned else "branches differ in stride or centre; "
    numbers = (
        ("params", f"{analysis.params:,}", CONVENTIONS["params"]),
        ("auxiliary params", f"{analysis.auxiliary_params:,}", "of the heads that exist in training only"),
        ("MACs", f"{analysis.macs:,}", CONVENTIONS["macs"]),
        ("FLOPs", f"{analysis.flops:,}", "2 × MACs"),
        ("training memory", f"{analysis.training_bytes:,} bytes", CONVENTIONS["training_bytes"]),
        ("inference memory", f"{analysis.inference_bytes:,} bytes", CONVENTIONS["inference_bytes"]),
        ("receptive field", f"{_times(field.size)} / {_times(field.stride)}",
         f"size / stride, shortest path {_times(field.min_size)}; {aligned}{CONVENTIONS['receptive_field']}"),
    )  # fmt: skip
    return _notes(numbers)


def _notes(rows: Sequence[tuple[str, str, str]]) -> str:
    """Name, number and a sentence that wraps within its column."""
    left, middle = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows)
    indent = " " * (left + middle + 4)
    return "\n".join(
        textwrap.fill(note, _WIDTH, initial_indent=f"{name:<{left}}  {value:>{middle}}  ", subsequent_indent=indent)
        for name, value, note in rows
    )


# ---- the verbs ------------------------------------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> None:
    known = [(entry, analyze(entry.architecture)) for entry in catalog.entries()]
    if args.json:
        _print_json([
            {
                "name": entry.name,
                "aliases": [alias for alias, name in catalog.ALIASES.items() if name == entry.name],
                "title": entry.title,
                "summary": entry.summary,
                "source": entry.source,
                "mended": list(entry.mended),
                "facts": [
                    {name: getattr(fact, name) for name in ("metric", "value", "source", "exact", "note")}
                    for fact in entry.facts
                ],
                "tags": list(entry.tags),
                "input_shape": list(analysis.input_shape),
                "params": analysis.params,
                "macs": analysis.macs,
            }
            for entry, analysis in known
        ])  # fmt: skip
        return
    rows = [(e.name, _times(a.input_shape), f"{a.params:,}", f"{a.macs:,}", shown(e.title)) for e, a in known]
    print(_table(("name", "input", "params", "MACs", "title"), rows, "<>>><"))


def _analyze(args: argparse.Namespace) -> None:
    analysis = analyze(_architecture(args))
    if args.json:
        _print_json(analysis.to_data())
        return
    rows = [
        (
            layer.path,
            f"{layer.op} *" if layer.training_only else layer.op,
            _times(layer.output_shape),
            f"{layer.params:,}",
            f"{layer.macs:,}",
            _field(layer.receptive_field),
            _times(layer.receptive_field.stride)
            if layer.receptive_field.stride[0] != layer.receptive_field.stride[1]
            else str(layer.receptive_field.stride[0]),
        )
        for layer in analysis.layers
    ]
    print(f"{shown(analysis.name)}: {_times(analysis.input_shape)} to {_times(analysis.totals.output_shape)}\n")
    print(_table(("layer", "op", "output", "params", "MACs", "field", "stride"), rows, "<<>>>>>"))
    if any(layer.training_only for layer in analysis.layers):
        print("* part of an auxiliary head: training only, not in the totals of params and MACs")
    if any(layer.receptive_field.whole_input for layer in analysis.layers):
        print("+ depends on the whole input through pooling, flattening or attention; the number is the convolutions'")
    print(f"\n{_totals(analysis)}")


def _summary(args: argparse.Namespace) -> None:
    from .profiling import summary

    reading = summary(_architecture(args), depth=args.depth)
    if args.json:
        _print_json(reading.to_data())
        return
    print(reading.text)
    for note in reading.notes:
        print(note)


def _ledger(args: argparse.Namespace) -> None:
    from .profiling import ledger

    reading = ledger(_architecture(args))
    if args.json:
        _print_json(reading.to_data())
        return
    print(f"{shown(reading.name)}: {_times(reading.input_shape)}, one image, inference")
    for each in reading.comparisons:
        lines = [("  ours", f"{each.ours:,}", each.our_convention)]
        lines += [(f"  {item.label}", f"{item.value:+,}", item.convention) for item in each.items]
        lines += [
            ("  sum", f"{each.explained:,}", "exactly the tool's number" if each.exact else "NOT the tool's number"),
            (f"  {each.tool}", f"{each.theirs:,}", each.their_name),
        ]
        print(f"\n{each.metric} ({each.unit})")
        print(_notes(lines))


def _diff(args: argparse.Namespace) -> None:
    before, after = resolve(args.before, files=True), resolve(args.after, files=True)
    changes = diff(before, after)
    metrics = ("params", "macs", "training_bytes", "inference_bytes")
    old, new = analyze(before).totals, analyze(after).totals
    totals = {name: (getattr(old, name), getattr(new, name)) for name in metrics}
    if args.json:
        fields = ("path", "kind", "field", "before", "after")
        _print_json({
            "before": before.name,
            "after": after.name,
            "changes": [{name: getattr(change, name) for name in fields} for change in changes],
            "totals": {name: {"before": was, "after": now} for name, (was, now) in totals.items()},
        })  # fmt: skip
        return
    for change in changes:
        print(shown(change))
    if not changes:
        print("no difference")
    print()
    rows = [(name, f"{was:,}", f"{now:,}", f"{now - was:+,}") for name, (was, now) in totals.items()]
    print(_table(("total", "before", "after", "difference"), rows, "<>>>"))


def _export(args: argparse.Namespace) -> None:
    architecture = resolve(args.arch, files=True)
    text = to_link(architecture) if args.format == "link" else json.dumps(to_data(architecture), indent=2)
    if args.output is None:
        print(text)
        return
    try:
        Path(args.output).write_text(f"{text}\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"cannot write {_quoted(args.output, _PATH_SHOWN)}: {reason}") from None


# ---- the command line -----------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see `python -m explorer --help`")


_ARCH = "name or alias of the catalogue, path of a JSON file ('-' for standard input), or a link"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"python -m {PROGRAM}", description="Inception Explorer without a browser.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"Inception Explorer {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], None], text: str, *, arch: bool, shape: bool) -> Any:
        sub = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(run=run)
        if arch:
            sub.add_argument("arch", metavar="ARCH", help=_ARCH)
        if shape:
            sub.add_argument("--input", metavar="CxHxW", help="another input shape, such as 3x224x224")
        if name != "export":
            sub.add_argument("--json", action="store_true", help="plain data instead of a table")
        return sub

    verb("list", _list, "The networks of the catalogue.", arch=False, shape=False)
    verb("analyze", _analyze, "Shapes, costs and receptive field, layer by layer.", arch=True, shape=True)
    sub = verb("summary", _summary, "torchinfo's summary (needs torch).", arch=True, shape=True)
    sub.add_argument("--depth", type=int, metavar="N", help="fold what is nested deeper than N")
    text = "Our counts beside torchinfo's and FlopCounterMode's, every difference named (needs torch)."
    verb("ledger", _ledger, text, arch=True, shape=True)
    sub = verb("diff", _diff, "What changed from one architecture to another.", arch=False, shape=False)
    sub.add_argument("before", metavar="A", help=_ARCH)
    sub.add_argument("after", metavar="B", help=_ARCH)
    sub = verb("export", _export, "The architecture as JSON or as the text of a link.", arch=True, shape=False)
    sub.add_argument("--format", choices=("json", "link"), default="json", help="default: json")
    sub.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    return parser


def _one_line(error: Exception) -> str:
    """The error as one line; of a list of problems the first few, each with its way out."""
    if not isinstance(error, ArchitectureError):
        return shown(error)
    told = [f"{problem} ({problem.repair.label})" if problem.repair else str(problem) for problem in error.problems]
    more = len(told) - _PROBLEMS_SHOWN
    return shown("; ".join(told[:_PROBLEMS_SHOWN]) + (f"; and {more} more" if more > 0 else ""))


def _escape_what_cannot_be_written(stream: TextIO) -> None:
    if isinstance(stream, io.TextIOWrapper):  # a terminal or pipe that knows fewer letters gets escapes, not an error
        stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Send what is still buffered nowhere: the interpreter would try to write it again at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 2 after one line on stderr."""
    _escape_what_cannot_be_written(sys.stdout)
    _escape_what_cannot_be_written(sys.stderr)
    try:
        args = _parser().parse_args(argv)
        args.run(args)
        if sys.stdout is not None:  # closed by the caller: nobody wants to read
            sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return STATUS_BROKEN_PIPE
    except KeyboardInterrupt:
        return STATUS_INTERRUPTED
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(__package__):
            raise
        print(f"{PROGRAM}: this verb needs {shown(error.name)}; install requirements.txt", file=sys.stderr)
        return STATUS_ERROR
    except OSError as error:
        _discard_output()
        print(f"{PROGRAM}: cannot write the output: {error.strerror or error}", file=sys.stderr)
        return STATUS_ERROR
    except ValueError as error:
        print(f"{PROGRAM}: {_one_line(error)}", file=sys.stderr)
        return STATUS_ERROR
    return 0
