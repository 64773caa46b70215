"""The verb ``effective-field``: how strongly each pixel moves a unit, of a network in one or several states."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import catalog
from ..experiments import check_seeds
from ..text import compact_shape, escape_csv, format_decimal, format_share, quote_path
from . import _inspect
from ._arguments import find_architecture, parse_unit, whole_number
from ._progress import show_progress
from ._running import open_manager
from ._text import escape, format_table, print_json

if TYPE_CHECKING:  # torch is loaded when the verb runs
    from torch import Tensor

    from ..architecture import Architecture
    from ..datasets import Preprocessing
    from ..inspection.effective_field import EffectiveField
    from ..inspection.models import NetworkState
    from ..runs import Manager

_WEIGHTS = ("trained", "initial", "both")
_IMAGES = 32
_MOST = 10_000
State = tuple[str, "Callable[[], NetworkState]"]
"""Its name, and what opens it."""


def _effective(args: argparse.Namespace) -> None:
    if args.json and args.csv:
        raise ValueError("choose one of --json and --csv")
    if args.checkpoints and args.weights != "trained":
        raise ValueError("choose one of --checkpoints and --weights; a run's first checkpoint has its initial weights")
    if not 1 <= args.n <= _MOST:
        raise ValueError(f"--n (={args.n}) must be from 1 to {_MOST:,}")
    check_seeds([args.seed])
    unit = parse_unit(args.unit)
    with open_manager() as manager:
        architecture, preprocessing, states = _find_states(args, manager)
    from ..analysis.support import find_default_node
    from ..inspection.effective_field import find_effective_fields

    path = args.node or find_default_node(architecture)
    if not path:
        raise ValueError("no node of the network outputs a map; name one with --node")
    images, what = _read_images(args, architecture, preprocessing)
    with show_progress("images") as tell:
        found = list(find_effective_fields(states, images, path, unit, channel=args.channel, progress=tell))
    if args.png:
        _write_png(args.png, found)
    if args.json:
        print_json([{"state": name, **field.to_data()} for name, field in found])
    elif args.csv:
        _print_csv(found)
    else:
        _print_table(architecture, found, what)


# ---- states ---------------------------------------------------------------------------------------------------------


def _find_states(args: argparse.Namespace, manager: Manager) -> tuple[Architecture, Preprocessing | None, list[State]]:
    """The network, how pictures become its inputs, and its states in the order in which they are shown."""
    from ..inspection import choose_device
    from ..inspection.opening import INITIAL, open_initial
    from ..training import parse

    device = choose_device(manager, args.device)
    if args.checkpoints:
        return _find_checkpoints(args, manager, device)
    run = args.model.partition("@")[0]
    seed = args.seed
    if run in {each.id for each in manager.runs()}:
        seed = parse(manager.run(run).config).seed
    known = _is_model(args.model, manager)
    if args.weights == "initial" and not known:
        architecture = find_architecture(args.model)
        return architecture, None, [(INITIAL, partial(open_initial, architecture, seed, device=device))]
    try:
        model = _inspect.open_named_model(args)
    except ValueError as error:
        if args.model in catalog.names():
            raise ValueError(f"{error}; or --weights initial for random ones") from None
        raise
    states: list[State] = []
    if args.weights != "trained":
        states.append((INITIAL, partial(open_initial, model.architecture, seed, device=device)))
    if args.weights != "initial":
        states.append((model.name, lambda: model))
    return model.architecture, model.preprocessing, states


def _is_model(name: str, manager: Manager) -> bool:
    """Whether a text names trained weights that are here, or a file of them."""
    from ..inspection import list_models

    if _inspect.split_weights(name)[1]:
        return True
    return name.partition("@")[0] in {each.name for each in list_models(manager) if each.ready}


def _find_checkpoints(
    args: argparse.Namespace, manager: Manager, device: str
) -> tuple[Architecture, Preprocessing | None, list[State]]:
    from ..inspection import list_checkpoint_names
    from ..inspection.opening import open_model

    run = manager.run(args.model)
    names = list_checkpoint_names(manager, run.id)
    if len(names) < 2:
        raise ValueError(
            f"run {run.id} has {len(names)} checkpoint{'' if len(names) == 1 else 's'}; its course needs two or more: "
            f"train with --keep-checkpoints 5, say"
        )
    first = open_model(names[0], manager, device=device)
    openers = [(name, partial(open_model, name, manager, device=device)) for name in names]
    return first.architecture, first.preprocessing, [(name.replace("@", " step "), each) for name, each in openers]


# ---- images ---------------------------------------------------------------------------------------------------------


def _read_images(
    args: argparse.Namespace, architecture: Architecture, preprocessing: Preprocessing | None
) -> tuple[Tensor, str]:
    """The inputs, and what they are."""
    from ..datasets import Preprocessing
    from ..inspection.effective_field import draw_test_images, make_noise, prepare_images

    text = args.images
    if text == "noise":
        return make_noise(architecture, args.n, args.seed), f"{args.n:,} images of normal noise, seed {args.seed}"
    how = preprocessing or Preprocessing(shape=architecture.input_shape)
    if os.path.isfile(text) and not text.lower().endswith((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz")):
        pictures = [text]
    elif os.path.isdir(text):
        rows, _ = _inspect.find_pictures([text])
        pictures = [row["file"] for row in rows if "error" not in row]
    else:
        from .. import datasets

        data = datasets.load(datasets.find_name(text), size=how.import_size)
        inputs = draw_test_images(how, data, args.n, args.seed)
        return inputs, f"{len(inputs):,} test images of {escape(data.name)}, drawn by seed {args.seed}"
    if not pictures:
        raise ValueError(f"the folder {quote_path(text)} has no pictures; give JPEG or PNG files")
    pixels = [_inspect.read_image(path, how.decoded_side)[0] for path in pictures[: args.n]]
    return prepare_images(how, pixels), f"{len(pixels):,} pictures of {escape(text)}"


# ---- output ---------------------------------------------------------------------------------------------------------


def _print_table(architecture: Architecture, found: Sequence[tuple[str, EffectiveField]], what: str) -> None:
    first = found[0][1]
    channel = "all channels" if first.channel is None else f"channel {first.channel}"
    exact = int(first.exact.sum())
    whole = architecture.input_shape[1] * architecture.input_shape[2]
    place = f"unit {first.unit[0]}, {first.unit[1]}, {channel}"
    print(f"{escape(architecture.name)}: {escape(first.path)}, {place}; {what}")
    print(f"exact field: {exact:,} of {compact_shape(architecture.input_shape[1:])} pixels "
          f"({format_share(exact / whole, 1)}), side {format_decimal(first.exact_size_px, 1)} px; "
          f"{escape(first.status)}")  # fmt: skip
    print(format_table(
        ("state", "side px", "filled", "sigma px", "R²", "50 % within px", "90 % within px", "log10 peak"),
        [_describe(name, field) for name, field in found], "<>>>>>>>",
    ))  # fmt: skip
    print("side: of a square with as many pixels as have at least 4.55 % of the peak (Luo et al. 2016); filled: their "
          "share of the exact field;\nsigma: of a fitted Gaussian, down × across")  # fmt: skip
    for name, field in found:
        if field.left_out:
            print(f"{escape(name)}: {field.left_out:,} images left out, whose gradient is not a finite number")
        if not field.pixels:
            print(f"{escape(name)}: no image moves the unit; its gradient is 0 everywhere")


def _describe(name: str, field: EffectiveField) -> tuple[str, ...]:
    fit = field.gaussian
    inner, outer = field.radius_px(0.5), field.radius_px(0.9)
    return (
        escape(name),
        format_decimal(field.size_px, 1),
        format_share(field.filled, 1),
        " × ".join(format_decimal(each, 1) for each in fit.sigma_px) if fit else "–",
        format_decimal(fit.r_squared, 3) if fit else "–",
        "–" if inner is None else format_decimal(inner, 1),
        "–" if outer is None else format_decimal(outer, 1),
        format_decimal(field.log10_peak, 2) if field.pixels else "–",
    )


def _print_csv(found: Sequence[tuple[str, EffectiveField]]) -> None:
    rows = csv.writer(sys.stdout, lineterminator="\n")
    keys = ("size_px", "exact_size_px", "filled", "radius_50_px", "radius_90_px", "log10_peak", "images", "left_out")
    rows.writerow(("state", "node", "row", "column", *keys, "sigma_down_px", "sigma_across_px", "r_squared"))
    for name, field in found:
        data = field.to_data()
        fit = data["gaussian"] or {"sigma_px": (None, None), "r_squared": None}
        place = (escape_csv(name), field.path, *field.unit)
        rows.writerow((*place, *(data[key] for key in keys), *fit["sigma_px"], fit["r_squared"]))


def _write_png(name: str, found: Sequence[tuple[str, EffectiveField]]) -> None:
    from ..figures import FieldPanel, draw_field_panels

    picture = draw_field_panels([
        FieldPanel(title=name, lines=field.describe(), values=field.values, exact=field.exact, inside=field.inside)
        for name, field in found
    ])  # fmt: skip
    try:
        with open(name, "wb") as file:
            file.write(picture)
    except OSError as error:
        raise ValueError(f"cannot write {quote_path(name)}: {error.strerror or error}") from None


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = (
        "How strongly each pixel of the input moves a unit, on the average over images: the effective receptive field "
        "(Luo et al. 2016; needs torch)."
    )
    sub = verb("effective-field", _effective, text, arch=False, shape=False)
    models = "; with --weights initial also a name of the catalogue, a JSON file or a link"
    sub.add_argument("model", metavar="MODEL", help=_inspect.MODEL + models)
    sub.add_argument("--node", metavar="PATH", help="default: the last one that outputs a map")
    sub.add_argument("--unit", metavar="ROW,COLUMN", help="of the node's map, counted from 0; default: the middle one")
    sub.add_argument("--channel", type=whole_number, metavar="C", help="default: the sum over all channels")
    text = "noise, pictures (a file or a folder), or a data set, whose test images are drawn; default: noise"
    sub.add_argument("--images", default="noise", metavar="noise|PATH|DATASET", help=text)
    sub.add_argument("--n", type=whole_number, default=_IMAGES, metavar="N", help=f"images at most; default: {_IMAGES}")
    text = "of the noise or the drawn test images, and of initial weights, but for a run, which has its own; default: 0"
    sub.add_argument("--seed", type=whole_number, default=0, metavar="S", help=text)
    text = "trained (default), initial: random ones, as before any training, or both"
    sub.add_argument("--weights", choices=_WEIGHTS, default="trained", help=text)
    text = "of a RUN: all of its checkpoints, one after another (`train --keep-checkpoints N` keeps them)"
    sub.add_argument("--checkpoints", action="store_true", help=text)
    sub.add_argument("--csv", action="store_true", help="one line a state")
    sub.add_argument("--png", metavar="FILE", help="also draw the fields side by side")
    _inspect.add_options(sub)
