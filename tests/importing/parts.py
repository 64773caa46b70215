"""A check of what is imported, by torch alone."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from explorer.analysis import analyze
from explorer.importing import Import, from_module
from explorer.modules import build
from tests.inspection.parts import shaken


def check_import(module: nn.Module, shape: tuple[int, int, int] = (3, 12, 12)) -> Import:
    """Import a module: whole, with its own numbers; scores compared in float64, MACs by torch's counter."""
    torch.manual_seed(0)
    module = shaken(module).eval()
    found = from_module(module, shape)
    assert found.status == "complete", found.describe()
    assert found.architecture is not None
    ours = build(found.architecture).eval()
    ours.load_state_dict(dict(found.weights))
    images = torch.randn(2, *shape, dtype=torch.float64)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        right = module.double()(images)
    with torch.no_grad():
        scores = ours.double()(images)
    # Weights that are computed from others are float32.
    computed = any(name.startswith("computed") for name in found.names.values())
    assert (scores - right).abs().max() <= (1e-6 if computed else 1e-12) * right.abs().max()
    assert analyze(found.architecture).macs == counter.get_total_flops() // 4
    assert analyze(found.architecture).params == found.model_params
    return found
