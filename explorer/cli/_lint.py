"""The verb lint: what a network's designer may not want, and the network with it mended."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from .. import catalog
from ..analysis.lint import RULES, Chain, Finding, apply_fixes, judge_chains, lint
from ..architecture import Architecture, to_data
from ..text import compact_shape
from ._arguments import read_architecture
from ._text import escape, format_table, print_json, wrap, write_text


def add(verb: Callable[..., Any]) -> None:
    """Add the verb."""
    text = "Gridding, stride gaps, misaligned branches, unproductive layers; fixes that are proved to lose nothing."
    sub = verb("lint", lint_verb, text, arch=True, shape=True)
    sub.add_argument("--rule", action="append", choices=tuple(RULES), help="this rule alone; may be given again")
    sub.add_argument("--fix", action="store_true", help="apply the first fix of each finding; gives JSON")
    sub.add_argument("-o", "--output", metavar="FILE", help="with --fix: write the JSON there")


def lint_verb(args: argparse.Namespace) -> None:
    if args.output is not None and not args.fix:
        raise ValueError("--output names the file of the mended network; it needs --fix")
    architecture = read_architecture(args)
    rules = args.rule or list(RULES)
    if args.fix:
        _fix(args, architecture, rules)
        return
    found = [finding for finding in lint(architecture) if finding.rule in rules]
    chains = judge_chains(architecture)
    if args.json:
        print_json({**_head(architecture), **_data(found), "chains": [chain.to_data() for chain in chains]})
        return
    print(f"{escape(architecture.name)}: {compact_shape(architecture.input_shape)}, {_count(found)}")
    _print_findings(found)
    if chains:
        print(f"\n{_table(chains)}")
    told = [rule for rule in RULES if any(finding.rule == rule for finding in found)]
    if told:
        print()
        for rule in told:
            print(wrap(f"{RULES[rule].title}: {RULES[rule].meaning}.", "  ").strip())


def _fix(args: argparse.Namespace, architecture: Architecture, rules: Sequence[str]) -> None:
    mended, applied, left = apply_fixes(architecture, rules)
    data = to_data(catalog.state_origin(mended))
    if args.json:
        changes = [{"rule": finding.rule, "path": finding.path, **fix.to_data()} for finding, fix in applied]
        print_json({**_head(architecture), "fixed": changes, **_data(left), "architecture": data})
    if args.output is not None:
        write_text(args.output, f"{json.dumps(data, indent=2)}\n")
    if args.json:
        return
    # The JSON goes to standard output alone, so that it can be piped on; what was done is told beside it.
    says = sys.stdout if args.output is not None else sys.stderr
    print(f"{escape(architecture.name)}: {len(applied)} fixed, {_count(left)} left", file=says)
    for finding, fix in applied:
        print(f"{finding.title} at {finding.path}: {'; '.join(fix.changes)}", file=says)
        print(f"  {fix.describe()}", file=says)
    for finding in left:
        print(f"left: {finding.title} at {finding.path}", file=says)
    if args.output is None:
        print(json.dumps(data, indent=2))


def _head(architecture: Architecture) -> dict[str, Any]:
    return {"name": architecture.name, "input_shape": list(architecture.input_shape)}


def _data(found: Sequence[Finding]) -> dict[str, Any]:
    rules = {finding.rule: RULES[finding.rule]._asdict() for finding in found}
    return {"findings": [finding.to_data() for finding in found], "rules": rules}


def _count(found: Sequence[Finding]) -> str:
    counts = Counter(finding.severity for finding in found)
    words = [f"{counts[each]} {each}{'s' if counts[each] > 1 else ''}" for each in ("warning", "note") if counts[each]]
    return " and ".join(words) or "no finding"


def _print_findings(found: Sequence[Finding]) -> None:
    for finding in found:
        print(f"\n{finding.severity}: {finding.title} ({finding.rule}) at {finding.path}")
        print(wrap(escape(finding.message), "  "))
        for fix in finding.fixes:
            print(wrap(f"fix: {'; '.join(fix.changes)}", "  "))
            print(wrap(fix.describe(), "       "))
        if not finding.fixes and finding.searched:
            print(wrap(f"No fix among the edits that were tried: {finding.searched}.", "  "))


def _table(chains: Sequence[Chain]) -> str:
    """Every chain of dilated convolutions, on each axis that has windows: HDC's rule beside the exact answer."""
    rows = []
    for chain in chains:
        names = f"{chain.layers[0]} … {chain.layers[-1]}"
        height, width = (_judgement(chain, axis) for axis in (0, 1))
        rows += [(names, *height)] if height == width else [(f"{names}, {axis}", *row) for axis, row in
                                                            (("rows", height), ("columns", width))]  # fmt: skip
    return format_table(("chain with dilations", "dilations", "HDC: M₂, K", "seen an axis"), rows, "<<>>")


def _judgement(chain: Chain, axis: int) -> tuple[str, str, str]:
    """(dilations, HDC's rule, the exact answer) on one axis."""
    kernel = max(each[axis] for each in chain.kernels)
    sign = "≤" if chain.passes[axis] else ">"
    ruled = "-" if chain.hdc[axis] is None else f"{chain.hdc[axis]} {sign} {kernel}"
    return ", ".join(str(each[axis]) for each in chain.dilations), ruled, f"{chain.seen[axis]} of {chain.size[axis]}"


