"""Fine-tuning against training from scratch, three seeds, paired: both begin with the same random numbers.

    EXPLORER_DATA=/my/data .venv/bin/python -m tests.benchmarks.finetuning [two-classes | fashion] [--seeds 0 1 2]

two-classes: a network is trained on eight classes of CIFAR-10 (JPEG copy, ``cifar10-jpeg/cifar10-jpeg.zip``, 500 images
each), then on the other two with 100 images each, as it is and from random numbers; all test images of the two.
fashion: the shipped CIFAR-10 model on 1,000 images of Fashion-MNIST, against the same network from random numbers;
2,000 test images. Both take the same number of updates by the same settings. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explorer import catalog, datasets
from explorer.architecture import Architecture, edit
from explorer.inspection.starting import open_start
from explorer.training import START_FILE, TrainConfig, open_manager, recipe
from explorer.training._start import describe_scaling
from explorer.training.data import describe_preprocessing, load_to_device
from explorer.training.evaluation import evaluate
from explorer.training.loop import make_autocast, train
from explorer.training.recording import NullLog
from explorer.training.starting import Beginning, StartWeights, pin
from explorer.training.state import State

CPU = torch.device("cpu")
OLD = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse")
NEW = ("ship", "truck")


def draw(data: Any, classes: Sequence[str], train_each: int, test_each: int, seed: int) -> Any:
    """Some images of some classes of a data set, the first drawn by the seed, the test images always the same."""
    kept = [data.classes.index(name) for name in classes]

    def part(images: Any, labels: Any, each: int, rng: np.random.Generator) -> tuple[Any, Any]:
        labels = np.asarray(labels)
        rows = np.concatenate([rng.permutation(np.flatnonzero(labels == number))[:each] for number in kept])
        return np.asarray(images)[rows], np.array([kept.index(number) for number in labels[rows]], np.int64)

    train_images, train_labels = part(data.train_images, data.train_labels, train_each, np.random.default_rng(seed))
    test_images, test_labels = part(data.test_images, data.test_labels, test_each, np.random.default_rng(0))
    return datasets.to_dataset(datasets.ImageArrays(
        name="drawn", classes=tuple(classes), train_images=train_images, train_labels=train_labels,
        test_images=test_images, test_labels=test_labels,
    ))  # fmt: skip


def learn(network: Architecture, data: Any, config: TrainConfig, weights: StartWeights | None) -> tuple[float, State]:
    """(accuracy after the last epoch, the state then)."""
    beginning = None
    with tempfile.TemporaryDirectory() as folder:
        if weights is not None:
            config, copy, _ = pin(network, config, weights, data.classes)
            (Path(folder) / START_FILE).write_bytes(copy)
            beginning = Beginning.read(Path(folder), network, config, data.classes)
    prepared = data.prepared(describe_scaling(config.start, network.input_shape))
    state, tensors = State(network, config, CPU, beginning), load_to_device(prepared, config, CPU)
    train(state, replace(tensors, evaluated={}), config, NullLog())
    test = tensors.evaluated["test"]
    return evaluate(state.eval_model, test, tensors, config, make_autocast(CPU, config)).accuracy, state


def pretrain(network: Architecture, data: Any, config: TrainConfig) -> StartWeights:
    """A network that has learnt a data set, as something to start from."""
    _, state = learn(network, data, config, None)
    return StartWeights(
        name="pretrained", provenance="trained by this benchmark", architecture=network, classes=data.classes,
        tensors={name: value.contiguous() for name, value in state.model.state_dict().items()},
        preprocessing=describe_preprocessing(data.adapted(network.input_shape), config),
    )  # fmt: skip


def two_classes(seed: int) -> tuple[float, float]:
    """(from scratch, fine-tuned)."""
    data = datasets.load(find("cifar10-jpeg/cifar10-jpeg.zip"), size=(32, 32))
    network = catalog.get("cifar-inception")
    quick = recipe("quick", "drawn").changed(seed=seed, epochs=6, warmup_epochs=1.5, batch_size=128, lr=0.2)
    weights = pretrain(edit.set_classes(network, len(OLD)), draw(data, OLD, 500, 1, seed), quick)
    few = draw(data, NEW, 100, 1000, seed)
    return compare(edit.set_classes(network, len(NEW)), few, weights, seed, epochs=20)


def fashion(seed: int) -> tuple[float, float]:
    """(from scratch, fine-tuned)."""
    data = datasets.load("fashion-mnist")
    with tempfile.TemporaryDirectory() as folder:
        weights = open_start("cifar10-inception", open_manager(Path(folder)))
    few = draw(data, data.classes, 100, 200, seed)
    return compare(catalog.get("cifar10-inception"), few, weights, seed, epochs=8)


def compare(
    network: Architecture, data: Any, weights: StartWeights, seed: int, *, epochs: int
) -> tuple[float, float]:
    """Train as it is and from the weights, by the recipe for fine-tuning, at 5 times its rate without weights."""
    config = recipe("fine-tune", "drawn").changed(seed=seed, epochs=epochs)
    return learn(network, data, config.changed(lr=0.05), None)[0], learn(network, data, config, weights)[0]


def find(path: str) -> Path:
    """A file in one of the folders of EXPLORER_DATA."""
    for folder in datasets.data_folders():
        if (folder / path).is_file():
            return folder / path
    raise SystemExit(f"{path} is in none of the folders of EXPLORER_DATA")


def main() -> None:
    """Run what was asked for, and print a line a seed and the paired difference."""
    parser = argparse.ArgumentParser()
    parser.add_argument("which", nargs="?", choices=("two-classes", "fashion"), help="default: both")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    for which in [args.which] if args.which else ["two-classes", "fashion"]:
        pairs = []
        for seed in args.seeds:
            pairs.append({"two-classes": two_classes, "fashion": fashion}[which](seed))
            before, after = pairs[-1]
            told = f"from scratch {100 * before:.2f} %, fine-tuned {100 * after:.2f} %"
            print(f"{which}, seed {seed}: {told}", flush=True)
        scratch, tuned = (statistics.mean(each) for each in zip(*pairs, strict=True))
        differences = [100 * (after - before) for before, after in pairs]
        spread = statistics.stdev(differences) if len(pairs) > 1 else 0.0
        print(f"{which}: from scratch {100 * scratch:.2f} %, fine-tuned {100 * tuned:.2f} %, "
              f"difference {statistics.mean(differences):+.2f} ± {spread:.2f} points")  # fmt: skip


if __name__ == "__main__":
    main()
