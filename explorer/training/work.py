"""What every process of a run needs before it can train: the data and the state on its device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch._dynamo  # takes a second or two; the optimizer would load it in the middle of the first step

from ..architecture import from_json
from ..runs import Run
from ._allocator import keep_freed_memory
from ._config import TrainConfig, parse
from .compiling import compiler_trouble
from .data import Tensors, on_device, open_data
from .loop import steps_per_epoch
from .peers import device_of
from .state import State

if TYPE_CHECKING:
    from ..datasets._dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class Work:
    """A run, ready to go on from where ``state`` stands."""

    config: TrainConfig
    device: torch.device
    threads: int
    source: Dataset
    data: Tensors
    state: State
    steps: int
    """Per epoch."""

    @property
    def step(self) -> int:
        """Updates done."""
        return self.state.epoch * self.steps + self.state.step

    @classmethod
    def prepared(cls, run: Run, captured: dict[str, Any] | None, rank: int, tell: Callable[[str], None]) -> Work:
        """The work of one process. ``captured`` is the state of a checkpoint; ``tell`` is for people.

        Raises ValueError where the data or the configuration do not fit, or are no longer those of the checkpoint.
        """
        config, architecture = parse(run.config), from_json(run.architecture)
        device = device_of(run.device, rank)
        threads = config.threads or (captured or {}).get("threads") or torch.get_num_threads()
        torch.set_num_threads(threads)
        if device.type == "cpu":
            keep_freed_memory()
        if device.type == "cuda":
            torch.cuda.set_device(device)
            torch.backends.cudnn.benchmark = True
        if config.compile and (trouble := compiler_trouble(device)):
            tell(f"trains without torch.compile, which does not work here ({trouble})")
            config = config.changed(compile=False)
        torch._dynamo.config.suppress_errors = True  # a part of a network that it cannot handle runs as it is
        source = open_data(config, architecture)
        state, data = State(architecture, config, device), on_device(source, config, device)
        steps = steps_per_epoch(len(data.train), config)
        if captured is not None:
            check_same(captured, source.fingerprint, steps, config)
            state.restore(captured)
        return cls(
            config=config, device=device, threads=threads, source=source, data=data, state=state, steps=steps
        )


def check_same(captured: dict[str, Any], fingerprint: str, steps: int, config: TrainConfig) -> None:
    """Refuse to go on with other images, or with epochs of another length."""
    if captured["fingerprint"] != fingerprint:
        raise ValueError(
            f"the data set {config.dataset[:60]!r} is no longer the one that this run began with: its fingerprint is "
            f"{fingerprint[:12]}…, not {captured['fingerprint'][:12]}…; bring the old data back, or clone the run"
        )
    if captured["steps_per_epoch"] != steps:
        raise ValueError(
            f"an epoch now has {steps} steps, the checkpoint was made with {captured['steps_per_epoch']}; "
            f"clone the run to train with another batch size"
        )
