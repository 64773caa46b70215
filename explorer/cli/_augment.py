"""The verb ``augment``: what a run would make of its training images, as a sheet."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ..text import quote_path
from ._arguments import find_architecture, whole_number
from ._running import add_fit, add_settings, fit_network, training_config
from ._text import escape, print_json

_IMAGES, _DRAWS = 6, 5


def _augment(args: argparse.Namespace) -> None:
    architecture, config = find_architecture(args.arch), training_config(args)
    architecture, config, _ = fit_network(args, architecture, config)
    from ..training.augmentation_sheet import draw_augmentations

    sheet = draw_augmentations(config, architecture, images=args.images, draws=args.draws, first=args.first)
    try:
        with open(args.output, "wb") as file:
            file.write(sheet.to_png())
    except OSError as error:
        raise ValueError(f"cannot write {quote_path(args.output)}: {error.strerror or error}") from None
    last = sheet.first + len(sheet.after) - 1
    if args.json:
        print_json({
            "file": args.output, "dataset": config.dataset, "seed": sheet.seed, "epochs": [sheet.first, last],
            "images": len(sheet.labels), "steps": list(sheet.steps),
        })  # fmt: skip
        return
    done = "; ".join(sheet.steps) or "nothing is done to the images: no augmentation is on"
    print(f"{escape(args.output)}: {len(sheet.labels)} training images of {escape(config.dataset)}, seed {sheet.seed}, "
          f"as in epochs {sheet.first} to {last}: {done}")  # fmt: skip


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = "Training images before and after a run's random changes, as a PNG (needs torch). Settings as for `train`."
    sub = verb("augment", _augment, text, arch=True, shape=False)
    add_settings(sub)
    add_fit(sub)
    sub.add_argument("--seed", type=whole_number, metavar="S")
    sub.add_argument("-o", "--output", required=True, metavar="FILE.png", help="where the sheet is written")
    sub.add_argument("--images", type=whole_number, default=_IMAGES, metavar="N", help=f"rows; default: {_IMAGES}")
    sub.add_argument("--draws", type=whole_number, default=_DRAWS, metavar="N", help=f"columns; default: {_DRAWS}")
    text = "the epoch of the first column; default: 1"
    sub.add_argument("--first", type=whole_number, default=1, metavar="EPOCH", help=text)
