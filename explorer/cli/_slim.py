"""The verbs ``slim`` and ``fold``: fewer layers and channels, with the proof of what that changes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from ..analysis import METRICS, analyze
from ..architecture import to_json
from ..text import format_bytes, format_share
from ._arguments import whole_number
from ._inspect import MODEL, add_options, open_named_model
from ._progress import show_progress
from ._running import open_manager
from ._text import escape, format_table, print_json, write_bytes, write_text

if TYPE_CHECKING:
    from torch import Tensor

    from ..datasets._dataset import Dataset
    from ..inspection.evaluation import EvaluationResult
    from ..inspection.models import Model
    from ..profiling import SideBySide
    from ..slimming import QuantisedModel, Slimmed, SlimPlan, StepName


def _slim(args: argparse.Namespace) -> None:
    plan = _read_plan(args)
    model = open_named_model(args)
    from ..slimming import as_model, read_inputs, slim

    data = _open_data(model, args, "test")
    images = None if data is None else read_inputs(model, data, "test", _SHOWN)
    learnt = _open_data(model, args, "train") if args.int8 or (plan.budget and not args.as_is) else None
    train = read_inputs(model, learnt, "train", _GATHERED) if learnt and len(learnt.train_images) else None
    steps: tuple[Slimmed, ...] = ()
    idle: tuple[str, ...] = ()
    if plan != _nothing():
        gathered = None if args.as_is else train
        steps, idle = slim(model.architecture, model.network, plan, images_BCHW=images, train_images_BCHW=gathered)
    models = {"as it was": model}
    if steps:
        models["slim"] = as_model(model, steps[-1].architecture, steps[-1].network)
    timed = None
    if args.int8:
        models["int8"], timed = _quantise(models.get("slim", model), train)
    results = {} if data is None else _measure(models, data, args.images)
    files = _write(args.output, models)
    if args.json:
        print_json({
            **files, "steps": [_step_data(step) for step in steps], "nothing_to_do": idle, **_totals(model, steps),
            "accuracy": _accuracy_data(data.name, results) if data else None,
            "int8": _int8_data(models["int8"], timed) if timed else None,
            "folded": [path for step in steps if step.step == "fold_branches" for path in step.paths],
        })  # fmt: skip
        return
    print(f"{escape(model.architecture.name)}: {escape(model.provenance)}")
    _print_steps(model, steps)
    for note in (*(note for step in steps for note in step.notes), *idle):
        print(f"- {escape(note)}")
    if timed:
        _print_int8(models["int8"], timed)
    if data is not None:
        _print_accuracy(data.name, results)
    elif plan.budget:
        print("what pruning does to the accuracy was not measured: name the data set by --data")
    if steps:
        where = f"{escape(files['design'])}:{escape(files['weights'])}"
        print(f"open it as {where}")
        if plan.budget:
            print(f"fine-tune it: train {escape(files['design'])} --from {where}")
    if timed:
        print(f"the quantised network is in {escape(files['onnx'])}")


_COUNTED = ("params", "macs", "layers")
_SHOWN, _GATHERED = 64, 1024
"""Images on which scores are compared, and on which the statistics of norms and the ranges of maps are gathered."""


def _read_plan(args: argparse.Namespace) -> SlimPlan:
    from ..slimming import MINIMUM, Budget, SlimPlan

    exact: list[StepName] = ["fold_branches"] if args.fold or args.branches else []
    exact += ["fold_norms"] if args.fold else []
    exact += ["merge"] if args.merge else []
    budget = None if args.budget is None else Budget.parse(args.budget)
    if budget is None and (args.by or args.keep is not None):
        raise ValueError("--by and --keep are for pruning; say how far by --budget, such as --budget macs=0.7")
    if budget is None and not exact and not args.int8:
        raise ValueError("name a step: --fold, --merge, --budget macs=0.7, --int8")
    minimum = MINIMUM if args.keep is None else args.keep / 100
    return SlimPlan(budget=budget, by=args.by, minimum=minimum, exact=tuple(exact))


def _nothing() -> SlimPlan:
    from ..slimming import SlimPlan

    return SlimPlan()


def _print_steps(model: Model, steps: Sequence[Slimmed]) -> None:
    from ..slimming import STEP_TITLES

    if not steps:
        return
    rows = [("as it was", "", *(f"{_totals(model, steps)[name]['before']:,}" for name in _COUNTED), "")]
    rows += [
        (
            STEP_TITLES[step.step], f"{len(step.paths):,}", *(f"{getattr(step, name)[1]:,}" for name in _COUNTED),
            _tell_proof(step),
        )
        for step in steps
    ]  # fmt: skip
    print(format_table(("step", "nodes", "params", "MACs", "layers", "largest difference"), rows, "<>>>>>"))
    print(
        "largest difference: of any score, from the network before the step; after pruning, from the network before "
        "with all that was taken out at zero"
    )


def _tell_proof(step: Slimmed) -> str:
    proof = step.proof
    if step.step == "recalibrate":
        return "answers change"
    return f"{proof.largest_difference:.1g} of {proof.largest_score:.3g}"


def _write(name: str, models: dict[str, Model]) -> dict[str, str]:
    """The slim network as a design and its weights, the quantised one as ONNX; where they were written."""
    from ..export import Subject, export
    from ..slimming import QuantisedModel

    files: dict[str, str] = {}
    slim, quantised = models.get("slim"), models.get("int8")
    if slim is not None:
        files = {"design": f"{name}.json", "weights": f"{name}.safetensors"}
        write_text(files["design"], f"{to_json(slim.architecture)}\n")
        write_bytes(files["weights"], export(Subject.of_model(slim), "safetensors").data)
    if isinstance(quantised, QuantisedModel):
        files["onnx"] = f"{name}.onnx"
        write_bytes(files["onnx"], quantised.data)
    return files


def _totals(model: Model, steps: Sequence[Slimmed]) -> dict[str, dict[str, int]]:
    architectures = (model.architecture, steps[-1].architecture if steps else model.architecture)
    before, after = ([METRICS[name].read(each, analyze(each)) for name in _COUNTED] for each in architectures)
    return {name: {"before": was, "after": now} for name, was, now in zip(_COUNTED, before, after, strict=True)}


def _step_data(step: Slimmed) -> dict[str, Any]:
    proof = step.proof
    counts = {name: dict(zip(("before", "after"), getattr(step, name), strict=True)) for name in _COUNTED}
    return {
        "step": step.step, "paths": step.paths, "removed": step.removed, "notes": step.notes, **counts,
        "timed": step.timed and asdict(step.timed),
        "proof": {
            "against": proof.against, "largest_difference": proof.largest_difference, "holds": proof.holds,
            "largest_score": proof.largest_score, "inputs": proof.inputs, "images": proof.images,
        },
    }  # fmt: skip


# ---- int8 -----------------------------------------------------------------------------------------------------------


def _quantise(model: Model, train_BCHW: Tensor | None) -> tuple[QuantisedModel, SideBySide]:
    from ..slimming import quantise, time_beside

    if train_BCHW is None:
        raise ValueError("--int8 measures the ranges of all maps on images: name a data set by --data")
    made = quantise(model, train_BCHW)
    return made, time_beside(made)


def _int8_data(model: Any, timed: SideBySide) -> dict[str, Any]:
    return {
        "bytes": {"before": model.float_bytes, "after": len(model.data)}, "images": model.images,
        "latency_seconds": {"before": timed.before_seconds, "after": timed.after_seconds}, "runs": timed.runs,
        "ratio": timed.ratio, "interval": timed.interval, "threads": _count_threads(),
    }  # fmt: skip


def _print_int8(model: Any, timed: SideBySide) -> None:
    was, now = format_bytes(model.float_bytes), format_bytes(len(model.data))
    print(f"int8, ranges of {model.images:,} training images: the ONNX file has {now} instead of {was}")
    print(f"one image on this CPU, {_count_threads()} threads, beside float32: {timed.describe()}")


def _count_threads() -> int:
    import torch

    return torch.get_num_threads()


# ---- accuracy -------------------------------------------------------------------------------------------------------


def _open_data(model: Model, args: argparse.Namespace, part: Literal["train", "test"]) -> Dataset | None:
    """The data set that was named, or that of the model; None where none is known."""
    from .. import datasets
    from ..inspection import find_dataset

    if args.images is not None and args.images < 1:
        raise ValueError(f"--images (={args.images}) must be at least 1")
    if args.data is not None:
        name = datasets.find_name(args.data)
    else:
        with open_manager() as manager:
            name = find_dataset(args.model, manager, part)
        if not name:
            return None
    with show_progress("images") as tell:
        return datasets.load(
            name, size=model.preprocessing.import_size,
            progress=lambda done, total: tell(done, total, f"Importing {escape(name)}"),
        )  # fmt: skip


def _measure(models: dict[str, Model], data: Dataset, count: int | None) -> dict[str, EvaluationResult]:
    """Each model on the test images."""
    from ..inspection.evaluation import evaluate_each

    with show_progress("images") as tell:
        found = [result for _, result in evaluate_each([*models.values()], data, count=count, progress=tell)]
    return dict(zip(models, found, strict=True))


def _accuracy_data(name: str, results: dict[str, EvaluationResult]) -> dict[str, Any]:
    (_, before), *others = results.items()
    last = others[-1][1] if others else before
    return {
        "dataset": name, "images": len(before.labels), "before": before.accuracy, "after": last.accuracy,
        "disagreements": len(before.disagreements(last)), **{word: each.accuracy for word, each in others},
    }  # fmt: skip


def _print_accuracy(name: str, results: dict[str, EvaluationResult]) -> None:
    first = next(iter(results.values()))
    print(f"{escape(name)}, {len(first.labels):,} test images:")
    rows = []
    for word, each in results.items():
        low, high = each.accuracy_interval
        others = "" if each is first else f"{len(first.disagreements(each)):,}"
        rows.append((word, format_share(each.accuracy), f"{format_share(low)} to {format_share(high)}", others))
    print(format_table(("", "correct", "95 % interval", "other answers"), rows, "<>>>"))


def add(verb: Callable[..., Any]) -> None:
    """Add the verbs to the command line."""
    text = (
        "Make a trained network slim: fold norms and branches, merge 1×1 convolutions, prune channels to a budget; "
        "each step with its proof (needs torch)."
    )
    sub = verb("slim", _slim, text, arch=False, shape=False)
    _add_common(sub)
    sub.add_argument("--fold", action="store_true", help="fold norms, and branches that are added, into convolutions")
    sub.add_argument("--merge", action="store_true", help="merge 1×1 convolutions that read one input, or each other")
    text = "prune channels until it costs no more: macs=0.7 (a share), params=500k (a number), inference_bytes=…; \
latency=0.8: the time of one image on this machine, measured"
    sub.add_argument("--budget", metavar="METRIC=N", help=text)
    text = "what a channel's importance is: l1 or l2 of its filters, bn for the factors of batch norms; \
default: bn where there are batch norms, else l1"
    sub.add_argument("--by", choices=("bn", "l1", "l2"), help=text)
    text = "after pruning leave the statistics of batch norms; else they are gathered anew on training images"
    sub.add_argument("--as-is", action="store_true", help=text)
    text = "quantise to 8-bit integers for onnxruntime; ranges are measured on training images; writes NAME.onnx"
    sub.add_argument("--int8", action="store_true", help=text)
    text = "percent of each layer's channels that stay in any case; default: 10"
    sub.add_argument("--keep", type=whole_number, metavar="PERCENT", help=text)
    text = "a data set, or a zip or folder of images, on whose test images accuracy is measured before and after; runs \
and shipped models know theirs"
    sub.add_argument("--data", metavar="NAME|PATH", help=text)
    text = "so many of the test images, drawn at random (always the same); default: all"
    sub.add_argument("--images", type=whole_number, metavar="N", help=text)
    sub.set_defaults(branches=False)
    sub = verb("fold", _slim, "`slim` with folded branches alone, such as RepVGG's.", arch=False, shape=False)
    _add_common(sub)
    sub.set_defaults(
        branches=True, fold=False, merge=False, budget=None, by=None, keep=None, data=None, images=None, as_is=True,
        int8=False,
    )  # fmt: skip


def _add_common(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("model", metavar="MODEL", help=MODEL)
    sub.add_argument("-o", "--output", required=True, metavar="NAME", help="writes NAME.json and NAME.safetensors")
    add_options(sub)
