"""What ``train`` starts from: ``--from`` and the options beside it."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from ..architecture import Architecture
from ..text import parse_decimal, quote
from ._arguments import find_architecture
from ._inspect import split_weights
from ._progress import show_progress
from ._text import escape, format_table

if TYPE_CHECKING:  # torch is loaded where weights are read
    from ..modules import CarryPlan
    from ..runs import Manager
    from ..training.starting import StartWeights

_ROWS = 24
_FROM = (
    "start from weights: RUN, RUN@STEP, RUN@best, a name that `models` shows, 'published' for those of this very "
    "network, a file of weights, or NETWORK:FILE"
)
_FREEZE = "hold the weights fixed up to this node, such as Mixed_5d, and the statistics of its norms"
_UNFREEZE = "block:N trains one more block after every N epochs, the last of those that are fixed first; all:N trains \
everything after N epochs"


def add_start(sub: argparse.ArgumentParser, start: str = _FROM) -> None:
    """The options that ``open_weights`` and ``start_changes`` read."""
    group = sub.add_argument_group("fine-tuning")
    group.add_argument("--from", dest="start", metavar="WEIGHTS", help=f"{start}; implies --fit")
    group.add_argument("--freeze", metavar="NODE", help=_FREEZE)
    group.add_argument("--unfreeze", metavar="block:N|all:N", help=_UNFREEZE)
    group.add_argument("--old-rate", metavar="FACTOR", help="factor on the learning rate of what was carried over")
    group.add_argument(
        "--head", choices=("auto", "new", "keep"), help="begin the classifier anew; default: unless its classes are "
        "those of the data",
    )  # fmt: skip
    group.add_argument(
        "--images", choices=("weights", "run"), help="scale and normalise images as the weights expect them (default), "
        "or by the run's own settings",
    )  # fmt: skip
    group.add_argument("--no-heads", action="store_true", help="leave out all auxiliary heads")
    group.add_argument("--download", action="store_true", help="download published weights that are not here")


def open_weights(args: argparse.Namespace, architecture: Architecture, manager: Manager) -> StartWeights | None:
    """The weights that were named; None where none were. Raises ValueError."""
    text = args.start
    if text is None:
        settings = ("freeze", "unfreeze", "old_rate", "head", "images")
        lonely = next((name for name in settings if getattr(args, name)), "")
        if lonely:
            raise ValueError(f"--{lonely.replace('_', '-')} is for a run that starts from weights; name them by --from")
        return None
    from ..inspection import PUBLISHED, fetch_weights, find_published, find_published_for
    from ..inspection.starting import open_start, open_start_files

    if text == "published":
        spec = find_published_for(architecture)
        if spec is None:
            raise ValueError(
                f"no weights are published for {quote(architecture.name)} as it is; name those of another network: "
                f"{', '.join(PUBLISHED)}"
            )
        text = spec.name
    elif text.lower().endswith(".onnx") and os.path.exists(text):
        from ..inspection.opening import open_network_file
        from ..inspection.starting import start_from

        return start_from(open_network_file(text))
    elif os.path.exists(text):
        return open_start_files(architecture, text)
    network, file = split_weights(text)
    if file:
        from ..inspection.opening import open_files
        from ..inspection.starting import start_from

        return start_from(open_files(find_architecture(network), file))
    if args.download and find_published(text):
        with show_progress("bytes") as tell:
            fetch_weights(text, progress=tell)
    return open_start(text, manager)


def start_changes(args: argparse.Namespace, weights: StartWeights) -> dict[str, Any]:
    """The ``start`` section of the configuration, as it was typed. Raises ValueError."""
    start: dict[str, Any] = {"weights": weights.name[:1000], "freeze": args.freeze or ""}
    if args.old_rate is not None:
        try:
            start["old_rate"] = parse_decimal(args.old_rate)
        except ValueError as error:
            raise ValueError(f"--old-rate: {error}") from None
    if args.unfreeze is not None:
        kind, _, epochs = args.unfreeze.partition(":")
        if kind not in ("block", "all") or (epochs and not epochs.isdecimal()):
            raise ValueError(f"--unfreeze (={quote(args.unfreeze)}) must be block:N or all:N, with N epochs")
        start |= {"unfreeze": kind, "unfreeze_epochs": int(epochs or 1)}
    start |= {name: value for name in ("head", "images") if (value := getattr(args, name)) is not None}
    return start


def tell_carried(plan: CarryPlan) -> None:
    """Which tensors are cut or begun anew, a line each on stderr."""
    rows = [(escape(each.name), escape(each.describe())) for each in plan.tensors if each.fate != "taken"]
    if not rows:
        return
    print(format_table(("tensor", "what becomes of it"), rows[:_ROWS], "<<"), file=sys.stderr)
    if len(rows) > _ROWS:
        print(f"… and {len(rows) - _ROWS:,} more; `runs show RUN --json` lists all", file=sys.stderr)
