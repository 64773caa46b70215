"""The verb ``lineage``: the family tree, what each generation changed, and published accuracies."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from .. import catalog
from ..analysis import ROLES, Role, analyze, find_roles
from ..architecture import edit
from ..catalog import Entry, Step
from ..comparison import find_differences, measure_step, render_published_csv
from ..text import format_count, format_decimal, format_extent, format_signed
from ._text import escape, format_table, print_json, wrap


def _lineage(args: argparse.Namespace) -> None:
    if sum(map(bool, (args.json, args.csv))) > 1:
        raise ValueError("choose one of --json and --csv")
    if args.csv:
        if args.name or args.step:
            raise ValueError("--csv has the published accuracies of all networks; leave out the name and --step")
        print(render_published_csv(), end="")
    elif args.step:
        _print_steps(args, (catalog.step(args.step),))
    elif args.name:
        _print_one(args, catalog.entry(args.name))
    elif args.json:
        print_json([_data(entry) for entry in catalog.family()])
    else:
        _print_family()


def _top1(entry: Entry) -> str:
    fact = catalog.published_accuracy(entry)
    return "–" if fact is None else f"{format_decimal(fact.value, 1)} %"


def _print_family() -> None:
    rows = []
    for entry in catalog.family():
        totals = analyze(entry.architecture).totals
        rows.append((
            str(entry.lineage.year if entry.lineage else ""), entry.name, format_count(totals.params),
            format_count(totals.macs), format_extent(totals.receptive_field.size), _top1(entry),
            ", ".join(parent.name for parent in catalog.parents(entry)) or "–",
        ))  # fmt: skip
    header = ("year", "network", "params", "MACs", "field", "top-1", "grew from")
    print(format_table(header, rows, "<<>>>><"))
    print()
    print(wrap(
        "Params and MACs are counted here, at the network's own image size; top-1 on ImageNet is as published, with "
        "its source in `lineage NAME` and `lineage --csv`."
    ))  # fmt: skip


def _print_one(args: argparse.Namespace, entry: Entry) -> None:
    member = catalog.entry(entry.form_of) if entry.form_of else entry
    if member.lineage is None:
        raise ValueError(
            f"{entry.name} has no place in the family tree; `python -m explorer lineage` lists those that have one"
        )
    steps = catalog.steps_of(member.name)
    if args.json:
        print_json({**_data(member), "steps": [_step_data(step) for step in steps]})
        return
    print(f"{escape(member.title)}, {member.lineage.year}")
    print(wrap(escape(member.lineage.paper), "  "))
    for title, lines in (
        ("Grew from", [f"{parent.name}: {parent.change}" for parent in catalog.parents(member)]),
        ("Led to", [child.name for child in catalog.children(member)]),
        ("Parts", [f"{role}: {' to '.join(ends)}, {ROLES[role]}" for role, ends in _parts(member).items()]),
        ("Other forms", [f"{form.name}: {form.title}" for form in catalog.forms(member)]),
        ("Published top-1 on ImageNet", [
            f"{each.name}: {_top1(each)}, {fact.source}{f', {fact.year}' if fact.year else ''}"
            for each in (member, *catalog.forms(member)) if (fact := catalog.published_accuracy(each))
        ]),
    ):  # fmt: skip
        if lines:
            print(f"\n{title}")
            for line in lines:
                print(wrap(escape(line), "  "))
    if steps:
        print()
        _print_steps(args, steps)


def _print_steps(args: argparse.Namespace, steps: tuple[Step, ...]) -> None:
    if args.json:
        print_json([_step_data(step) for step in steps])
        return
    for number, step in enumerate(steps):
        print(f"{chr(10) if number else ''}{step.parent} → {step.child}: {step.title} ({step.name})")
        print(wrap(step.meaning, "  "))
        print(wrap(step.source, "  "))
        print()
        print(format_table(("", step.before.name, step.after.name, "change"), measure_step(step), "<>>>"))
        print()
        rows = [
            (format_signed(each.delta.params), format_signed(each.delta.macs), escape(str(each)))
            for each in find_differences(step.before, step.after).costly
        ]
        print(format_table(("Δ params", "Δ MACs", "change"), rows, ">><"))


def _parts(entry: Entry) -> dict[Role, list[str]]:
    """Paths of the first and last column of backbone, neck and head."""
    network = entry.architecture
    roles = find_roles(network, analyze(network))
    found: dict[Role, list[str]] = {}
    for path, node in edit.columns(network).items():
        if node.op != "auxiliary":
            found[roles[path]] = [*found.get(roles[path], [])[:1], path]
    return found


def _data(entry: Entry) -> dict[str, Any]:
    lineage, totals = entry.lineage, analyze(entry.architecture).totals
    assert lineage is not None  # those of the family have one
    return {
        "name": entry.name,
        "title": entry.title,
        "year": lineage.year,
        "paper": lineage.paper,
        "parents": [parent._asdict() for parent in catalog.parents(entry)],
        "children": [child.name for child in catalog.children(entry)],
        "forms": [form.name for form in catalog.forms(entry)],
        "parts": _parts(entry),
        "params": totals.params,
        "macs": totals.macs,
        "receptive_field": list(totals.receptive_field.size),
        "top1": [
            {"name": each.name, "percent": fact.value, "exact": fact.exact, "source": fact.source, "year": fact.year}
            for each in (entry, *catalog.forms(entry))
            if (fact := catalog.published_accuracy(each))
        ],
    }


def _step_data(step: Step) -> dict[str, Any]:
    was, now = analyze(step.before).totals, analyze(step.after).totals
    return {
        "name": step.name,
        "title": step.title,
        "parent": step.parent,
        "child": step.child,
        "meaning": step.meaning,
        "source": step.source,
        "before": {"name": step.before.name, "params": was.params, "macs": was.macs,
                   "receptive_field": list(was.receptive_field.size)},
        "after": {"name": step.after.name, "params": now.params, "macs": now.macs,
                  "receptive_field": list(now.receptive_field.size)},
        "differences": find_differences(step.before, step.after).to_data(),
    }  # fmt: skip


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = "The family tree of the networks; with a name what it grew from and what was changed, block by block."
    sub = verb("lineage", _lineage, text, arch=False, shape=False)
    sub.add_argument("name", nargs="?", metavar="NAME", help="of the catalogue, such as inception-v3")
    sub.add_argument("--step", metavar="STEP", help="one step between generations alone, such as two-3x3")
    sub.add_argument("--csv", action="store_true", help="published accuracies with their sources, one line a network")
