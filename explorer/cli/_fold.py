"""The verb ``fold``: branches that are added become one convolution, once they have learnt."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..analysis import analyze
from ..architecture import to_data
from ..text import quote_path
from ._inspect import MODEL, add_options, open_named_model
from ._text import escape, format_table, print_json, write_text


def _fold(args: argparse.Namespace) -> None:
    import safetensors.torch

    from ..modules import fold_branches

    model = open_named_model(args)
    folded = fold_branches(model.architecture, model.network)
    design, weights = f"{args.output}.json", f"{args.output}.safetensors"
    tensors = {name: tensor.contiguous() for name, tensor in folded.network.state_dict().items()}
    write_text(design, f"{json.dumps(to_data(folded.architecture), indent=2)}\n")
    try:
        Path(weights).write_bytes(safetensors.torch.save(tensors))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"cannot write {quote_path(weights)}: {reason}") from None
    before, after = analyze(model.architecture), analyze(folded.architecture)
    counts = {name: (getattr(before, name), getattr(after, name)) for name in ("params", "macs")}
    counts["layers"] = (len(before.layers), len(after.layers))
    if args.json:
        print_json({
            "design": design, "weights": weights, "folded": folded.paths,
            **{name: {"before": was, "after": now} for name, (was, now) in counts.items()},
        })  # fmt: skip
        return
    print(f"{escape(model.architecture.name)}: {len(folded.paths)} blocks folded, the answers are the same")
    rows = [(name, f"{was:,}", f"{now:,}") for name, (was, now) in counts.items()]
    print(format_table(("", "before", "after"), rows, "<>>"))
    print(f"open it as {escape(design)}:{escape(weights)}")


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = (
        "Fold blocks whose branches are added, such as RepVGG's, into one convolution each: a plainer network with the "
        "same answers (needs torch)."
    )
    sub = verb("fold", _fold, text, arch=False, shape=False)
    sub.add_argument("model", metavar="MODEL", help=MODEL)
    sub.add_argument("-o", "--output", required=True, metavar="NAME", help="writes NAME.json and NAME.safetensors")
    add_options(sub)
