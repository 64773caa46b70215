"""Where a model computes: the best device that no run occupies, or the one that was named."""

from __future__ import annotations

import logging
import socket

from ..runs import Manager, device_choices, devices, devices_used

logger = logging.getLogger(__name__)


def choose_device(manager: Manager | None, wanted: str = "auto") -> str:
    """Choose the device for ``open_model`` and similar functions: 'cpu', 'mps' or 'cuda:N'. Needs no torch.

    Args:
        manager: Tells which devices running runs occupy; None: none is taken to be occupied.
        wanted: One of ``runs.devices()``, or 'auto': the best device without a running run, else the CPU.

    Returns:
        The device's name.

    Raises:
        ValueError: This machine has no such device; the message lists those it has.
    """
    choices = [first for first, *_ in device_choices(wanted, 1, [device.name for device in devices()])]
    if wanted != "auto" or choices == ["cpu"]:
        return choices[0]
    here = socket.gethostname()
    running = [run for run in manager.store.runs("running") if not run.place and run.host == here] if manager else []
    busy = {name for run in running for name in devices_used(run.device, run.setting("processes") or 1)}
    idle = [name for name in choices if name not in busy]
    if not idle:
        logger.info("all of %s train; the model computes on the CPU", ", ".join(choices))
    return idle[0] if idle else "cpu"
