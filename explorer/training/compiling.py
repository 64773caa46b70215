"""Whether torch.compile can work here: it needs a C++ compiler, which many machines lack."""

from __future__ import annotations

import torch


def find_compiler_problem(device: torch.device) -> str | None:
    """Why torch.compile cannot work on this machine, None if it can: tried on a function of one line."""
    try:
        torch.compile(lambda x: x.sin() + 1)(torch.zeros(8, device=device))
    except Exception as error:  # noqa: BLE001  (compilers fail in many ways, and none is worth a run)
        return f"{type(error).__name__}: {error}".splitlines()[0][:300]
    return None
