"""The verb about several designs at once: ``compare``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from .. import catalog
from ..architecture import Architecture, from_json, to_data
from ..comparison import (
    LETTERS,
    MAX_NETWORKS,
    Comparison,
    Delta,
    Report,
    TradeOffAxis,
    TradeOffPoint,
    compare,
    describe_misfits,
    draw_growths,
    group_steps,
    lay_out_trade_off,
    list_axes,
    make_report,
    render_csv,
    render_html,
    render_latex,
    render_markdown,
)
from ..experiments import RunAccuracy, collect_accuracies, find_runs
from ..figures import Drawing, draw_scatter
from ..runs import RUN_ID
from ..text import format_share, format_signed, quote, suggest
from ._arguments import ARCH_HELP, find_architecture
from ._pictures import FILE_HELP, write_picture
from ._running import open_manager
from ._text import escape, format_table, print_json, wrap, write_text


def compare_verb(args: argparse.Namespace) -> None:
    chosen = [name for name in ("json", "markdown", "csv", "html", "format") if getattr(args, name)]
    if len(chosen) > 1:
        raise ValueError(f"choose one of --{' and --'.join(chosen)}")
    form = args.format or (chosen[0] if chosen else "")
    networks = [_read_network(text) for text in args.archs]
    found = make_report(compare(networks), _read_accuracies(networks))
    if form == "json":
        print_json({
            "comparison": found.comparison.to_data(),
            "differences": [each.to_data() for each in found.differences],
            "architectures": [to_data(architecture) for architecture in found.comparison.architectures],
            "runs": [asdict(each) for each in found.accuracies],
        })  # fmt: skip
    elif form in _FORMS:
        print(_FORMS[form](found), end="")
    elif form == "html":
        write_text(args.html, render_html(found))
    elif not (args.growth or args.trade_off):
        _print(found, every=args.all)
    if args.growth:
        write_picture(args.growth, draw_growths(found.comparison))
    if args.trade_off:
        write_picture(args.trade_off, _draw_trade_off(found.comparison, args))


_FORMS = {"markdown": render_markdown, "latex": render_latex, "csv": render_csv}


def _draw_trade_off(comparison: Comparison, args: argparse.Namespace) -> Drawing:
    axes = list_axes()
    keys = [_axis(text, option, axes) for text, option in ((args.across, "--across"), (args.up, "--up"))]
    x, y = (axes[key] for key in keys)
    own = list(zip(comparison.labels, comparison.architectures, range(MAX_NETWORKS), strict=False))
    others = [
        (entry.architecture.name, entry.architecture, None)
        for entry in (catalog.entries() if args.catalogue else ())
        if entry.architecture not in comparison.architectures
    ]
    points = [
        TradeOffPoint(key=label, label=label, x=across, y=up, line=line)
        for label, architecture, line in [*own, *others]
        if (across := x.read(architecture)) is not None and (up := y.read(architecture)) is not None
    ]
    return draw_scatter(lay_out_trade_off(points, x, y)[0])


def _axis(key: str, option: str, axes: Mapping[str, TradeOffAxis]) -> str:
    if key not in axes:
        raise ValueError(f"{option}: there is no metric {quote(key)}; {suggest(key, list(axes))}")
    return key


def _read_network(text: str) -> Architecture:
    if not RUN_ID.fullmatch(text):
        return find_architecture(text)
    with open_manager() as manager:
        return from_json(manager.run(text).architecture)


def _read_accuracies(networks: list[Architecture]) -> list[RunAccuracy]:
    """What runs of them have reached; nothing, and the reason said, where runs cannot be read."""
    try:
        with open_manager() as manager:
            return collect_accuracies(manager, find_runs(manager, networks))
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
    sub.add_argument("--format", choices=(*_FORMS, "json"), help="print tables so; latex is for papers (booktabs)")
    sub.add_argument("--markdown", action="store_true", help="Markdown tables")
    sub.add_argument("--csv", action="store_true", help="one line per number")
    sub.add_argument("--html", metavar="FILE", help="write one self-contained page there")
    sub.add_argument("--growth", metavar="FILE", help=f"draw how the receptive fields grow, {FILE_HELP}")
    sub.add_argument("--trade-off", metavar="FILE", help=f"draw two metrics against each other, {FILE_HELP}")
    sub.add_argument("--across", metavar="METRIC", default="macs", help="of --trade-off; default: macs")
    sub.add_argument("--up", metavar="METRIC", default="receptive_field", help="default: receptive_field")
    sub.add_argument("--catalogue", action="store_true", help="the catalogue in --trade-off, too")
