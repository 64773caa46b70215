"""The verb about several designs at once: ``compare``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from .. import catalog
from ..architecture import Architecture, from_json, to_data
from ..comparison import (
    LETTERS,
    Delta,
    Report,
    compare,
    describe_misfits,
    group_steps,
    make_report,
    render_csv,
    render_html,
    render_markdown,
)
from ..experiments import RunAccuracy, collect_accuracies, find_runs
from ..runs import RUN_ID
from ..text import format_share, format_signed
from ._arguments import ARCH_HELP
from ._running import open_manager
from ._text import escape, format_table, print_json, wrap, write_text


def compare_verb(args: argparse.Namespace) -> None:
    chosen = [name for name in ("json", "markdown", "csv", "html") if getattr(args, name)]
    if len(chosen) > 1:
        raise ValueError(f"choose one of --{' and --'.join(chosen)}")
    networks = [_read_network(text) for text in args.archs]
    found = make_report(compare(networks), _read_accuracies(networks))
    if args.json:
        print_json({
            "comparison": found.comparison.to_data(),
            "differences": [each.to_data() for each in found.differences],
            "architectures": [to_data(architecture) for architecture in found.comparison.architectures],
            "runs": [asdict(each) for each in found.accuracies],
        })  # fmt: skip
    elif args.markdown:
        print(render_markdown(found), end="")
    elif args.csv:
        print(render_csv(found), end="")
    elif args.html is not None:
        write_text(args.html, render_html(found))
    else:
        _print(found, every=args.all)


def _read_network(text: str) -> Architecture:
    if not RUN_ID.fullmatch(text):
        return catalog.resolve(text, files=True)
    with open_manager() as manager:
        return from_json(manager.run(text).architecture)


def _read_accuracies(networks: list[Architecture]) -> list[RunAccuracy]:
    """What runs of them have reached; nothing, and the reason said, where runs cannot be read."""
    try:
        with open_manager() as manager:
            return collect_accuracies(manager, find_runs(manager.runs(), networks))
    except ValueError as error:
        print(f"accuracies are left out: {escape(str(error))}", file=sys.stderr)
        return []


def _print(found: Report, *, every: bool) -> None:
    comparison = found.comparison
    letters = LETTERS[: len(comparison.architectures)]
    for letter, architecture in zip(letters, comparison.architectures, strict=True):
        print(f"{letter}  {escape(architecture.name)}")
        if origin := catalog.find_origin(architecture):
            print(wrap(escape(origin), indent="   "))
    metrics = [
        (row.metric.label, *(f"{cell.value:,}{' *' if cell.best else '  '}" for cell in row.cells))
        for row in comparison.rows
    ]
    print(f"\n{format_table(('total', *(f'{letter}  ' for letter in letters)), metrics, '<' + '>' * len(letters))}")
    if any(cell.best for row in comparison.rows for cell in row.cells):
        print("* the least")
    for text in describe_misfits(comparison):
        print(f"! {text}")
    if found.accuracies:
        runs = [
            (letters[each.place], escape(each.run), escape(each.data), str(each.seed), str(each.epochs),
             format_share(each.accuracy[-1]), format_share(max(each.accuracy)))
            for each in found.accuracies
        ]  # fmt: skip
        print(f"\n{format_table(('', 'run', 'data', 'seed', 'epochs', 'test accuracy', 'best'), runs, '<<<>>>>')}")
    stages = [
        (aligned.label, *("–" if stage is None else f"{stage.macs:,}" for stage in aligned.stages))
        for aligned in comparison.stages
    ]
    print(f"\n{format_table(('MACs', *letters), stages, '<' + '>' * len(letters))}")
    for letter, changed in zip(letters[1:], found.differences, strict=True):
        listed = changed.steps if every else group_steps(changed.costly)
        rows = [(escape(each), *_costs(each.delta)) for each in listed]
        print(f"\nfrom A to {letter}: {changed.verdict}")
        if rows:
            rows.append(("in all", *_costs(changed.total)))
            print(format_table(("change", "params", "MACs", "field"), rows, "<>>>"))
        if changed.free and not every:
            print(f"{changed.describe_free()}; --all lists them")


def _costs(delta: Delta) -> tuple[str, str, str]:
    field = max(delta.receptive_field, key=abs)
    return format_signed(delta.params), format_signed(delta.macs), format_signed(field)


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = "Up to four architectures side by side; every difference, and what it costs."
    sub = verb("compare", compare_verb, text, arch=False, shape=False)
    what = f"{ARCH_HELP}, or a run; the first is what the others are compared to"
    sub.add_argument("archs", metavar="ARCH", nargs="+", help=what)
    sub.add_argument("--all", action="store_true", help="list every change singly, also what costs nothing")
    sub.add_argument("--markdown", action="store_true", help="Markdown tables")
    sub.add_argument("--csv", action="store_true", help="one line per number")
    sub.add_argument("--html", metavar="FILE", help="write one self-contained page there")
