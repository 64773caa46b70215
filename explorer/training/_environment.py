"""The environment of a run: enough to decide whether two runs can be compared."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__
from ..profiling.environment import describe_environment
from ._config import TrainConfig
from .loop import resolve_precision
from .system_metrics import gpu_utilisation

_PACKAGE = Path(__file__).parents[1]


def environment(config: TrainConfig, device: torch.device, dataset: str, fingerprint: str) -> dict[str, Any]:
    """Versions, device, seed, data and code as plain data."""
    gpu = device.type == "cuda"
    busy = gpu_utilisation(device)
    return {
        "product": __version__,
        "code": code_digest(),
        **describe_environment(device),
        "numpy": np.__version__,
        "cudnn": torch.backends.cudnn.version() if gpu else None,  # type: ignore[no-untyped-call]
        "gpu_utilisation": (f"not recorded: {busy}" if isinstance(busy, str) else "recorded") if gpu else None,
        "precision": str(resolve_precision(device, config)).removeprefix("torch."),
        "compiled": False,  # what torch.compile did is known after the first batch
        "compiled_graphs": 0,
        "seed": config.seed,
        "dataset": dataset,
        "fingerprint": fingerprint,
    }


def code_digest() -> str:
    """SHA-256 over the product's own source files: equal code, equal text, with or without git."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()
