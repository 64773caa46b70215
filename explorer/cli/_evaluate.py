"""The verb ``evaluate``, and the table of the classes that ``runs show`` has, too."""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..text import escape_csv, format_share
from ._arguments import whole_number
from ._inspect import MODEL, add_options, model_facts, open_named_model, print_model
from ._progress import show_progress
from ._text import escape, format_table, print_json

if TYPE_CHECKING:
    from ..runs import ClassMetrics


def format_classes(classes: Sequence[ClassMetrics], *, most: int | None = None) -> str:
    """Recall and precision of each class and the mean recall; of more than ``most`` classes those least recalled."""
    from ..runs import average_recall

    shown, said = list(classes), f"mean recall {format_share(average_recall(classes))}: every class counts the same"
    if most is not None and len(shown) > most:
        shown = sorted((each for each in shown if each.images), key=lambda each: each.recall)[:most]
        said += f"; the {most} classes with the lowest recall of {len(classes):,}:"
    rows = [
        (escape(each.name), f"{each.images:,}", *(
            "–" if math.isnan(share) else format_share(share, 1) for share in (each.recall, each.precision)
        ))
        for each in shown
    ]  # fmt: skip
    return f"{said}\n{format_table(('class', 'images', 'recall', 'precision'), rows, '<>>>')}"


def _evaluate(args: argparse.Namespace) -> None:
    if args.images is not None and args.images < 1:
        raise ValueError(f"--images (={args.images}) must be at least 1")
    if args.json and args.csv:
        raise ValueError("choose one of --json and --csv")
    model = open_named_model(args)
    from .. import datasets
    from ..inspection import load_model_cards
    from ..inspection.evaluation import evaluate, find_ink_warning

    name = datasets.find_name(args.dataset)
    with show_progress("images") as tell:
        data = datasets.load(
            name, size=model.preprocessing.import_size,
            progress=lambda done, total: tell(done, total, f"Importing {escape(name)}"),
        )  # fmt: skip
    with show_progress("images") as tell:
        found = evaluate(model, data, count=args.images, progress=tell)
    if warning := find_ink_warning(model, data):
        print(escape(warning), file=sys.stderr)
    low, high = found.accuracy_interval
    card = load_model_cards().get(model.name)
    seen = card is not None and data.name in card.seen
    flatters = "these test images were among those that the model was trained on: the accuracy flatters"
    if args.json:
        print_json({
            "model": model_facts(model),
            "dataset": {"name": data.name, "fingerprint": data.fingerprint, "seen": seen},
            "images": len(found.labels), "right": found.correct_count, "accuracy": found.accuracy,
            "average_recall": found.average_recall, "interval": [low, high], "loss": found.loss,
            "calibration_error": found.calibration_error, "classes": [each.to_data() for each in found.per_class],
            "confusion": found.confusion,
        })  # fmt: skip
        return
    if args.csv:
        if seen:
            print(flatters, file=sys.stderr)
        rows = csv.writer(sys.stdout, lineterminator="\n")
        rows.writerow(["class", "images", "recall", "precision"])
        for each in found.per_class:
            shares = ["" if math.isnan(share) else share for share in (each.recall, each.precision)]
            rows.writerow([escape_csv(each.name), each.images, *shares])
        return
    print_model(model)
    print(f"{escape(data.name)}: {found.correct_count:,} of {len(found.labels):,} test images correct, "
          f"{format_share(found.accuracy)} (95 % interval {format_share(low)} to {format_share(high)}); "
          f"loss {found.loss:.4f}; "
          f"calibration error {format_share(found.calibration_error)}")  # fmt: skip
    if seen:
        print(flatters)
    print(format_classes(found.per_class))


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = "Evaluate a trained network on the test images of a data set (needs torch)."
    sub = verb("evaluate", _evaluate, text, arch=False, shape=False)
    sub.add_argument("model", metavar="MODEL", help=MODEL)
    sub.add_argument("--dataset", required=True, metavar="NAME|PATH", help="a data set, or a zip or folder of images")
    text = "so many of the test images, drawn at random (always the same); default: all"
    sub.add_argument("--images", type=whole_number, metavar="N", help=text)
    sub.add_argument("--csv", action="store_true", help="one line a class: images, recall, precision")
    add_options(sub)
