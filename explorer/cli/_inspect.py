"""The verbs about trained networks: ``models``, ``predict``, ``perturb`` and ``evaluate``."""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..importing import NETWORK_FILES
from ..text import escape_csv, format_number, format_share, parse_decimal, quote, quote_path
from ._arguments import find_architecture, whole_number
from ._progress import show_progress
from ._running import open_manager
from ._text import escape, format_table, print_json

if TYPE_CHECKING:  # torch is loaded by the verb that needs it
    from ..inspection import GivenFacts
    from ..inspection.models import Model

MODEL = "a name that `models` shows, RUN@STEP, RUN@best, a file of a network (ONNX, or safetensors with their design), \
or ARCH:WEIGHTS (weights as torch or safetensors save them: a \
file, the index of shards, or their folder)"
STATUS_SOME_FAILED, STATUS_ALL_FAILED = 1, 2
_CLASSES_LETTERS = 1_000_000
_AS_IS = "take dark ink on light paper as it is; else it is inverted and centred as MNIST's pictures for a model that \
learnt from such, and that is told"
DEVICE = "cpu, mps or cuda:N; default: the best device that no run occupies"


def _models(args: argparse.Namespace) -> None:
    from ..inspection import list_models, remove_imported

    with open_manager() as manager:
        if args.remove is not None:
            remove_imported(args.remove, manager.root)
            print(f"removed {args.remove}")
            return
        found = list_models(manager)
    if args.json:
        print_json([entry.to_data() for entry in found])
        return
    rows = [(entry.name, entry.kind, escape(entry.detail), escape(entry.title)) for entry in found]
    print(format_table(("model", "kind", "state", "title"), rows, "<<<<"))


def _predict(args: argparse.Namespace) -> int:
    if args.top < 1:
        raise ValueError(f"--top (={args.top}) must be at least 1")
    if args.json and args.csv:
        raise ValueError("choose one of --json and --csv")
    rows, left_out = find_pictures(args.images)
    model = open_named_model(args)
    with show_progress("images") as tell:
        for done, row in enumerate(rows, 1):
            if "error" not in row:
                try:
                    row |= _classify(model, row["file"], args.top, as_is=args.as_is)
                except ValueError as error:
                    row["error"] = str(error)
            tell(done, len(rows))
    failures = sum("error" in row for row in rows)
    if failures and len(rows) == 1:
        raise ValueError(rows[0]["error"])
    status = 0 if not failures else STATUS_SOME_FAILED if failures < len(rows) else STATUS_ALL_FAILED
    if args.json:
        print_json({"model": {**model_facts(model), "classes": model.classes}, "images": rows, "left_out": left_out})
        return status
    if args.csv:
        print(_to_csv(rows), end="")
        for note, count in Counter(note for row in rows for note in row.get("picture_conversions", ())).items():
            print(f"{count:,} of {len(rows):,} pictures: {note}; --as-is takes them as they are", file=sys.stderr)
    else:
        print_model(model)
        print(escape(model.tell_limits()))
        _print_predictions(rows)
    for row in rows:
        if "error" in row:
            print(escape(row["error"]), file=sys.stderr)
    if failures:
        print(f"{failures:,} of {len(rows):,} files could not be classified", file=sys.stderr)
    if left_out:
        print(f"{len(left_out):,} files that are no pictures were left out", file=sys.stderr)
    return status


def _print_predictions(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        if "error" in row:
            print(f"\n{escape(row['file'])}: no prediction")
            continue
        print(f"\n{escape(row['file'])}" + "".join(f"; {note}" for note in (*row["notes"], *_tell_converted(row))))
        for each in row["predictions"]:
            print(f"  {format_share(each['probability']):>8}  {escape(each['class'])}")


def _tell_converted(row: dict[str, Any]) -> list[str]:
    return [f"{note} (--as-is takes it as it is)" for note in row["picture_conversions"]]


def _to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """A line for each of the best classes of each picture, and one for each that could not be classified."""
    out = io.StringIO()
    writer = csv.DictWriter(
        out, ("file", "rank", "class", "index", "probability", "logit", "error"), lineterminator="\n"
    )
    writer.writeheader()
    for row in rows:
        file = escape_csv(row["file"])
        if "error" in row:
            writer.writerow({"file": file, "error": escape_csv(row["error"])})
        for rank, each in enumerate(row.get("predictions", ()), 1):
            writer.writerow({"file": file, "rank": rank, **each, "class": escape_csv(each["class"])})
    return out.getvalue()


def _classify(model: Model, path: str, top: int, *, as_is: bool) -> dict[str, Any]:
    """What a model says of the picture in a file. Raises ValueError."""
    from ..inspection.predict import predict

    pixels, about = read_image(path, model.preprocessing.decoded_side)
    try:
        (found,) = predict(model, [pixels], top=top, as_is=as_is)
    except ValueError as error:
        raise ValueError(f"{quote_path(path)}: {error}") from None
    return {
        **about,
        "conversions": model.conversions,
        "picture_conversions": found.conversions,
        "predictions": [
            {"class": each.name, "index": each.index, "probability": each.probability, "logit": each.logit}
            for each in found.top
        ],
    }


def model_facts(model: Model) -> dict[str, Any]:
    """What a model is, as plain data."""
    return {
        "name": model.name, "provenance": model.provenance, "digest": model.digest, "device": str(model.device),
        "conversions": model.conversions, "notes": model.notes, "preprocessing": model.preprocessing.to_data(),
    }  # fmt: skip


def print_model(model: Model) -> None:
    """What a model is, for people."""
    print(f"{escape(model.name)}: {escape(model.provenance)}; computed on {model.device}")
    if model.conversions:
        print(f"about the file: {'; '.join(map(escape, model.conversions))}")
    print(f"each picture: {'; '.join(model.preprocessing.steps())}")
    for note in model.notes:
        print(escape(note))


def find_pictures(given: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for each file that was named and each picture in folders that were; and their files that are no pictures.

    A folder without pictures is a row with its error.
    """
    from ..datasets import HEIC_ENDINGS, IMAGE_ENDINGS  # those of HEIC photos are refused one by one, with advice

    rows: list[dict[str, Any]] = []
    left_out: list[str] = []
    for name in given:
        if not os.path.isdir(name):
            rows.append({"file": name})
            continue
        before = len(rows)
        for folder, folders, files in os.walk(name):
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            for file in sorted(each for each in files if not each.startswith(".")):
                if file.rpartition(".")[2].lower() in (*IMAGE_ENDINGS, *HEIC_ENDINGS):
                    rows.append({"file": os.path.join(folder, file)})
                else:
                    left_out.append(os.path.join(folder, file))
        if len(rows) == before:
            error = f"the folder {quote_path(name)} has no pictures; give JPEG or PNG files"
            rows.append({"file": name, "error": error})
    return rows, left_out


def _perturb(args: argparse.Namespace) -> None:
    from ..inspection import PERTURBATIONS, check_perturbation

    settings = check_perturbation(_parse_settings(args.set or []))
    along = args.along
    if along not in PERTURBATIONS:
        raise ValueError(f"--along (={quote(along)}) must be one of {', '.join(PERTURBATIONS)}")
    model = open_named_model(args)
    from ..inspection.perturbation import trace_perturbation
    from ..inspection.predict import predict

    pixels, _ = read_image(args.image, model.preprocessing.decoded_side)
    (prediction,) = predict(model, [pixels], top=1, as_is=args.as_is)
    with show_progress("values") as tell:
        found = trace_perturbation(model, prediction.input, along, settings, progress=tell)
    others = {name: value for name, value in settings.items() if value != PERTURBATIONS[name].neutral and name != along}
    table = found.probabilities.tolist()
    unit = PERTURBATIONS[along].unit
    if args.json:
        print_json({
            "model": {**model_facts(model), "classes": model.classes}, "file": args.image, "along": along, "unit": unit,
            "picture_conversions": prediction.conversions, "others": others, "values": found.values,
            "probabilities": table,
        })  # fmt: skip
        return
    if args.csv:
        for note in prediction.conversions:
            print(f"{note}; --as-is takes it as it is", file=sys.stderr)
        rows = csv.writer(sys.stdout, lineterminator="\n")
        rows.writerow([along, *map(escape_csv, model.classes)])
        rows.writerows([value, *shares] for value, shares in zip(found.values, table, strict=True))
        return
    print_model(model)
    print(escape(model.tell_limits()))
    for note in prediction.conversions:
        print(f"{note} (--as-is takes it as it is)")
    given = "; ".join(f"{name} {format_number(value)} {PERTURBATIONS[name].unit}" for name, value in others.items())
    print(f"\n{escape(args.image)}: {PERTURBATIONS[along].meaning}{f'; {given}' if given else ''}")
    shown = found.find_classes(args.top)
    best = (escape(model.classes[index]) for index in found.probabilities.argmax(1).tolist())
    lines = [
        (f"{format_number(value)} {unit}", *(format_share(shares[index], 1) for index in shown), name)
        for value, shares, name in zip(found.values, table, best, strict=True)
    ]
    header = (along, *(escape(model.classes[index]) for index in shown), "best")
    print(format_table(header, lines, ">" + ">" * len(shown) + "<"))


def _parse_settings(given: Sequence[str]) -> dict[str, float]:
    """``--set NAME=VALUE`` as often as it was typed."""
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set (={quote(text)}) must be NAME=VALUE such as blur=3")
        try:
            found[name.strip()] = parse_decimal(value)
        except ValueError as error:
            raise ValueError(f"--set {quote(name.strip())}: {error}") from None
    return found


def read_image(path: str, at_least: int | None) -> tuple[Any, dict[str, Any]]:
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


def open_named_model(args: argparse.Namespace) -> Model:
    """The model that was named, with what was said of it. Raises ValueError."""
    text, given = args.model, _given_facts(args)
    name, weights = split_weights(text)
    if weights:
        from ..inspection.opening import open_files

        architecture = find_architecture(name)
        return open_files(architecture, weights, given, part=args.part, device=_choose_device(args.device))
    from ..inspection import GivenFacts, choose_device, describe_fetch, fetch_weights, find_published
    from ..inspection.opening import open_model, open_network_file

    if given != GivenFacts() or args.part is not None:
        raise ValueError(f"--classes, --mean, --std, --preset and --part are for ARCH:WEIGHTS; {quote(text)} is known")
    if names_network_file(text):
        return open_network_file(text, device=_choose_device(args.device))
    if args.download and find_published(text):
        with show_progress("bytes") as tell:
            fetch_weights(text, progress=tell)
    with open_manager() as manager:
        if waits := describe_fetch(text, manager):
            print(f"{waits} …", file=sys.stderr)
        return open_model(text, manager, device=choose_device(manager, args.device))


def _given_facts(args: argparse.Namespace) -> GivenFacts:
    """What was typed about weights of one's own."""
    from ..inspection import GivenFacts, find_preset, parse_numbers

    preset = args.preset or ""
    if preset:
        find_preset(preset)
    return GivenFacts(
        classes=_read_classes(args.classes) if args.classes else (),
        mean=None if args.mean is None else parse_numbers(args.mean, "--mean"),
        std=None if args.std is None else parse_numbers(args.std, "--std"),
        preset=preset,
    )


def _read_classes(text: str) -> tuple[str, ...]:
    """Class names from a text file with one a line, or typed with commas between."""
    if not os.path.isfile(text):
        return tuple(name.strip() for name in text.split(",") if name.strip())
    try:
        with open(text, encoding="utf-8-sig") as file:
            lines = file.read(_CLASSES_LETTERS).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ValueError(f"cannot read the class names in {quote_path(text)}: {reason}") from None
    return tuple(line.strip() for line in lines if line.strip())


def _choose_device(wanted: str) -> str:
    """The device without the run store where that has nothing to say: the CPU alone, or a device that was named."""
    from ..inspection import choose_device
    from ..runs import devices

    if wanted != "auto" or len(devices()) == 1:
        return choose_device(None, wanted)
    with open_manager() as manager:
        return choose_device(manager, wanted)


def names_network_file(text: str) -> bool:
    """Whether a text is the path of a file that holds a network with its weights."""
    return text.lower().endswith(NETWORK_FILES) and os.path.exists(text)


def split_weights(text: str) -> tuple[str, str]:
    """ARCH and WEIGHTS; the latter '' where the text is a name. Both may hold colons: the last that leads to one."""
    places = [place for place, letter in enumerate(text) if letter == ":"]
    for place in reversed(places):
        if os.path.exists(text[place + 1 :]):
            return text[:place], text[place + 1 :]
    return (text[: places[-1]], text[places[-1] + 1 :]) if places else (text, "")


def add(verb: Callable[..., Any]) -> None:
    """Add the verbs to the command line."""
    sub = verb("models", _models, "The trained networks for `predict` and `evaluate`.", arch=False, shape=False)
    sub.add_argument("--remove", metavar="MODEL", help="remove an imported model from the data directory")
    text = (
        "Classify pictures with a trained network (needs torch). Exit status 0: all were classified; 1: some could not "
        "be, the others were; 2: none was."
    )
    sub = verb("predict", _predict, text, arch=False, shape=False)
    sub.add_argument("model", metavar="MODEL", help=MODEL)
    text = "a picture (JPEG, PNG, WebP, AVIF, TIFF, PPM and others), or a folder of them"
    sub.add_argument("images", metavar="IMAGE", nargs="+", help=text)
    sub.add_argument("--top", type=whole_number, default=5, metavar="K", help="classes to show; default: 5")
    sub.add_argument("--csv", action="store_true", help="one line a picture and class; errors have a column")
    sub.add_argument("--as-is", action="store_true", help=_AS_IS)
    add_options(sub)
    text = "How the answer to a picture changes while it is turned, moved, blurred or covered (needs torch)."
    sub = verb("perturb", _perturb, text, arch=False, shape=False)
    sub.add_argument("model", metavar="MODEL", help=MODEL)
    sub.add_argument("image", metavar="IMAGE", help="a picture")
    text = "what runs over its range: rotate (degrees), right, down, scale, blur, brightness, contrast, noise, cover, \
cover_x or cover_y (percent); default: rotate"
    sub.add_argument("--along", default="rotate", metavar="NAME", help=text)
    text = "what else is done to the picture, such as blur=3; may be repeated"
    sub.add_argument("--set", action="append", metavar="NAME=VALUE", help=text)
    sub.add_argument("--top", type=whole_number, default=3, metavar="K", help="classes in the table; default: 3")
    sub.add_argument("--csv", action="store_true", help="one line a value, one column a class")
    sub.add_argument("--as-is", action="store_true", help=_AS_IS)
    add_options(sub)


def add_options(sub: argparse.ArgumentParser) -> None:
    """What can be said of the model, whatever it is asked."""
    sub.add_argument("--download", action="store_true", help="download published weights that are not on this machine")
    sub.add_argument("--device", default="auto", metavar="DEVICE", help=DEVICE)
    own = sub.add_argument_group("weights of your own (ARCH:WEIGHTS), where the file does not say it")
    own.add_argument("--classes", metavar="A,B,...|FILE", help="class names in the order of the scores, or a text file")
    own.add_argument("--mean", metavar="M", help="subtracted from pixels of 0 to 1: one number, or one a channel")
    own.add_argument("--std", metavar="S", help="the deviation by which the difference is divided")
    own.add_argument("--preset", metavar="NAME", help="half (-1 to 1), unit (0 to 1), imagenet, cifar10, mnist, or a "
                     "shipped model's name")  # fmt: skip
    own.add_argument("--part", metavar="NAME", help="which weights to take where a file has several that fit")
