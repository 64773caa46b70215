"""The verbs about data sets: ``datasets list | preview | import | show | rename | remove``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..text import compact_shape, format_bytes, quote_path
from ._progress import show_progress
from ._running import open_manager
from ._text import escape, format_table, print_json

if TYPE_CHECKING:
    from ..datasets import ImportedDataset, Sample
    from ..runs import Run

_PATH = "a folder, zip or tar of images, or the name of one that `datasets list` shows as found"
_SIZE = "store the images at this size; default: as they are if all have one size of at most 256 pixels, else 64x64"
_STREAM = (
    "of a folder: store an index alone and read the files where they lie while a network trains; default: where the "
    "images do not fit in memory"
)
_MOST_LINES = 40


def _size(args: argparse.Namespace) -> tuple[int, int] | None:
    from .. import datasets

    return None if args.size is None else datasets.parse_size(args.size)


# ---- the verbs ------------------------------------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> None:
    from .. import datasets

    rows: list[dict[str, Any]] = []
    imported = set(datasets.list_imports())
    for name in datasets.names():
        try:
            card = datasets.get_card(name)
        except datasets.DatasetError as error:
            rows.append({"name": name, "title": name, "state": "damaged", "reason": str(error)})
            continue
        state = "here" if card.available else "not here"
        if name in imported:
            state = "imported" if not card.streamed else "streamed" if card.available else "folder gone"
        rows.append({
            "name": name, "title": card.title, "state": state, "train": card.train_count, "test": card.test_count,
            "classes": len(card.classes), "shape": list(card.shape), "path": str(card.path) if card.path else None,
        })  # fmt: skip
    rows += [
        {"name": offer.name, "title": offer.title, "state": "found", "path": str(offer.path)}
        for offer in datasets.list_offers()
    ]
    if args.json:
        print_json(rows)
        return
    cells = [
        (
            row["name"], row["state"], f"{row['train']:,} + {row['test']:,}" if "train" in row else "",
            str(row.get("classes", "")), compact_shape(row["shape"]) if "shape" in row else "",
            escape(row["title"]),
        )
        for row in rows
    ]  # fmt: skip
    print(format_table(("name", "state", "images", "classes", "shape", "title"), cells, "<<>>><"))
    if any(row["state"] == "found" for row in rows):
        print("\n'found' lies in a folder of EXPLORER_DATA: look at it by `datasets preview`, then import it")


def _preview(args: argparse.Namespace) -> None:
    from .. import datasets

    size = _size(args)
    with show_progress("images") as tell:
        found = datasets.preview(_source(args.path), progress=tell)
    if args.sheet:
        _write_sheet(args.sheet, found.samples)
    data = found.to_data(size, stream=args.stream)
    if args.json:
        print_json(data)
        return
    print(f"{escape(found.title)}: {found.count:,} images, {len(found.classes):,} classes\n")
    _print_classes(data["classes"])
    _print_left_out(data["left_out"])
    sizes = data["sizes"]
    small, large = (compact_shape(sizes[key]) for key in ("smallest", "largest"))
    stored, taken = compact_shape(data["stored"]["size"]), format_bytes(data["stored"]["bytes"])
    way = f"stored at {stored}, at most {taken} in memory and on the disk"
    if data["streamed"]:
        way = f"streamed at {stored}, since {data['stream_reason']}: the files stay where they are, nothing is copied"
    elif data["problem"]:
        way = f"cannot be imported: {data['problem']}"
    print(f"\nSizes (height × width): {small if small == large else f'{small} to {large}'}; {way}; --size HxW to choose"
          + ("" if data["streamed"] or not found.is_folder else ", --stream to read the files where they lie"))
    _print_sentences(data)


def _import(args: argparse.Namespace) -> None:
    from .. import datasets

    size = _size(args)
    with show_progress("images") as tell:
        known = datasets.import_images(
            _source(args.path), name=args.name, size=size, scaling="squash" if args.squash else "cut",
            keep_small=size is None, stream=args.stream, progress=tell,
        )  # fmt: skip
    _print_import(args, known, [])


def _show(args: argparse.Namespace) -> None:
    from .. import datasets

    name = _find(args.dataset)
    if name not in datasets.list_imports():
        card = datasets.get_card(name)
        if args.sheet:
            raise ValueError(f"--sheet: {name} is no imported data set")
        data = {
            "name": card.name, "title": card.title, "classes": dict.fromkeys(card.classes), "images":
            card.train_count + card.test_count, "splits": {"train": card.train_count, "test": card.test_count},
            "shape": list(card.shape), "available": card.available, "source": card.source, "licence": card.licence,
            "path": str(card.path) if card.path else None, "notes": list(card.notes), "warnings": list(card.warnings),
        }  # fmt: skip
        if args.json:
            print_json(data)
        else:
            print("\n".join(f"{key}: {escape(value)}" for key, value in data.items() if key != "classes"))
            print(f"classes: {escape(', '.join(card.classes))}")
        return
    if args.sheet:
        _write_sheet(args.sheet, datasets.sample_images(name))
    _print_import(args, datasets.get_import(name), _runs_of(name))


def _rename(args: argparse.Namespace) -> None:
    from .. import datasets

    known = datasets.rename(_find(args.dataset), args.title)
    if args.json:
        print_json({"name": known.name, "title": known.title})
    else:
        print(f"{known.name}  {escape(known.title)}")


def _save(args: argparse.Namespace) -> None:
    from .. import datasets

    content = datasets.save(_find(args.dataset), Path(args.file))
    counts = {"train": len(content.train_labels), "test": len(content.test_labels)}
    if args.json:
        print_json({"file": args.file, **counts})
    else:
        print(f"{escape(args.file)}  {counts['train']:,} + {counts['test']:,} images")


def _remove(args: argparse.Namespace) -> None:
    from .. import datasets

    name = _find(args.dataset)
    if name not in datasets.list_imports():
        raise ValueError(f"{name} is no imported data set, and cannot be removed")
    runs = _runs_of(name)
    if runs and not args.force:
        ids = ", ".join(run.id for run in runs[:5]) + (" …" if len(runs) > 5 else "")
        raise ValueError(
            f"{name} is used by {len(runs)} runs ({ids}), which could then be neither resumed nor evaluated; "
            "--force removes it all the same"
        )
    datasets.remove(name)
    if args.json:
        print_json({"removed": name, "runs": [run.id for run in runs]})
    else:
        print(f"{name}  removed; what it was imported from stays where it is")


# ---- what they share ------------------------------------------------------------------------------------------------


def _source(text: str) -> Path:
    """The path of a folder or archive. Raises ValueError if there is none."""
    from .. import datasets

    found = datasets.find_source(text)
    if found is None:
        if text in datasets.names():
            raise ValueError(f"{text} is a data set already: `python -m explorer datasets show {text}`")
        raise ValueError(f"there is no file or folder {quote_path(text)}")
    return found


def _find(text: str) -> str:
    """The identifier of a data set, from that or from the title of an imported one."""
    from .. import datasets

    return datasets.get_card(datasets.find_name(text)).name  # raises where there is none, and names the nearest


def _runs_of(name: str) -> list[Run]:
    with open_manager() as manager:
        return [run for run in manager.runs() if run.setting("dataset") == name]


def _print_import(args: argparse.Namespace, known: ImportedDataset, runs: list[Run]) -> None:
    from .. import datasets

    train, test = datasets.count_classes(known.name)
    _, height, width = known.shape
    card = datasets.get_card(known.name)
    data = {
        "name": known.name,
        "title": known.title,
        "classes": {
            label: {"train": a, "test": b} for label, a, b in zip(known.classes, train, test, strict=True)
        },
        "splits": {"train": known.counts[0], "test": known.counts[1]},
        "images": sum(known.counts),
        "shape": list(known.shape),
        "stored": {"size": [height, width], "scaled_by": known.scaled_by, "bytes": card.size_bytes},
        "streamed": known.streamed,
        "stream_reason": known.stream_reason,
        "left_out": dict(known.left_out),
        "warnings": list(known.warnings),
        "notes": list(known.notes),
        "source": known.sources[0][0],
        "path": str(card.path),
        "fingerprint": known.fingerprint,
        "runs": [run.id for run in runs],
    }  # fmt: skip
    if args.json:
        print_json(data)
        return
    print(f"{known.name}  {escape(known.title)}: {known.counts[0]:,} + {known.counts[1]:,} images, "
          f"{len(known.classes):,} classes, {'streamed' if known.streamed else 'stored'} at "
          f"{compact_shape((height, width))}, {format_bytes(card.size_bytes)}"
          f"{' of index' if known.streamed else ''}\n")  # fmt: skip
    _print_classes(data["classes"])
    _print_left_out(data["left_out"])
    _print_sentences(data)
    if runs:
        print(f"Used by the runs {', '.join(run.id for run in runs)}.")


def _print_classes(classes: Any) -> None:
    rows = [(escape(name), f"{counts['train']:,}", f"{counts['test']:,}") for name, counts in classes.items()]
    print(format_table(("class", "train", "test"), rows[:_MOST_LINES], "<>>"))
    if len(rows) > _MOST_LINES:
        print(f"and {len(rows) - _MOST_LINES:,} more classes")


def _print_left_out(left_out: Any) -> None:
    if left_out:
        rows = [(f"{count:,}", escape(reason)) for reason, count in left_out.items()]
        print(f"\n{format_table(('files', 'left out because'), rows[:_MOST_LINES], '><')}")


def _print_sentences(data: Any) -> None:
    for kind, mark in (("warnings", "! "), ("notes", "")):
        if data[kind]:
            print("\n" + "\n".join(f"{mark}{escape(text)}" for text in data[kind]))


def _write_sheet(path: str, samples: tuple[Sample, ...]) -> None:
    from PIL import Image

    from .. import datasets

    if not samples:
        raise ValueError("there is no image to draw on the sheet")
    try:
        Image.fromarray(datasets.draw_sheet(samples)).save(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(f"cannot write {quote_path(path)}: {reason}") from None


def add(verbs: Any) -> None:
    """Add the verbs to the command line."""
    text = "The data sets: list, preview, import, show, rename, save, remove."
    group = verbs.add_parser("datasets", help=text, description=text, allow_abbrev=False)
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, run, text in (
        ("list", _list, "All data sets: embedded, well-known, imported, and found in the folders of EXPLORER_DATA."),
        ("preview", _preview, "What an import would make of a folder or archive; nothing is stored."),
        ("import", _import, "Store the images of a folder or archive as a data set."),
        ("show", _show, "Classes, counts, notes, and the runs that use it."),
        ("rename", _rename, "Give an imported data set another title."),
        ("save", _save, "Write images and labels as an .npz file, for other programs and training scripts."),
        ("remove", _remove, "Delete an imported data set; what it was imported from stays, also the files of a "
                            "streamed one."),
    ):
        sub = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(run=run)
        if name in ("preview", "import"):
            sub.add_argument("path", metavar="PATH", help=_PATH)
            sub.add_argument("--size", metavar="HxW", help=_SIZE)
            sub.add_argument("--stream", action="store_true", help=_STREAM)
        elif name != "list":
            sub.add_argument("dataset", metavar="NAME", help="as `datasets list` shows it, or its title")
        if name == "import":
            sub.add_argument("--name", metavar="TEXT", help="title of the data set; default: the file's name")
            sub.add_argument("--squash", action="store_true", help="keep whole images, not their proportions")
        if name == "rename":
            sub.add_argument("title", metavar="TITLE")
        if name == "save":
            sub.add_argument("file", metavar="FILE.npz")
        if name in ("preview", "show"):
            sub.add_argument("--sheet", metavar="FILE.png", help="write a sheet of samples there")
        if name == "remove":
            sub.add_argument("--force", action="store_true", help="also one that runs use")
        sub.add_argument("--json", action="store_true", help="plain data instead of text")
