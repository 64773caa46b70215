"""The verb ``find-rate``: a range test of the learning rate, and on request the run with the rate that it proposes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..text import format_number, parse_decimal
from ._arguments import find_architecture, whole_number
from ._running import add_fit, add_settings, fit_network, open_manager, require_training, training_config
from ._runs import follow
from ._start import add_start, open_weights, start_changes
from ._text import escape, format_table, print_json

if TYPE_CHECKING:
    from ..runs import Manager, Run
    from ..training import RateRange, TrainConfig

_ROWS = 20


def _find_rate(args: argparse.Namespace) -> None:
    require_training()
    architecture, config = find_architecture(args.arch), training_config(args)
    from ..training import find_rate, start, train_with_rate

    low, high = (parse_decimal(text) for text in (args.low, args.high))
    with open_manager(args.cluster) as manager:
        weights = open_weights(args, architecture, manager)
        if weights is not None:
            config = config.changed(start=start_changes(args, weights))
        architecture, config, changes = fit_network(args, architecture, config, weights)
        notes = f"Fitted to the data: {'; '.join(changes)}." if changes else ""

        def train(settings: TrainConfig, name: str | None) -> Run:
            run = start(manager, architecture, settings, name=name, notes=notes, weights=weights)
            return follow(manager, run)

        name = f"{args.name or architecture.name}: learning rate"
        run = train(find_rate(config, steps=args.steps, low=low, high=high), name)
        if run.status != "finished":
            raise ValueError(f"run {run.id} {run.status}: {run.reason}")
        found = _read(manager, run)
        if args.json:
            print_json({
                **run.to_data(), "rate": found.rate, "lowest": found.lowest, "steepest": found.steepest,
                "exploded": found.exploded, "rates": found.rates, "losses": found.losses, "smoothed": found.smoothed,
            })  # fmt: skip
        else:
            _print(found)
        if not args.train:
            return
        if found.rate is None:
            raise ValueError(f"run {run.id}: {found.describe()}")
        run = train(train_with_rate(config, found.rate), args.name)
        if run.status == "failed":
            raise ValueError(f"run {run.id} failed: {run.reason}")


def _read(manager: Manager, run: Run) -> RateRange:
    from ..runs import series
    from ..training import read_rate_range

    curves = ([point.value for point in manager.store.points(run.id, name)]
              for name in (series.LEARNING_RATE, series.TRAIN_LOSS))  # fmt: skip
    return read_rate_range(*curves)


def _print(found: RateRange) -> None:
    every = max(1, len(found.rates) // _ROWS)
    rows = [
        (format_number(rate), f"{loss:.4f}", f"{smooth:.4f}")
        for rate, loss, smooth in list(zip(found.rates, found.losses, found.smoothed, strict=True))[::every]
    ]
    print(format_table(("learning rate", "loss", "smoothed"), rows, ">>>"))
    print(escape(found.describe()))
    if found.rate is not None:
        print(f"`train` with the same words and --set lr={found.rate:g} takes it, as does --train here")


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = "Find a learning rate: it rises step by step until the loss explodes (Smith 2015). Settings as for `train`."
    sub = verb("find-rate", _find_rate, text, arch=True, shape=False)
    add_settings(sub)
    add_fit(sub)
    add_start(sub)
    sub.add_argument("--seed", type=whole_number, metavar="S")
    sub.add_argument("--name", metavar="TEXT", help="title of the run; default: the network's")
    sub.add_argument("--steps", type=whole_number, default=200, metavar="N", help="updates of the test; default: 200")
    sub.add_argument("--low", default="1e-6", metavar="RATE", help="of the first update; default: 1e-6")
    sub.add_argument("--high", default="10", metavar="RATE", help="of the last update; default: 10")
    sub.add_argument("--train", action="store_true", help="train with the rate that is proposed when it is found")
