"""The verb ``export``: a design, a run or a model as what other programs read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..export import FORMATS, Subject, choose_data, export
from ._arguments import ARCH_HELP, find_architecture
from ._inspect import MODEL, add_options, names_network_file, open_named_model, split_weights
from ._running import RECIPES, open_manager
from ._text import escape, print_json, write_bytes, write_text

if TYPE_CHECKING:
    from ..training import TrainConfig


def _export(args: argparse.Namespace) -> None:
    form = FORMATS[args.format]
    if args.output is None and not form.is_text:
        raise ValueError(f"{form.title} is no text; give -o FILE, such as -o network{form.suffix}")
    file = export(replace(_find_subject(args), path=args.block), args.format)
    if args.output is None:
        print(file.data.decode().rstrip("\n"))
    elif form.is_text:
        write_text(args.output, file.data.decode())
    else:
        write_bytes(args.output, file.data)
    if args.json:
        print_json({"file": args.output, "format": args.format, "bytes": len(file.data), "notes": file.notes})
    else:
        for note in file.notes:  # not into what is piped on
            print(escape(note), file=sys.stderr if args.output is None else sys.stdout)


def _find_subject(args: argparse.Namespace) -> Subject:
    """A design as it is, a run as it trained, a model with its weights, classes and preprocessing."""
    text = args.what
    if not FORMATS[args.format].takes_recipe and (args.recipe or args.dataset):
        raise ValueError(f"--recipe and --dataset are for --format script, not {args.format}; leave them out")
    if FORMATS[args.format].takes_recipe:
        return _find_recipe(args)
    if args.untrained or not (FORMATS[args.format].takes_weights and _names_model(text)):
        try:
            return Subject(architecture=find_architecture(text))
        except ValueError:
            if args.untrained or not _names_model(text):
                raise
    args.model = text
    return Subject.of_model(open_named_model(args), _recipe_of(text))


def _find_recipe(args: argparse.Namespace) -> Subject:
    """A run with its own recipe; a design with the one that was typed, or the course's."""
    from .. import datasets
    from ..architecture import from_json
    from ..training import recipe

    config = _recipe_of(args.what)
    if config is not None and (args.recipe or args.dataset):
        raise ValueError("a run has its own recipe and data; leave --recipe and --dataset out, or name a design")
    if config is not None:
        with open_manager() as manager:
            run = manager.run(args.what.partition("@")[0])
        return Subject(architecture=from_json(run.architecture), config=config)
    architecture = find_architecture(args.what)
    if not args.recipe and not args.dataset:
        return Subject(architecture=architecture)
    dataset = choose_data(architecture) if args.dataset is None else datasets.find_name(args.dataset)
    return Subject(architecture=architecture, config=recipe(args.recipe or "course", dataset))


def _names_model(text: str) -> bool:
    """Whether a text is ARCH:WEIGHTS, or the name of a shipped model or of a run."""
    from ..inspection import list_models

    if names_network_file(text):
        return True
    name, weights = split_weights(text)
    if weights:
        try:
            find_architecture(name)
        except ValueError:
            return False
        return True
    with open_manager() as manager:
        return text.partition("@")[0] in {entry.name.partition("@")[0] for entry in list_models(manager)}


def _recipe_of(name: str) -> TrainConfig | None:
    """How a run trained; None of what is no run."""
    from ..training import parse

    with open_manager() as manager, suppress(ValueError):
        return parse(manager.run(name.partition("@")[0]).config)
    return None


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = (
        "Take a design, a run or a model away: source code, ONNX, weights, pictures, tables. Every file that computes "
        "is computed and compared before it is written; what was proved is told."
    )
    sub = verb("export", _export, text, arch=False, shape=False)
    sub.add_argument("what", metavar="ARCH_OR_MODEL", help=f"{ARCH_HELP}; or {MODEL}")
    told = "; ".join(f"{key}: {form.title}" for key, form in FORMATS.items())
    told = f"{told}; default: json"
    sub.add_argument("--format", choices=tuple(FORMATS), default="json", metavar="FORMAT", help=told)
    sub.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    sub.add_argument("--block", default="", metavar="PATH", help="of a picture or table: of this node alone")
    sub.add_argument("--recipe", metavar="NAME", help=f"of a training script of a design; {RECIPES}")
    sub.add_argument("--dataset", metavar="NAME", help="data of that script; default: one with the classes")
    text = "without the weights of the model of that name: torch's initial ones"
    sub.add_argument("--untrained", action="store_true", help=text)
    add_options(sub)
