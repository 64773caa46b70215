"""The verbs about designs: list, analyze, summary, ledger, diff, export."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from .. import catalog
from ..analysis import CONVENTIONS, METRICS, Analysis, ReceptiveField, analyze, headline_metrics
from ..architecture import Architecture, describe_changes, diff, group_changes
from ..comparison import Delta, count_layer, find_differences
from ..profiling import OUR_CONVENTION
from ..text import compact_shape, format_count, format_decimal, format_extent, format_signed, quote
from ._arguments import find_architecture, read_architecture
from ._text import escape, format_notes, format_table, print_json, wrap


def _field(field: ReceptiveField) -> str:
    return f"{format_extent(field.size)}{' +' if field.whole_input else ''}"


def _seen(coverage: float | None) -> str:
    if coverage is None:
        return "–"
    return "100" if coverage == 1 else format_decimal(min(100 * coverage, 99.9), 1)


def _totals(analysis: Analysis) -> str:
    field = analysis.totals.receptive_field
    aligned = "" if field.aligned else "branches differ in stride or centre; "
    numbers = []
    for metric in METRICS.values():
        if metric.key == "receptive_field":
            text = f"{compact_shape(field.size)} / {compact_shape(field.stride)}"
            shortest = f"shortest path {compact_shape(field.min_size)}"
            words = f"size / stride, {shortest}; {aligned}{CONVENTIONS['receptive_field']}"
            numbers.append((metric.label, text, words))
        elif metric.of_totals is not None and metric.unit != "px":
            text = f"{metric.read_totals(analysis.totals):,} {metric.unit}".strip()
            numbers.append((metric.label, text, metric.convention))
        if metric.key == "macs":
            numbers.append(("FLOPs", f"{analysis.flops:,}", "2 × MACs"))
    return format_notes(numbers)


def list_verb(args: argparse.Namespace) -> None:
    known = [(entry, analyze(entry.architecture)) for entry in catalog.search(" ".join(args.words), group=args.group)]
    if args.sort:
        known.sort(key=lambda each: getattr(each[1], args.sort))
    if args.json:
        print_json([
            {
                "name": entry.name,
                "group": entry.group,
                "aliases": [alias for alias, name in catalog.ALIASES.items() if name == entry.name],
                "title": entry.title,
                "summary": entry.summary,
                "source": entry.source,
                "mended": list(entry.repairs),
                "differences": list(entry.differences),
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
    if not known:
        near = catalog.suggest(" ".join(args.words))
        hint = f"did you mean {' or '.join(near)}?" if near else "`python -m explorer list` has all networks"
        where = f"the group {args.group!r}" if args.group else "the catalogue"
        raise ValueError(f"nothing in {where} matches {quote(' '.join(args.words))}; {hint}")
    rows = [
        (e.name, compact_shape(a.input_shape), format_count(a.params), format_count(a.macs), escape(e.title))
        for e, a in known
    ]
    table = format_table(("name", "input", "params", "MACs", "title"), rows, "<>>><").splitlines()
    if args.sort:
        print("\n".join(table))
        return
    print("\n".join(table[:2]))
    for group, title in catalog.GROUPS.items():
        lines = [line for line, (entry, _) in zip(table[2:], known, strict=True) if entry.group == group]
        if lines:
            print("\n".join(("", f"{title} ({group})", *lines)))


def add_list(verb: Callable[..., Any]) -> None:
    """Add the verb that lists the catalogue."""
    sub = verb("list", list_verb, "The networks of the catalogue.", arch=False, shape=False)
    sub.add_argument("words", metavar="WORD", nargs="*", help="what they have: residual, receptive field, MNIST, 空洞")
    sub.add_argument("--group", choices=tuple(catalog.GROUPS), default="", help="one group alone")
    sub.add_argument("--sort", choices=("params", "macs"), default="", help="the least first, without groups")


def _print_count(args: argparse.Namespace, architecture: Architecture) -> None:
    found = count_layer(architecture, args.count)
    if args.json:
        print_json(asdict(found))
    else:
        print("\n".join((escape(found.path), found.weights_equation, found.macs_equation)))
        if found.note:
            print(wrap(escape(found.note)))


def analyze_verb(args: argparse.Namespace) -> None:
    architecture = read_architecture(args)
    if args.count:
        _print_count(args, architecture)
        return
    analysis, origin = analyze(architecture), catalog.describe_origin(architecture)
    if args.json:
        print_json({**analysis.to_data(), "origin": origin})
        return
    rows = [
        (
            layer.path,
            f"{layer.op} *" if layer.training_only else layer.op,
            compact_shape(layer.output_shape),
            f"{layer.params:,}",
            f"{layer.macs:,}",
            _field(layer.receptive_field),
            format_extent(layer.receptive_field.stride),
            _seen(analysis.coverage[layer.path]),
        )
        for layer in analysis.layers
    ]
    ends = [compact_shape(shape) for shape in (analysis.input_shape, analysis.totals.output_shape)]
    print(f"{escape(analysis.name)}: {' to '.join(ends)}")
    print(f"{wrap(escape(origin))}\n" if origin else "")
    print(format_table(("layer", "op", "output", "params", "MACs", "field", "jump", "seen"), rows, "<<>>>>>>"))
    if any(layer.training_only for layer in analysis.layers):
        print("* part of an auxiliary head: training only, not in the totals of params and MACs")
    for head in analysis.auxiliary:
        if not head.fits:
            print(f"! {head.describe()}; its layers are not listed")
    if any(layer.receptive_field.whole_input for layer in analysis.layers):
        print(
            "+ depends on the whole input (pooling, flattening, attention, a gate, group norm); the number is "
            "the convolutions'"
        )
    print("jump: pixels from the field of one unit to that of the next, the product of all strides")
    if any(coverage != 1 for coverage in analysis.coverage.values()):
        print("seen: percent of the field's box that a unit can depend on; – where no one pattern holds for all units")
    print(f"\n{_totals(analysis)}")


def summary_verb(args: argparse.Namespace) -> None:
    from ..profiling import summarize

    reading = summarize(read_architecture(args), depth=args.depth)
    if args.json:
        print_json(reading.to_data())
        return
    print(reading.text)
    for note in reading.notes:
        print(note)


def ledger_verb(args: argparse.Namespace) -> None:
    from ..profiling import reconcile_counts

    reading = reconcile_counts(read_architecture(args))
    if args.json:
        print_json(reading.to_data())
        return
    print(f"{escape(reading.name)}: {compact_shape(reading.input_shape)}, one image, inference\n")
    rows = [(f"{each.theirs:,}", f"{each.tool}: {each.their_name}") for each in reading.comparisons]
    rows += [(f"{count.total:,}", count.tool) for count in reading.conventions]
    print(format_table(("number", "of which tool; each is reached from ours below"), rows, "><"))
    for each in reading.comparisons:
        lines = [("  ours", f"{each.ours:,}", each.our_convention)]
        lines += [(f"  {item.label}", format_signed(item.value), item.convention) for item in each.items]
        lines += [
            ("  sum", f"{each.explained:,}", "exactly the tool's number" if each.exact else "NOT the tool's number"),
            (f"  {each.tool}", f"{each.theirs:,}", each.their_name),
        ]
        print(f"\n{each.metric} ({each.unit})")
        print(format_notes(lines))
    for count in reading.conventions:
        lines = [("  ours", f"{count.ours:,}", OUR_CONVENTION)]
        lines += [(f"  {item.label}", format_signed(item.value), item.convention) for item in count.items]
        lines.append(("  sum", f"{count.total:,}", count.their_name))
        print(f"\n{count.tool}")
        print(format_notes(lines))


def diff_verb(args: argparse.Namespace) -> None:
    before, after = find_architecture(args.before), find_architecture(args.after)
    changes = diff(before, after)
    old, new = analyze(before).totals, analyze(after).totals
    metrics = [metric for metric in headline_metrics().values() if metric.unit != "px"]
    totals = {metric.key: (metric.read_totals(old), metric.read_totals(new)) for metric in metrics}
    if args.json:
        fields = ("path", "kind", "field", "before", "after")
        places = {id(change): place for place, change in enumerate(changes)}
        print_json({
            "before": before.name,
            "after": after.name,
            "verdict": describe_changes(changes),
            "changes": [{name: getattr(change, name) for name in fields} for change in changes],
            "groups": [
                {"text": str(group), "changes": [places[id(change)] for change in group.changes]}
                for group in group_changes(changes)
            ],
            "totals": {name: {"before": was, "after": now} for name, (was, now) in totals.items()},
        })  # fmt: skip
        return
    free = {(change.kind, change.path, change.field) for step in find_differences(before, after).steps
            if step.delta == Delta() for change in step.changes} | {("renamed", "", "name")}  # fmt: skip
    shown = [change for change in changes if args.all or (change.kind, change.path, change.field) not in free]
    print(describe_changes(changes))
    for each in shown if args.all else group_changes(shown):
        print(escape(each))
    if len(shown) < len(changes):
        print(f"{len(changes) - len(shown):,} that cost nothing, such as names, are left out; --all lists them")
    print()
    rows = [(name, f"{was:,}", f"{now:,}", format_signed(now - was)) for name, (was, now) in totals.items()]
    print(format_table(("total", "before", "after", "difference"), rows, "<>>>"))
