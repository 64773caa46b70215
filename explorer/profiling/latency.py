"""How long a network really takes, and what the machine does at best; the values are those of ``timing``.

In this process: what else it does is in the times. ``measurement`` takes them in one of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ..analysis import analyze
from ..architecture import Architecture
from ..modules import build
from .environment import synchronize
from .timing import Ceilings, Latency, Precision, Setting, unmeasured

logger = logging.getLogger(__name__)

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_MATMUL = {"cuda": 8192, "mps": 4096, "cpu": 1024}
_COPIED = {"cuda": 1 << 30, "mps": 1 << 28, "cpu": 1 << 27}
_CEILING_REPEATS = 10


def measure(
    architectures: Sequence[Architecture],
    settings: Sequence[Setting],
    repeats: int = 20,
    warm_up: int = 3,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,  # noqa: ARG005
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Latency, ...]:
    """Time each network in each setting, in this process.

    Args:
        architectures: Networks; their weights are random, which takes as long.
        settings: Device, batch, precision and whether compiled.
        repeats: Timed passes; at least 1.
        warm_up: Passes before them that are not timed.
        progress: Called with (settings done, settings in all, what is next).
        stop: Asked before every pass; what is complete when it says True is returned.

    Returns:
        One ``Latency`` for each network and setting. One that cannot run here (no compiler, out of memory, no such
        device) has its ``trouble`` and no seconds.

    Raises:
        ArchitectureError: The layers of a network do not fit together.
        ValueError: Fewer than 1 repeat, or a negative warm-up.
    """
    if repeats < 1 or warm_up < 0:
        raise ValueError(f"repeats (={repeats}) must be at least 1, warm_up (={warm_up}) at least 0")
    jobs = [(architecture, analyze(architecture), setting) for architecture in architectures for setting in settings]
    found: list[Latency] = []
    for done, (architecture, analysis, setting) in enumerate(jobs):
        progress(done, len(jobs), f"{architecture.name}: {setting}")
        seconds: list[float] = []
        trouble = ""
        try:
            if not _times(architecture, setting, repeats, warm_up, stop, seconds):
                break
        except Exception as error:
            logger.warning("%s in %s cannot be measured", architecture.name, setting, exc_info=True)
            seconds, trouble = [], (f"{type(error).__name__}: {error}".splitlines() or [""])[0][:300]
        found.append(replace(unmeasured(analysis, setting, trouble), seconds=tuple(seconds)))
    progress(len(found), len(jobs), "")
    return tuple(found)


def _times(
    architecture: Architecture, setting: Setting, repeats: int, warm_up: int, stop: Callable[[], bool],
    seconds: list[float],
) -> bool:  # fmt: skip
    """Fill ``seconds``; False if it was stopped before the end."""
    device = torch.device(setting.device)
    network: nn.Module = build(architecture, device=device).eval()
    x_BCHW = torch.rand(setting.batch, *architecture.input_shape, device=device)
    run: Callable[[torch.Tensor], Any] = network
    if setting.compiled:
        torch.compiler.reset()  # after eight networks of one class it would go on in eager mode without a word
        run = torch.compile(network)
    with torch.inference_mode(), _precision(device, setting.precision):
        for number in range(warm_up + repeats):
            if stop():
                return False
            start = time.perf_counter()
            run(x_BCHW)
            synchronize(device)
            if number >= warm_up:
                seconds.append(time.perf_counter() - start)
    return True


def ceilings(device: str, precision: Precision = "fp32") -> Ceilings:
    """Measure the roof of a roofline: the quickest of several large computations and of several large copies.

    The computations are a matrix product and a 1×1 convolution of the same size: what is compared with the roof are
    convolutions, and those may be computed otherwise than matrix products (with TF32 on CUDA, by torch's defaults).

    Args:
        device: Such as 'cpu' or 'cuda:1'.
        precision: Of the numbers that are multiplied.

    Returns:
        Operations and bytes a second.
    """
    place = torch.device(device)
    size, count = _MATMUL.get(place.type, 1024), _COPIED.get(place.type, 1 << 27)
    a = torch.rand(size, size, device=place).to(_DTYPES[precision])
    height = 1 << (size.bit_length() // 2)  # of a map with as many positions as the matrix has columns
    maps_BCHW = a.view(1, size, height, size // height).to(memory_format=torch.channels_last)
    kernels = a.view(size, size, 1, 1).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        product = _quickest(place, lambda: a @ a)
        convolution = _quickest(place, lambda: functional.conv2d(maps_BCHW, kernels))
    source = torch.zeros(count, dtype=torch.uint8, device=place)
    target = torch.empty_like(source)
    copy = _quickest(place, lambda: target.copy_(source))
    flops = 2 * size**3 / min(product, convolution)
    return Ceilings(device=device, precision=precision, flops=flops, bytes=2 * count / copy)


def _quickest(device: torch.device, work: Callable[[], Any]) -> float:
    """Seconds of the quickest of several runs after one to warm up."""
    times = []
    for _ in range(_CEILING_REPEATS + 1):
        start = time.perf_counter()
        work()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def _precision(device: torch.device, precision: Precision) -> AbstractContextManager[Any]:
    return torch.autocast(device.type, dtype=_DTYPES[precision], enabled=precision != "fp32")
