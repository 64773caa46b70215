"""The verbs about trained networks: ``models``, ``predict`` and ``evaluate``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .. import catalog
from ..text import quote_path
from ._running import open_manager
from ._text import escape, format_table, print_json, progress_printer

if TYPE_CHECKING:  # torch is loaded by the verb that needs it
    from ..inspection.models import Model

MODEL = "a name that `models` shows, RUN@STEP, or ARCH:WEIGHTS (a .safetensors or .pt file)"
DEVICE = "cpu, mps or cuda:N; default: the best device that no run occupies"


def _models(args: argparse.Namespace) -> None:
    from ..inspection import list_models

    with open_manager() as manager:
        found = list_models(manager)
    if args.json:
        print_json([entry.to_data() for entry in found])
        return
    rows = [(entry.name, entry.kind, escape(entry.detail), escape(entry.title)) for entry in found]
    print(format_table(("model", "kind", "state", "title"), rows, "<<<<"))


def _predict(args: argparse.Namespace) -> None:
    if args.top < 1:
        raise ValueError(f"--top (={args.top}) must be at least 1")
    model = _open_model(args.model, download=args.download, device=args.device)
    from ..inspection.predict import rank_classes

    rows = []
    for path in args.images:
        pixels, about = _read_image(path, model.preprocessing.decoded_side)
        try:
            x_1CHW = model.prepare(pixels)
        except ValueError as error:
            raise ValueError(f"{quote_path(path)}: {error}") from None
        rows.append({
            "image": path,
            **about,
            "predictions": [
                {"class": answer.name, "index": answer.index, "probability": answer.probability, "logit": answer.logit}
                for answer in rank_classes(model, model.scores(x_1CHW)[0], args.top)
            ],
        })  # fmt: skip
    if args.json:
        facts = {
            "name": model.name, "provenance": model.provenance, "notes": model.notes, "digest": model.digest,
            "device": str(model.device),
        }  # fmt: skip
        print_json({"model": {**facts, "preprocessing": model.preprocessing.to_data()}, "images": rows})
        return
    print(f"{escape(model.name)}: {escape(model.provenance)}; computed on {model.device}")
    print(f"each picture: {'; '.join(model.preprocessing.steps())}")
    for note in model.notes:
        print(escape(note))
    for row in rows:
        print(f"\n{escape(row['image'])}" + "".join(f"; {note}" for note in row["notes"]))
        print("\n".join(f"  {each['probability']:7.2%}  {escape(each['class'])}" for each in row["predictions"]))


def _evaluate(args: argparse.Namespace) -> None:
    model = _open_model(args.model, download=args.download, device=args.device)
    from .. import datasets
    from ..inspection.evaluation import evaluate

    data = datasets.load(args.dataset, size=model.preprocessing.import_size)
    found = evaluate(model, data, progress=progress_printer("{done:,} of {total:,} images"))
    if sys.stderr.isatty():
        print(file=sys.stderr)
    low, high = found.accuracy_interval
    if args.json:
        print_json({
            "model": {
                "name": model.name, "provenance": model.provenance, "digest": model.digest,
                "device": str(model.device), "preprocessing": model.preprocessing.to_data(),
            },
            "dataset": {"name": data.name, "fingerprint": data.fingerprint},
            "images": len(found.labels), "right": found.correct_count, "accuracy": found.accuracy,
            "interval": [low, high], "loss": found.loss, "calibration_error": found.calibration_error,
            "classes": [asdict(each) for each in found.per_class], "confusion": found.confusion,
        })  # fmt: skip
        return
    print(f"{escape(model.name)}: {escape(model.provenance)}; computed on {model.device}")
    print(f"{escape(data.name)}: {found.correct_count:,} of {len(found.labels):,} test images correct, "
          f"{found.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}); loss {found.loss:.4f}; "
          f"calibration error {found.calibration_error:.2%}")  # fmt: skip
    rows = [
        (escape(each.name), f"{each.images:,}", f"{each.recall:.1%}", f"{each.precision:.1%}")
        for each in found.per_class
    ]
    print(format_table(("class", "images", "recall", "precision"), rows, "<>>>"))


def _read_image(path: str, at_least: int | None) -> tuple[Any, dict[str, Any]]:
    """The pixels in a file, and what is to be said of them; never more of the file is read than a picture may have."""
    from ..datasets import MAX_IMAGE_BYTES, ImageError, decode

    try:
        with open(path, "rb") as file:
            picture = decode(file.read(MAX_IMAGE_BYTES + 1), at_least=at_least)
    except OSError as error:
        raise ValueError(f"cannot read {quote_path(path)}: {error.strerror or error}") from None
    except ImageError as error:
        raise ValueError(f"{quote_path(path)}: {error}") from None
    height, width = picture.size
    return picture.pixels, {"format": picture.format, "width": width, "height": height, "notes": list(picture.notes)}


def _open_model(text: str, *, download: bool, device: str) -> Model:
    from ..inspection import choose_device, fetch_weights, find_published
    from ..inspection.opening import open_files, open_model

    name, weights = _split_weights(text)
    if weights:
        return open_files(catalog.resolve(name, files=True), weights, device=_choose_device(device))
    if download and find_published(text):
        fetch_weights(text, progress=progress_printer("{done:,} of {total:,} bytes"))
        if sys.stderr.isatty():
            print(file=sys.stderr)
    with open_manager() as manager:
        return open_model(text, manager, device=choose_device(manager, device))


def _choose_device(wanted: str) -> str:
    """The device without the run store where that has nothing to say: the CPU alone, or a device that was named."""
    from ..inspection import choose_device
    from ..runs import devices

    if wanted != "auto" or len(devices()) == 1:
        return choose_device(None, wanted)
    with open_manager() as manager:
        return choose_device(manager, wanted)


def _split_weights(text: str) -> tuple[str, str]:
    """ARCH and WEIGHTS; the latter '' where the text is a name. Both may hold colons: the last that leads to a file."""
    places = [place for place, letter in enumerate(text) if letter == ":"]
    for place in reversed(places):
        if os.path.isfile(text[place + 1 :]):
            return text[:place], text[place + 1 :]
    return (text[: places[-1]], text[places[-1] + 1 :]) if places else (text, "")


def add(verb: Callable[..., Any]) -> None:
    """Add the verbs to the command line."""
    verb("models", _models, "The trained networks for `predict` and `evaluate`.", arch=False, shape=False)
    sub = verb("predict", _predict, "Classify images with a trained network (needs torch).", arch=False, shape=False)
    sub.add_argument("model", metavar="MODEL", help=MODEL)
    sub.add_argument("images", metavar="IMAGE", nargs="+", help="JPEG, PNG, GIF, BMP, WebP or TIFF")
    sub.add_argument("--top", type=int, default=5, metavar="K", help="classes to show; default: 5")
    sub.add_argument("--download", action="store_true", help="download published weights that are not on this machine")
    sub.add_argument("--device", default="auto", metavar="DEVICE", help=DEVICE)
    text = "Evaluate a trained network on the test images of a data set (needs torch)."
    sub = verb("evaluate", _evaluate, text, arch=False, shape=False)
    sub.add_argument("model", metavar="MODEL", help=MODEL)
    sub.add_argument("--dataset", required=True, metavar="NAME|PATH", help="a data set, or a zip or folder of images")
    sub.add_argument("--download", action="store_true", help="download published weights that are not on this machine")
    sub.add_argument("--device", default="auto", metavar="DEVICE", help=DEVICE)
