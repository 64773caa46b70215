"""Search against random search of the same space and budget, paired by seed; hypervolumes, fronts and an interval.

    EXPLORER_DATA=/my/data .venv/bin/python -m tests.benchmarks.searching [--seeds 0 1 2] [--trials 8] [--sampler tpe]

On images of CIFAR-10 (JPEG copy, ``cifar10-jpeg/cifar10-jpeg.zip``), so many of each class: widths, kernels, depth and
the rate of a small network. ``EXPLORER_HOME`` keeps the searches: begun again with the same words, it goes on where it
was ended. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

from explorer.cli import main as explore
from explorer.experiments import SampleStatistics
from explorer.runs import Manager
from explorer.search import Findings, StoredSearch, collect_findings, list_searches
from explorer.text import format_decimal, format_share, format_si
from explorer.training import open_manager
from tests.benchmarks.finetuning import find


def pack(source: Path, folder: Path, each: int) -> Path:
    """The first images of each class and part, for testing as many in 4 as for training, in a zip of their own."""
    path, taken = folder / f"cifar10-jpeg-{each}.zip", Counter[str]()
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(path, "w") as part:
        for member in sorted(whole.namelist()):
            place, _, name = member.rpartition("/")
            if name and taken[place] < (each // 4 if "test" in place.split("/") else each):
                taken[place] += 1
                part.writestr(zipfile.ZipInfo(member), whole.read(member))
    return path


def run(manager: Manager, seed: int, args: argparse.Namespace) -> StoredSearch:
    """Let the search of a seed and its random baseline go to their ends, whoever began them."""
    name = f"{args.network}, {args.images} images a class, {args.sampler}, {args.trials} × {args.epochs}, seed {seed}"
    known = [each for each in list_searches(manager) if each.search.name == name]
    if known:
        explore(["search", "resume", known[0].id])
        return known[0]
    with tempfile.TemporaryDirectory() as folder:
        data = pack(find("cifar10-jpeg/cifar10-jpeg.zip"), Path(folder), args.images)
        explore([
            "search", args.network, f"--data={data}", "--fit", "--input=3x32x32", f"--vary={args.vary}",
            "--objective=accuracy,macs", f"--trials={args.trials}", f"--epochs={args.epochs}",
            f"--sampler={args.sampler}", f"--seed={seed}", f"--name={name}", "--baseline", "--device=cpu",
            "--set=threads=1",
        ])  # fmt: skip
    return next(each for each in list_searches(manager) if each.search.name == name)


def measure_volumes(found: Findings) -> tuple[float, float]:
    """Hypervolumes of the search and of its baseline."""
    rival = found.baseline
    if rival is None or found.hypervolume is None or rival.hypervolume is None:
        raise SystemExit("a search or its baseline has no trial that was trained to the end")
    return found.hypervolume, rival.hypervolume


def describe(seed: int, found: Findings) -> str:
    """A row of the table."""
    trials = {trial.number: trial for trial in found.trials}

    def place(number: int) -> str:
        accuracy, macs = trials[number].values
        return f"{format_share(accuracy, 1)} at {format_si(macs)}"

    front, given = ", ".join(map(place, found.front)), place(0)
    volumes = " | ".join(format_decimal(each, 3) for each in measure_volumes(found))
    return f"| {seed} | {volumes} | {front}; as given {given} |"


def main() -> None:
    """Run what was asked for; print a row a seed, and the mean of the paired differences with its interval."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--network", default="lenet-5")
    parser.add_argument("--vary", default="widths,kernels,depth,rate")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--images", type=int, default=800, help="for training, of each class; at most 5,000")
    parser.add_argument("--sampler", default="tpe")
    args = parser.parse_args()
    manager = open_manager()
    differences = []
    for seed in args.seeds:
        found = collect_findings(manager, run(manager, seed, args))
        print(describe(seed, found), flush=True)
        mine, random = measure_volumes(found)
        differences.append(mine - random)
    sample = SampleStatistics.of(differences)
    if sample.mean is not None and sample.interval is not None:
        low, high = (format_decimal(each, 3, signed=True) for each in sample.interval)
        verdict = "better than random" if sample.interval[0] > 0 else "not shown to be better than random"
        print(f"difference {format_decimal(sample.mean, 3, signed=True)}, 95 % interval {low} to {high}: {verdict}")


if __name__ == "__main__":
    main()
