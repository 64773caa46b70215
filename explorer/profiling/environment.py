"""The machine on which something is measured or trained, and waiting for its device. Needs torch."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch


def describe_environment(device: torch.device | str) -> dict[str, Any]:
    """Device, versions, threads and arithmetic: times of another environment do not compare.

    Args:
        device: Such as 'cpu' or 'cuda:1'.

    Returns:
        Plain data for JSON. ``tf32`` says whether float32 convolutions and matrix products are computed with TF32's ten
        bits of mantissa, as they may be on CUDA from Ampere on; None elsewhere.
    """
    place = torch.device(device)
    cuda = place.type == "cuda"
    return {
        "device": str(device),
        "device_name": torch.cuda.get_device_name(place) if cuda else _processor_name(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if cuda else None,
        "tf32": describe_tf32() if cuda else None,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def describe_tf32() -> dict[str, bool]:
    """Whether TF32 is allowed; by torch's defaults it is in convolutions and is not in matrix products."""
    return {
        "convolutions": bool(torch.backends.cudnn.allow_tf32),
        "matrix_products": bool(torch.backends.cuda.matmul.allow_tf32),
    }


def _processor_name() -> str:
    """The processor's model as Linux tells it, elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def synchronize(device: torch.device) -> None:
    """Wait until a device has done all that was asked of it; a CPU always has."""
    kinds: dict[str, Any] = {"cuda": torch.cuda, "mps": torch.mps}
    if device.type in kinds:
        kinds[device.type].synchronize()
