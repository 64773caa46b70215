"""A training script: network, data and recipe in one file that needs torch and torchvision alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ._pytorch import find_names, finish_source, read_parts, select_parts, write_classes
from ._script_facts import describe_data, describe_recipe, find_differences
from ._script_loop import (
    write_augmentation,
    write_constants,
    write_fitting,
    write_loading,
    write_moments,
    write_normalising,
    write_precision,
    write_schedule,
)
from ._script_plan import Plan, make_plan
from ._script_train import TrainWriter

if TYPE_CHECKING:
    from ._subject import Subject

_PARTS = Path(__file__).with_name("_script_parts.py")
_MODULES = ("argparse", "copy", "hashlib", "math")
_FROM = {
    "collections": ("OrderedDict",),
    "pathlib": ("Path",),
    "typing": ("Any", "NamedTuple"),
    "PIL": ("Image", "ImageOps"),
    "torch": ("Tensor", "nn"),
    "torch.nn": ("functional",),
    "torch.utils.data": ("DataLoader", "Dataset", "Subset", "TensorDataset"),
    "torchvision": ("datasets", "transforms"),
}
"""What is imported where it is used."""
_OWN_NAMES = (
    "EPOCHS", "BATCH_SIZE", "SEED", "WORKERS", "CLASSES", "IMAGE_SIZE", "MEAN", "STD", "NEW_HEAD", "FROZEN", "Images",
    "np", "load_data", "load_file", "fit_to_input", "measure_moments", "normalise", "augment", "learning_rate",
    "autocast", "evaluate", "train", "main",
)  # fmt: skip


def write_script(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    """Write the network with its data and recipe as a Python file that trains it.

    Args:
        subject: The design, and how it was trained; without a configuration the course's recipe is taken.

    Returns:
        The file, and what differs from the training here.

    Raises:
        ValueError: The network does not classify images, or not those of its data set.
    """
    architecture = subject.architecture
    reserved = [*read_parts(_PARTS), *_MODULES, *_OWN_NAMES, *(name for names in _FROM.values() for name in names)]
    source = write_classes(architecture, reserved)
    plan = make_plan(subject, source.totals)
    network = "\n".join(source.classes)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", architecture.name).strip("-")[:40] or "network"
    written = _write_functions(plan, source.name, network, f"{stem}.pt")
    differences = find_differences(plan)
    code = "\n\n\n".join(["\n".join(each) for each in written])
    own = [*select_parts(code, _PARTS), *("\n".join(each) for each in written)]
    body = [*select_parts(network), *source.classes]
    functions = "\n\n\n".join(own)
    used = find_names(functions)
    constants = [lines for lines in _split(write_constants(plan)) if used & find_names("\n".join(lines))]
    aliases = "\n".join(line for lines in constants for line in lines)
    whole = "\n\n\n".join(body)
    everything = "\n\n\n".join([f"{aliases}\nImages = Dataset[Any]", whole, functions])
    about = [*describe_recipe(plan), *describe_data(plan), *differences]
    code = f"{_write_imports(everything)}\n\n{everything}\n"
    text = finish_source(architecture, source.totals, about, code)
    return text.encode(), ("It needs torch and torchvision alone; run, it trains the network.", *differences)


def _write_functions(plan: Plan, name: str, network: str, file: str) -> list[list[str]]:
    writers = (write_loading, write_fitting, write_moments, write_normalising, write_augmentation, write_schedule,
               write_precision)  # fmt: skip
    kept = [lines for write in writers if (lines := write(plan))]
    functions = set(re.findall(r"^def (\w+)", "\n".join(line for lines in kept for line in lines), re.M))
    has_draws = "Dropout" in network or "stochastic_depth" in network or "drop_path" in network
    writer = TrainWriter(plan, name, has_draws, functions, file)
    return [*kept, writer.write_evaluate(), writer.write_train(), writer.write_main()]


def _split(lines: list[str]) -> list[list[str]]:
    """Lines by statements: each begins with a name."""
    found: list[list[str]] = []
    for line in lines:
        if re.match(r"[A-Z_]+\b", line):
            found.append([line])
        else:
            found[-1].append(line)
    return found


def _write_imports(code: str) -> str:
    names = find_names(code)
    groups: list[list[str]] = [[], []]
    groups[0] += [f"import {name}" for name in _MODULES if name in names]
    for module, listed in _FROM.items():
        used = [name for name in listed if name in names]
        if module == "torch.nn":
            used = ["functional as F"] if "F" in names else []
        if used:
            own = module in ("collections", "pathlib", "typing")
            groups[not own].append(f"from {module} import {', '.join(used)}")
    groups[1].insert(0, "import torch")
    if "np" in names:
        groups[1].insert(0, "import numpy as np")
    return "\n\n".join("\n".join(group) for group in groups if group)
