"""What changes while a network learns: its weights, the optimizer, their running average, and how far it has come."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import compress
from typing import Any

import torch
from torch import Tensor

from ..architecture import Architecture
from ..modules import Network, build
from ._config import TrainConfig
from ._fit import training_window
from .compiling import Compilation
from .data import derive_seed
from .evaluation import Evaluation
from .optimizers import make_optimizer
from .starting import Beginning, hold_fixed


@dataclass(frozen=True, kw_only=True)
class BestEpoch:
    """The epoch after which a network was most often right; of equals the first."""

    split: str
    """By which images: ``validation``, or ``test`` where none were held out; then the choice flatters."""
    accuracy: float
    """On them, 0 to 1."""
    epoch: int
    """Complete epochs then."""
    step: int
    """Updates done then."""


class State:
    """Weights, optimizer, average and position. ``capture`` and ``restore`` are its form in a checkpoint."""

    def __init__(
        self,
        architecture: Architecture,
        config: TrainConfig,
        device: torch.device,
        beginning: Beginning | None = None,
    ) -> None:
        torch.manual_seed(derive_seed(config.seed, "weights"))
        self.device, self.architecture = device, architecture
        # Built on the CPU, so that one seed gives the same weights on every device.
        self.model: Network = build(architecture, fused=True)
        if beginning is not None:
            beginning.fill(self.model)
        self.model = self.model.to(device)
        if config.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        self.ema_model: Network | None = None
        if config.ema_decay is not None:
            self.ema_model = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.optimizer = make_optimizer(self.model, config, frozenset() if beginning is None else beginning.old)
        self.start = config.start
        self.window = training_window(architecture, config)
        """Height and width of the part of each image that is shown at first; None shows whole images throughout."""
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")
        self.compilation = Compilation()
        """What torch.compile has done in this process; not part of a checkpoint."""
        self.epoch = 0
        """Complete epochs."""
        self.step = 0
        """Updates done in the epoch that has begun."""
        self.seconds = 0.0
        """Of training, over all attempts."""
        self.best: BestEpoch | None = None
        self.best_weights: dict[str, Tensor] | None = None
        """Those that were evaluated then, on the CPU, until they are written; not part of a checkpoint."""
        self.sums = [0.0, 0.0, 0.0]
        """Loss × images, right predictions and images of the epoch that has begun."""

    @property
    def eval_model(self) -> Network:
        """The network that is evaluated: the running average where there is one."""
        return self.model if self.ema_model is None else self.ema_model

    def begin_epoch(self) -> bool:
        """Put the network into training mode, but for what is held fixed now.

        Returns:
            Whether other weights learn than before.
        """
        before = [parameter.requires_grad for parameter in self.model.parameters()]
        hold_fixed(self.model, self.architecture, self.start, self.epoch)
        return before != [parameter.requires_grad for parameter in self.model.parameters()]

    @torch.no_grad()
    def update_ema(self, decay: float | None, updates: int) -> None:
        """Move the running average towards the weights. At first it forgets faster: its start was random.

        The statistics of batch norm are averaged too: those of the weights of this moment do not fit the average.
        """
        if self.ema_model is None or decay is None:
            return
        decay = min(decay, (1 + updates) / (10 + updates))
        ours, theirs = (list(network.state_dict().values()) for network in (self.ema_model, self.model))
        numbers = [each.is_floating_point() for each in ours]
        torch._foreach_lerp_(list(compress(ours, numbers)), list(compress(theirs, numbers)), 1 - decay)
        for kept, count in zip(ours, theirs, strict=True):
            if not kept.is_floating_point():
                kept.copy_(count)

    def note_epoch(self, results: Mapping[str, Evaluation], step: int, *, keep: bool) -> None:
        """Remember the epoch that is complete now if it is the best; ``keep`` its weights too."""
        split = "validation" if "validation" in results else "test"
        found = results.get(split)  # nothing is evaluated where the caller has nothing to evaluate on
        if found is None:
            return
        if math.isfinite(found.loss) and (self.best is None or found.accuracy > self.best.accuracy):
            self.best = BestEpoch(split=split, accuracy=found.accuracy, epoch=self.epoch, step=step)
            if keep:
                weights = self.eval_model.state_dict()
                self.best_weights = {name: value.detach().to("cpu", copy=True) for name, value in weights.items()}

    def is_out_of_patience(self, patience: int | None) -> bool:
        """Whether the last so many epochs were no better than the best before them."""
        return patience is not None and self.best is not None and self.epoch - self.best.epoch >= patience

    def is_finite(self) -> bool:
        """Whether all weights and running statistics are finite numbers."""
        tensors = [each for each in (*self.model.parameters(), *self.model.buffers()) if each.is_floating_point()]
        return bool(torch.stack([each.detach().isfinite().all() for each in tensors]).all()) if tensors else True

    def capture(self) -> dict[str, Any]:
        """Everything as plain data and tensors, loadable under ``weights_only=True``."""
        return {
            "model": self.model.state_dict(),
            "average": None if self.ema_model is None else self.ema_model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.seconds,
            "sums": list(self.sums),
            "best": None if self.best is None else asdict(self.best),
        }

    def restore(self, captured: dict[str, Any]) -> None:
        """Stand where ``capture`` was taken."""
        self.model.load_state_dict(captured["model"])
        if self.ema_model is not None:
            self.ema_model.load_state_dict(captured["average"])
        self.optimizer.load_state_dict(captured["optimizer"])
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(captured["scaler"])
        self.epoch, self.step = captured["epoch"], captured["step"]
        self.seconds, self.sums = captured["seconds"], list(captured["sums"])
        best = captured.get("best")  # an earlier version did not keep it
        self.best = None if best is None else BestEpoch(**best)
