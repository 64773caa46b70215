"""Steps one after another, each on what the one before it left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..architecture import Architecture
from ..modules import Network
from ._branches import fold_branches
from ._norms import fold_norms
from ._pointwise import merge_pointwise
from ._prune import MINIMUM, Budget, Criterion, prune
from ._recalibrate import recalibrate
from ._slimmed import Slimmed, StepName

Step = Callable[[Architecture, Network, Tensor | None], Slimmed]
EXACT_STEPS: dict[StepName, Step] = {
    "fold_branches": fold_branches,
    "fold_norms": fold_norms,
    "merge": merge_pointwise,
}
"""The steps that change no answer, in the order in which they are taken."""
_FOLDS = ("fold_branches", "fold_norms")
STEP_TITLES: dict[StepName, str] = {
    "prune": "prune channels",
    "recalibrate": "norm statistics anew",
    "fold_branches": "fold added branches",
    "fold_norms": "fold norms",
    "merge": "merge 1×1 convolutions",
}
"""What each step is called."""


@dataclass(frozen=True, kw_only=True)
class SlimPlan:
    """What is to be done with a network."""

    budget: Budget | None = None
    """To which it is pruned; None: not at all."""
    by: Criterion | None = None
    """What importance is measured by; None: what the network has."""
    minimum: float = MINIMUM
    """The share of each layer's channels that stays."""
    exact: tuple[StepName, ...] = ()
    """Of ``EXACT_STEPS``."""


def slim(
    architecture: Architecture,
    network: Network,
    plan: SlimPlan,
    *,
    images_BCHW: Tensor | None = None,
    train_images_BCHW: Tensor | None = None,
) -> tuple[tuple[Slimmed, ...], tuple[str, ...]]:
    """Take the steps of a plan: channels are pruned first, while norms still say how important they are.

    Args:
        architecture: The network.
        network: Its module with the weights; it stays as it is.
        plan: The steps.
        images_BCHW: Images as the network takes them, to compare the scores on beside random inputs.
        train_images_BCHW: Training images in the same form: after pruning, the statistics of batch norms are gathered
            on them; None: they stay.

    Returns:
        (what each step gave, in order; why those that had nothing to do had nothing, one sentence each).

    Raises:
        ValueError: No step had anything to do, or the budget cannot be reached.
    """
    done: list[Slimmed] = []
    idle: dict[StepName, str] = {}
    if plan.budget is not None:
        done.append(
            prune(architecture, network, plan.budget, by=plan.by, minimum=plan.minimum, images_BCHW=images_BCHW)
        )
        if train_images_BCHW is not None:
            try:
                done.append(recalibrate(done[-1].architecture, done[-1].network, train_images_BCHW))
            except ValueError as error:
                idle["recalibrate"] = str(error)
    for name, step in EXACT_STEPS.items():
        if name not in plan.exact:
            continue
        now, weights = (done[-1].architecture, done[-1].network) if done else (architecture, network)
        try:
            done.append(step(now, weights, images_BCHW))
        except ValueError as error:
            idle[name] = str(error)
    if any(each.step in _FOLDS for each in done):  # whoever asks to fold gets what there is
        idle = {name: reason for name, reason in idle.items() if name not in _FOLDS}
    if not done:
        raise ValueError("; ".join(idle.values()) or "nothing was asked for; name a step, such as --fold, or a budget")
    return tuple(done), tuple(idle.values())
