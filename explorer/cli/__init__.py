"""The product without a browser: ``python -m explorer list | analyze | ... | train | runs | ablate | predict | ...``.

``--json`` gives plain data on stdout, ASCII only. An error is one line on stderr and exit status 2, never a traceback.
Text that strangers wrote is shown literally: control characters come out as escapes. Only ``summary``,
``ledger``, ``augment``, ``predict``, ``perturb``, ``evaluate``, ``effective-field``, ``slim`` and ``fold`` import
torch.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TextIO

from .. import __version__
from ..text import quote, suggest
from . import (
    _ablate,
    _augment,
    _challenge,
    _compare,
    _datasets,
    _design,
    _effective,
    _evaluate,
    _experiments,
    _export,
    _find_rate,
    _import,
    _inspect,
    _lessons,
    _lineage,
    _lint,
    _people,
    _receptive_field,
    _runs,
    _search,
    _slim,
)
from ._arguments import ARCH_HELP, whole_number
from ._text import describe_error, escape

__all__ = ["escape", "main"]

PROGRAM = "explorer"
STATUS_ERROR = 2
STATUS_BROKEN_PIPE = 141  # what a shell reports of a program whose reader went away
STATUS_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are one line, with the nearest verb, choice or option where one was mistyped."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see `{self.prog} --help`")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, rest = super().parse_known_args(args, namespace)
        if rest and self._subparsers is None:  # the verb itself, which knows what it takes
            wrong = next((each for each in rest if each.startswith("-")), rest[0]).partition("=")[0]
            options = [name for name in self._option_string_actions if name.startswith("--")]
            hint = suggest(wrong, options, "") if wrong.startswith("-") else "that is one argument too many"
            self.error(f"there is no {quote(wrong)} here; {hint}")
        return found, rest

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            hint = suggest(str(value), list(map(str, action.choices)))
            raise argparse.ArgumentError(action, f"there is no {quote(value)}; {hint}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"python -m {PROGRAM}", description="Inception Explorer without a browser.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"Inception Explorer {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], int | None], text: str, *, arch: bool, shape: bool) -> Any:
        sub = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(run=run)
        if arch:
            sub.add_argument("arch", metavar="ARCH", help=ARCH_HELP)
        if shape:
            sub.add_argument("--input", metavar="CxHxW", help="another input shape, such as 3x224x224")
        sub.add_argument("--json", action="store_true", help="plain data instead of a table")
        return sub

    _design.add_list(verb)
    _lineage.add(verb)
    text = "Shapes, costs and receptive field, layer by layer."
    sub = verb("analyze", _design.analyze_verb, text, arch=True, shape=True)
    sub.add_argument("--count", metavar="LAYER", help="the operations of one layer, with its numbers written out")
    _receptive_field.add(verb)
    _lint.add(verb)
    sub = verb("summary", _design.summary_verb, "torchinfo's summary (needs torch).", arch=True, shape=True)
    sub.add_argument("--depth", type=whole_number, metavar="N", help="hide layers that are nested deeper than N")
    text = "Counts of this program and of other tools, every difference explained (needs torch)."
    verb("ledger", _design.ledger_verb, text, arch=True, shape=True)
    sub = verb("diff", _design.diff_verb, "The differences between two architectures.", arch=False, shape=False)
    sub.add_argument("before", metavar="A", help=ARCH_HELP)
    sub.add_argument("after", metavar="B", help=ARCH_HELP)
    sub.add_argument("--all", action="store_true", help="list every change singly, also what costs nothing")
    _export.add(verb)
    _import.add(verb)
    _compare.add(verb)
    _runs.add(verb, verbs)
    _people.add(verbs)
    _augment.add(verb)
    _find_rate.add(verb)
    _lessons.add(verb)
    _ablate.add(verb)
    _experiments.add(verbs)
    _search.add(verb)
    _challenge.add(verb)
    _datasets.add(verbs)
    _inspect.add(verb)
    _evaluate.add(verb)
    _effective.add(verb)
    _slim.add(verb)
    return parser


def _escape_what_cannot_be_written(stream: TextIO) -> None:
    if isinstance(stream, io.TextIOWrapper):  # a terminal or pipe that knows fewer letters gets escapes, not an error
        stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Send what is still buffered nowhere: the interpreter would try to write it again at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, what the verb gives, or 2 after one line on stderr."""
    _escape_what_cannot_be_written(sys.stdout)
    _escape_what_cannot_be_written(sys.stderr)
    try:
        args = _parser().parse_args(argv)
        status: int = args.run(args) or 0
        if sys.stdout is not None:  # closed by the caller: nobody wants to read
            sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return STATUS_BROKEN_PIPE
    except KeyboardInterrupt:
        return STATUS_INTERRUPTED
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("explorer"):
            raise
        print(f"{PROGRAM}: this verb needs {escape(error.name)}; install requirements.txt", file=sys.stderr)
        return STATUS_ERROR
    except OSError as error:
        _discard_output()
        print(f"{PROGRAM}: cannot write the output: {error.strerror or error}", file=sys.stderr)
        return STATUS_ERROR
    except ValueError as error:
        print(f"{PROGRAM}: {describe_error(error)}", file=sys.stderr)
        return STATUS_ERROR
    return status
