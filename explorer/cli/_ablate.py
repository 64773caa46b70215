"""The verbs ``factors`` and ``ablate``: what can be varied in a network, and an experiment that varies it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import catalog
from ..text import format_signed
from ._arguments import find_architecture
from ._experiments import add_forms, print_experiment, seeds_of, wait, watch
from ._running import add_fit, add_settings, fit_network, look_after, open_manager, require_training, training_config
from ._start import add_start, open_weights, start_changes
from ._text import escape, format_table, print_json

if TYPE_CHECKING:
    from ..experiments import Experiment
    from ..runs import Manager
    from ..training.starting import StartWeights

_PRESETS = ("homework", "vanishing-gradient")


def _factors(args: argparse.Namespace) -> None:
    from ..analysis import analyze
    from ..experiments import NotApplicable, changed_nodes, list_factors

    network = find_architecture(args.arch)
    before = analyze(network).totals
    found: list[dict[str, Any]] = []
    for factor in list_factors(network):
        data: dict[str, Any] = {"name": factor.name, "title": factor.title, "summary": factor.summary}
        try:
            changed = factor.apply(network)
        except NotApplicable as error:
            found.append({**data, "applies": False, "reason": str(error)})
            continue
        now = analyze(changed).totals
        costs = {"params": now.params - before.params, "macs": now.macs - before.macs}
        found.append({**data, "applies": True, "changes": changed_nodes(network, changed), **costs})
    if args.json:
        print_json(found)
        return
    rows = [
        (each["name"], format_signed(each['params']), format_signed(each['macs']), escape(each["summary"]))
        if each["applies"]
        else (each["name"], "-", "-", escape(f"does not apply: {each['reason'].partition(': ')[2]}"))
        for each in found
    ]
    print(format_table(("factor", "params", "MACs", "what it does"), rows, "<>><"))


# ---- ablate ---------------------------------------------------------------------------------------------------------


def _plan_experiment(
    args: argparse.Namespace, manager: Manager
) -> tuple[Experiment, list[str], StartWeights | None]:
    """The experiment, what was changed in its network to fit the data, and the weights that some variants start from.
    """
    from ..experiments import PRESETS, check_seeds, plan
    from ..training import StartFrom

    if (args.arch is None) == (args.preset is None):
        raise ValueError("give a network to ablate, or --preset; see `python -m explorer ablate --help`")
    seeds = None if args.seeds is None else check_seeds(seeds_of(args.seeds))
    if args.preset is not None:
        if args.factors is not None or args.combine:
            raise ValueError("--preset sets factors and combinations; leave out --factors and --combine")
        preset = PRESETS[args.preset]
        config = training_config(args, preset.dataset, preset.recipe)
        if args.start is not None:
            raise ValueError("--preset sets the factors; leave out --from, or name the network and --factors")
        open_weights(args, catalog.get(preset.network), manager)  # refuses what is for a start from weights
        base, config, changes = fit_network(args, catalog.get(preset.network), config)
        return preset.experiment(config, base=base, seeds=seeds, name=args.name or ""), changes, None
    network, config = find_architecture(args.arch), training_config(args)
    weights = open_weights(args, network, manager)
    start = None if weights is None else StartFrom(**start_changes(args, weights))
    network, config, changes = fit_network(args, network, config, weights)
    usual = "residual,cbam" if weights is None else ""
    factors = [name.strip() for name in (args.factors or usual).split(",") if name.strip()]
    planned = plan(
        network, factors, config, seeds=seeds or (0, 1, 2), combine=args.combine, name=args.name or "", start=start
    )
    return planned, changes, weights


def _ablate(args: argparse.Namespace) -> None:
    from ..experiments import ONE_SEED, pause, start
    from ..training import find_warnings

    require_training()
    with open_manager(args.cluster) as manager:
        planned, changes, weights = _plan_experiment(args, manager)
        if len(planned.seeds) == 1:
            print(f"{ONE_SEED}; --seeds 3 takes three.", file=sys.stderr)
        stored = start(manager, planned, weights)
        notes = [f"Fitted to the data: {'; '.join(changes)}."] if changes else []
        for sentence in (*notes, *find_warnings(planned.base, stored.experiment.config)):
            print(f"{stored.id}  {escape(sentence)}", file=sys.stderr)
        if args.detach:
            look_after(manager)
            print_experiment(args, manager, stored)
            return
        try:
            watch(manager, stored.id)
        except KeyboardInterrupt:
            pause(manager, stored.id)
            wait(manager, stored.id)
            way = f"`python -m explorer experiments resume {stored.id}` continues it"
            print(f"\n{stored.id}  paused; {way}", file=sys.stderr)
            raise
        print_experiment(args, manager, stored)


def add(verb: Callable[..., Any]) -> None:
    """Add the verbs to the command line."""
    verb("factors", _factors, "The factors that can be ablated in a network, and their costs.", arch=True, shape=False)

    text = "Train variants of a network from several seeds and compare them; Ctrl-C pauses them."
    sub = verb("ablate", _ablate, text, arch=False, shape=False)
    sub.add_argument("arch", metavar="ARCH", nargs="?", help="the base; catalogue name, JSON file or link")
    sub.add_argument("--preset", choices=_PRESETS, help="a predefined experiment instead of ARCH and --factors")
    text = "as `factors ARCH` shows them; default: residual,cbam, or none beside --from"
    sub.add_argument("--factors", metavar="F,F", help=text)
    sub.add_argument("--combine", action="store_true", help="all combinations instead of one factor at a time")
    sub.add_argument("--seeds", metavar="N|S,S", help="how many, or which; default: 3, which is 0,1,2")
    add_settings(sub)
    add_fit(sub)
    add_start(sub, "a further factor: runs start from these weights, as `train --from` takes them, or from random ones")
    sub.add_argument("--name", metavar="TEXT", help="title of the experiment")
    sub.add_argument("--detach", action="store_true", help="start it and return at once")
    add_forms(sub)
