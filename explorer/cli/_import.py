"""The verb ``import``: a model of torchvision or timm, or a file, as a design with its weights."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ..architecture import to_data, to_json
from ..export import Subject, export
from ._arguments import parse_shape
from ._running import open_manager
from ._text import escape, print_json, write_bytes, write_text

WHAT = "torchvision:NAME, timm:NAME, an ONNX file, or safetensors that hold their design"


def _import(args: argparse.Namespace) -> int:
    from ..importing import LIBRARIES, from_file, from_name, list_names, names_library

    library, colon, name = args.what.partition(":")
    if colon and not name and library in LIBRARIES:
        names = list_names(library)
        print_json(names) if args.json else print("\n".join(names))
        return 0
    shape = parse_shape(args.input)
    if names_library(args.what):
        found = from_name(args.what, weights=args.weights, input_shape=shape)
    elif args.weights is not None:
        raise ValueError("--weights is for networks of torchvision and timm; a file of a network holds its own")
    else:
        found = from_file(args.what, input_shape=shape)
    files = {}
    if args.keep:
        from ..inspection.keeping import save_import

        with open_manager() as manager:
            files["model"] = save_import(found, manager.root)
    if args.output is not None and found.architecture is not None:
        files |= {"design": f"{args.output}.json", "weights": f"{args.output}.safetensors"}
        write_text(files["design"], f"{to_json(found.architecture)}\n")
        origin = f"imported from {args.what}"
        subject = Subject(architecture=found.architecture, weights=found.weights, provenance=origin)
        write_bytes(files["weights"], export(subject, "safetensors").data)
    if args.json:
        obstacle = found.obstacle
        print_json({
            "status": found.status, "params": found.params, "macs": found.macs, "model_params": found.model_params,
            "model_macs": found.model_macs, "largest_score_difference": found.largest_score_difference,
            "obstacle": obstacle and {
                "operator": obstacle.operator, "module": obstacle.module, "reason": obstacle.reason,
            },
            "notes": found.notes, "names": dict(found.names), **files,
            "architecture": found.architecture and to_data(found.architecture),
        })  # fmt: skip
    else:
        for line in found.describe():
            print(escape(line))
        if args.keep:
            print(f"kept: Inspect, `predict`, `export` and `train --from` know it as {files['model']}")
        if args.output is not None and found.architecture is not None:
            print(f"open it as {escape(files['design'])}:{escape(files['weights'])}")
    return 0 if found.status == "complete" else 1


def add(verb: Callable[..., Any]) -> None:
    """Add the verb to the command line."""
    text = (
        "A network of torchvision or timm, or of a file, as a design of the algebra, with its weights (needs torch). "
        "Exit status 0: the whole network; 1: a part of it, or nothing, with the reason."
    )
    sub = verb("import", _import, text, arch=False, shape=True)
    sub.add_argument("what", metavar="WHAT", help=f"{WHAT}; 'torchvision:' and 'timm:' list the names")
    sub.add_argument("--weights", metavar="FILE", help="a file of weights for it; default: the library's initial ones")
    text = "keep design and weights in the data directory, as a model that `models` shows"
    sub.add_argument("--keep", action="store_true", help=text)
    sub.add_argument("-o", "--output", metavar="NAME", help="writes NAME.json and NAME.safetensors")
