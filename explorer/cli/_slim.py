"""The verbs ``slim`` and ``fold``: fewer layers and channels, with the proof of what that changes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..architecture import to_json
from ..text import format_share, quote_path
from ._arguments import whole_number
from ._inspect import MODEL, add_options, open_named_model
from ._progress import show_progress
from ._running import open_manager
from ._text import escape, format_table, print_json, write_text

if TYPE_CHECKING:
    from ..datasets._dataset import Dataset
    from ..inspection.evaluation import EvaluationResult
    from ..inspection.models import Model
    from ..slimming import Slimmed, SlimPlan, StepName


def _slim(args: argparse.Namespace) -> None:
    plan = _read_plan(args)
    model = open_named_model(args)
    from ..slimming import STEP_TITLES, read_inputs, slim

    data = _open_data(model, args, "test")
    images = None if data is None else read_inputs(model, data, "test", _SHOWN)
    learnt = None if plan.budget is None or args.as_is else _open_data(model, args, "train")
    train = read_inputs(model, learnt, "train", _GATHERED) if learnt and len(learnt.train_images) else None
    steps, idle = slim(model.architecture, model.network, plan, images_BCHW=images, train_images_BCHW=train)
    last = steps[-1]
    accuracy = None if data is None else _measure(model, last, data, args.images)
    files = _write(args.output, last)
    if args.json:
        print_json({
            **files, "steps": [_step_data(step) for step in steps], "nothing_to_do": idle, **_totals(steps),
            "accuracy": None if accuracy is None else _accuracy_data(*accuracy),
            "folded": [path for step in steps if step.step == "fold_branches" for path in step.paths],
        })  # fmt: skip
        return
    print(f"{escape(model.architecture.name)}: {escape(model.provenance)}")
    rows = [("as it was", "", *(f"{getattr(steps[0], name)[0]:,}" for name in _COUNTED), "")]
    rows += [
        (
            STEP_TITLES[step.step], f"{len(step.paths):,}", *(f"{getattr(step, name)[1]:,}" for name in _COUNTED),
            _tell_proof(step),
        )
        for step in steps
    ]  # fmt: skip
    print(format_table(("step", "nodes", "params", "MACs", "layers", "largest difference"), rows, "<>>>>>"))
    print("largest difference: of any score, from the network before the step; after pruning, from the network before "
          "with all that was taken out at zero")  # fmt: skip
    for note in (*(note for step in steps for note in step.notes), *idle):
        print(f"- {escape(note)}")
    if accuracy is not None:
        _print_accuracy(*accuracy)
    elif plan.budget:
        print("what pruning does to the accuracy was not measured: name the data set by --data")
    where = f"{escape(files['design'])}:{escape(files['weights'])}"
    print(f"open it as {where}")
    if plan.budget:
        print(f"fine-tune it: train {escape(files['design'])} --from {where}")


_COUNTED = ("params", "macs", "layers")
_SHOWN, _GATHERED = 64, 1024
"""Images on which scores are compared, and on which the statistics of norms are gathered."""


def _read_plan(args: argparse.Namespace) -> SlimPlan:
    from ..slimming import MINIMUM, Budget, SlimPlan

    exact: list[StepName] = ["fold_branches"] if args.fold or args.branches else []
    exact += ["fold_norms"] if args.fold else []
    exact += ["merge"] if args.merge else []
    budget = None if args.budget is None else Budget.parse(args.budget)
    if budget is None and (args.by or args.keep is not None):
        raise ValueError("--by and --keep are for pruning; say how far by --budget, such as --budget macs=0.7")
    if budget is None and not exact:
        raise ValueError("name a step: --fold, --merge, --budget macs=0.7")
    minimum = MINIMUM if args.keep is None else args.keep / 100
    return SlimPlan(budget=budget, by=args.by, minimum=minimum, exact=tuple(exact))


def _tell_proof(step: Slimmed) -> str:
    proof = step.proof
    if step.step == "recalibrate":
        return "answers change"
    return f"{proof.largest_difference:.1g} of {proof.largest_score:.3g}"


def _write(name: str, last: Slimmed) -> dict[str, str]:
    import safetensors.torch

    design, weights = f"{name}.json", f"{name}.safetensors"
    tensors = {key: tensor.contiguous() for key, tensor in last.network.state_dict().items()}
    write_text(design, f"{to_json(last.architecture)}\n")
    try:
        Path(weights).write_bytes(safetensors.torch.save(tensors))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"cannot write {quote_path(weights)}: {reason}") from None
    return {"design": design, "weights": weights}


def _totals(steps: Sequence[Slimmed]) -> dict[str, dict[str, int]]:
    return {
        name: {"before": getattr(steps[0], name)[0], "after": getattr(steps[-1], name)[1]} for name in _COUNTED
    }  # fmt: skip


def _step_data(step: Slimmed) -> dict[str, Any]:
    proof = step.proof
    return {
        "step": step.step, "paths": step.paths, "removed": step.removed, "notes": step.notes, **_totals([step]),
        "proof": {
            "against": proof.against, "largest_difference": proof.largest_difference, "holds": proof.holds,
            "largest_score": proof.largest_score, "inputs": proof.inputs, "images": proof.images,
        },
    }  # fmt: skip


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


def _measure(
    model: Model, last: Slimmed, data: Dataset, count: int | None
) -> tuple[str, EvaluationResult, EvaluationResult]:
    """The data set, and the model on its test images before and after."""
    from ..inspection.evaluation import evaluate_each
    from ..slimming import as_model

    both = (model, as_model(model, last.architecture, last.network))
    with show_progress("images") as tell:
        (_, before), (_, after) = evaluate_each(both, data, count=count, progress=tell)
    return data.name, before, after


def _accuracy_data(name: str, before: EvaluationResult, after: EvaluationResult) -> dict[str, Any]:
    return {
        "dataset": name, "images": len(before.labels), "before": before.accuracy, "after": after.accuracy,
        "disagreements": len(before.disagreements(after)),
    }  # fmt: skip


def _print_accuracy(name: str, before: EvaluationResult, after: EvaluationResult) -> None:
    low, high = after.accuracy_interval
    print(
        f"{escape(name)}, {len(before.labels):,} test images: {format_share(before.accuracy)} correct before, "
        f"{format_share(after.accuracy)} after (95 % interval {format_share(low)} to {format_share(high)}); "
        f"{len(before.disagreements(after)):,} get another answer"
    )


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
    text = "prune channels until it costs no more: macs=0.7 (a share), params=500k (a number), inference_bytes=…"
    sub.add_argument("--budget", metavar="METRIC=N", help=text)
    text = "what a channel's importance is: l1 or l2 of its filters, bn for the factors of batch norms; \
default: bn where there are batch norms, else l1"
    sub.add_argument("--by", choices=("bn", "l1", "l2"), help=text)
    text = "after pruning leave the statistics of batch norms; else they are gathered anew on training images"
    sub.add_argument("--as-is", action="store_true", help=text)
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
        branches=True, fold=False, merge=False, budget=None, by=None, keep=None, data=None, images=None, as_is=True
    )  # fmt: skip


def _add_common(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("model", metavar="MODEL", help=MODEL)
    sub.add_argument("-o", "--output", required=True, metavar="NAME", help="writes NAME.json and NAME.safetensors")
    add_options(sub)
