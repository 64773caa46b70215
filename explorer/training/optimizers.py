"""From a configuration to an optimizer of torch.optim."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ._config import TrainConfig
from ._optimizers import OPTIMIZERS

_FUSED = ("sgd", "adam", "adamw")
"""Those whose step is one kernel on every device."""


def make_optimizer(
    model: nn.Module, config: TrainConfig, old: frozenset[str] = frozenset()
) -> torch.optim.Optimizer:
    """Make the optimizer of a network; what the configuration does not say is torch's own default.

    The decay acts on weights with two or more axes, and on biases and norms only where that was asked for. Parameters
    with the name of an ``old`` one learn at the rate of what was carried over. What is held fixed is here, too: without
    gradients no optimizer touches it.
    """
    old_rate = 1.0 if config.start is None else config.start.old_rate
    found: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for matrices in (True, False):
        for name, parameter in model.named_parameters():
            if (parameter.ndim > 1) == matrices:
                found.setdefault((matrices, old_rate if name in old else 1.0), []).append(parameter)
    decays = {True: config.weight_decay, False: config.weight_decay if config.decay_all else 0.0}
    groups = [
        {"params": parameters, "weight_decay": decays[matrices], "rate": rate}
        for (matrices, rate), parameters in found.items()
    ]
    facts = OPTIMIZERS[config.optimizer]
    options: dict[str, Any] = {"lr": config.lr}
    beta2 = facts.beta2 if config.beta2 is None else config.beta2
    if facts.beta2_name != "beta2":
        options[facts.beta2_name] = beta2
    elif beta2 is not None:
        options["betas"] = (config.momentum, beta2)
    if facts.optional_momentum:
        options["momentum"] = config.momentum
    if config.optimizer == "sgd":
        options["nesterov"] = config.nesterov
    if config.eps is not None:
        options["eps"] = config.eps
    # torch's fused SGD takes no parameter without momentum beside others that have it: what is unfrozen later has none.
    joins_later = config.optimizer == "sgd" and config.start is not None and config.start.unfreeze != "never"
    if config.optimizer in _FUSED and not joins_later:
        options["fused"] = True
    made: torch.optim.Optimizer = getattr(torch.optim, facts.torch_name)(groups, **options)
    return made
