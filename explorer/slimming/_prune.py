"""Channels pruned to a budget: the least important first, all that hang together at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, get_num_threads

from ..analysis import METRICS, Metric, analyze
from ..architecture import Architecture, walk
from ..modules import Network
from ..profiling import SideBySide
from ..text import format_share, parse_count, parse_decimal, quote, suggest
from ._by_latency import LATENCY, Timing
from ._channels import HEADS, Coupling, Member, find_coupling
from ._cutting import Kept, Mask, cut_architecture, cut_tensors, find_kept, zero_tensors
from ._runs import dotted
from ._slimmed import Slimmed, compare_scores, make_network, name_after, read_tensors

Criterion = Literal["bn", "l1", "l2"]
CRITERIA: dict[str, str] = {
    "bn": "the factors of batch norms, |γ| (Liu et al. 2017, network slimming)",
    "l1": "the sum of a filter's absolute weights (Li et al. 2017)",
    "l2": "the Euclidean length of a filter's weights",
}
"""What a channel's importance is measured by."""
MINIMUM = 0.1
"""The share of each layer's channels that stays in any case."""
_FACTORS = {"%": 0.01, "k": 1e3, "M": 1e6, "G": 1e9}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a network may cost after pruning."""

    metric: str
    """A key of ``analysis.METRICS`` of which less is better, or ``LATENCY``."""
    target: float
    """Up to 1 a share of what the network costs now, else the number itself; of latency always a share."""

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read text such as ``macs=0.7``, ``params=500k``, ``macs=70%`` or ``latency=0.8``.

        Args:
            text: A metric and a number.

        Returns:
            The budget.

        Raises:
            ValueError: There is no such metric, or no such number.
        """
        name, equals, number = (part.strip() for part in text.partition("="))
        metrics = [*(key for key, each in METRICS.items() if each.of_totals and each.more == "worse"), LATENCY]
        if not equals or not number:
            raise ValueError(f"a budget (={quote(text)}) is METRIC=NUMBER such as macs=0.7 or params=500k")
        if name not in metrics:
            raise ValueError(f"there is no budget {quote(name)}; {suggest(name, metrics)}")
        factor = _FACTORS.get(number[-1])
        try:
            target = round(parse_decimal(number[:-1] if factor else number) * (factor or 1), 9)
        except ValueError:
            target = float(parse_count(number))
        if not 0 < target < float("inf"):
            raise ValueError(f"the budget {quote(text)} must be above 0")
        if name == LATENCY and target >= 1:
            raise ValueError(f"the budget {quote(text)} must be a share of the time now, such as latency=0.8")
        return cls(metric=name, target=target)


def prune(
    architecture: Architecture,
    network: Network,
    budget: Budget,
    *,
    by: Criterion | None = None,
    minimum: float = MINIMUM,
    images_BCHW: Tensor | None = None,
) -> Slimmed:
    """Take out the least important channels until the network costs no more than a budget.

    Channels that are added, multiplied, dealt out by a shuffle or held by one group go together. A channel's importance
    is the mean over the filters that make it, each relative to the mean of its layer, so that layers can be compared.
    The least important sets go one after another until the budget is met; each layer keeps a share of its channels.
    A budget of latency is measured: one image on this machine's CPU, in turns with the network before, and it is met
    where the whole 95 % interval of the ratio is within it.

    Args:
        architecture: The network.
        network: Its module with the weights; it stays as it is.
        budget: What it may cost.
        by: What importance is measured by, see ``CRITERIA``; None: by batch norms where there are any, else l1.
        minimum: The share of each layer's channels that stays in any case, 0 to 1; one channel always does.
        images_BCHW: Images as the network takes them, to compare the scores on beside random inputs.

    Returns:
        The narrower network, with the weights of the channels that stay. It is proved to be the network before with
        everything that was taken out at zero; what that does to its answers must be measured on data.

    Raises:
        ValueError: The budget cannot be reached, is met already, or ``by`` is 'bn' and there is no batch norm.

    Source: Li et al. 2017, "Pruning filters for efficient ConvNets"; Liu et al. 2017, "Learning efficient
    convolutional networks through network slimming"; Fang et al. 2023, "DepGraph: towards any structural pruning".
    """
    if by is None:
        by = "bn" if any(node.norm_kind == "batch" for _, node in walk(architecture)) else "l1"
    if by not in CRITERIA:
        raise ValueError(f"there is no criterion {quote(by)}; {suggest(by, [*CRITERIA])}")
    if not 0 <= minimum <= 1:
        raise ValueError(f"the share of channels that stays (={minimum}) must be from 0 to 1")
    coupling, tensors = find_coupling(architecture), read_tensors(network)
    scores, fallback = _score_sets(coupling, tensors, by)
    order = _order_removals(coupling, scores, minimum)
    search = _Search(architecture, coupling, order)
    meet = _meet_latency if budget.metric == LATENCY else _meet_number
    try:
        count, timed, told = meet(search, budget, tensors)
    except _Unreachable as error:
        raise ValueError(
            f"with {format_share(minimum, 0)} of each layer's channels kept {error}"
            + "".join(f". {note}" for note in _tell_locked(coupling))
        ) from None
    stays = search.mask(count)
    kept = find_kept(architecture, coupling, tensors, stays)
    slim = name_after(search.cut(count), "pruned")
    made = make_network(slim, cut_tensors(tensors, kept))
    zeroed = make_network(architecture, zero_tensors(tensors, kept))
    against = "the network before with all that was taken out at zero"
    proof = compare_scores(zeroed, made, architecture.input_shape, against, images_BCHW)
    notes = [f"A channel's importance: {CRITERIA[by]}", told, *fallback, *_tell_locked(coupling)]
    removed = _list_removed(coupling, kept, stays)
    paths = tuple(dict.fromkeys(path.removesuffix("/shortcut") for path in removed))
    return Slimmed(
        step="prune", before=architecture, architecture=slim, network=made, paths=paths, removed=removed, proof=proof,
        timed=timed, notes=tuple(notes),
    )  # fmt: skip


def _list_removed(coupling: Coupling, kept: Kept, stays: Mask) -> dict[str, tuple[int, ...]]:
    removed: dict[str, tuple[int, ...]] = {}
    for member in coupling.members:
        path, rows = member.path, stays[member.outputs]
        if member.kind == "attention":
            hidden = kept.get(f"{dotted(path)}.reduce.weight", (None, None))[0]
            rows = rows if hidden is None else hidden
        elif member.kind == "projection":
            path = f"{path}/shortcut"
        if not rows.all():
            removed[path] = tuple(np.flatnonzero(~rows).tolist())
    return removed


# ---- importance -----------------------------------------------------------------------------------------------------


def _score_sets(coupling: Coupling, tensors: dict[str, Tensor], by: Criterion) -> tuple[dict[int, float], list[str]]:
    """The importance of each set that may go, and what had to be done otherwise than asked."""
    size = len(coupling.roots)
    found = _sum_votes(coupling, size, lambda member: _importance(member, tensors, by))
    notes: list[str] = []
    sums, votes = found
    if by == "bn":
        if not votes.any():
            raise ValueError("the network has no batch norm by which its channels could be pruned; use l1 or l2")
        others, other_votes = _sum_votes(coupling, size, lambda member: _importance(member, tensors, "l1"))
        without = (votes == 0) & (other_votes > 0)
        free = np.zeros(size, bool)
        free[coupling.roots[coupling.free]] = True
        if (without & free).any():
            notes.append(f"{int((without & free).sum()):,} sets of channels have no batch norm: judged by l1")
        sums, votes = np.where(without, others, sums), np.where(without, other_votes, votes)
    roots = np.unique(coupling.roots[coupling.free])
    return {int(root): float(sums[root] / votes[root]) if votes[root] else 0.0 for root in roots}, notes


def _sum_votes(
    coupling: Coupling, size: int, judge: Callable[[Member], NDArray[np.float64] | None]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    sums, votes = np.zeros(size), np.zeros(size)
    for member in coupling.members:
        if member.in_head or (rows := judge(member)) is None:
            continue
        mean = rows.mean()
        roots = coupling.roots[member.outputs]
        np.add.at(sums, roots, rows / mean if mean else rows)
        np.add.at(votes, roots, 1)
    return sums, votes


def _importance(member: Member, tensors: dict[str, Tensor], by: Criterion) -> NDArray[np.float64] | None:
    """Of each output of a layer; None where the layer says nothing about it."""
    name = dotted(member.path)
    if by == "bn":
        if member.norm != "batch":
            return None
        where = {"norm": name, "projection": f"{name}.shortcut.bn"}.get(member.kind, f"{name}.bn")
        return tensors[f"{where}.weight"].double().abs().numpy()
    if not member.makes_channels:
        return None
    layer = f"{name}.shortcut.conv" if member.kind == "projection" else f"{name}.{member.kind}"
    rows = tensors[f"{layer}.weight"].double().flatten(1)
    return (rows.abs().sum(1) if by == "l1" else rows.norm(dim=1)).numpy()


def _order_removals(coupling: Coupling, scores: dict[int, float], minimum: float) -> list[int]:
    """The sets that go, the first one first: none that would leave a layer too few channels."""
    left: list[int] = []
    least: list[int] = []
    uses: dict[int, list[tuple[int, int]]] = {}
    seen: dict[bytes, int] = {}

    def watch(ids: NDArray[np.int64], keep: int) -> None:
        place = seen.setdefault(ids.tobytes(), len(left))
        if place < len(left):
            least[place] = max(least[place], keep)
            return
        left.append(len(ids))
        least.append(keep)
        for root, count in Counter(coupling.roots[ids].tolist()).items():
            uses.setdefault(root, []).append((place, count))

    for member in coupling.members:
        watch(member.outputs, max(1, ceil(minimum * len(member.outputs))) if member.makes_channels else 1)
        watch(member.inputs, 1)
    for each in coupling.slices:
        watch(each.outputs, 1)
    order = []
    for root in sorted(scores, key=lambda root: scores[root]):
        if all(left[place] - count >= least[place] for place, count in uses.get(root, ())):
            order.append(root)
            for place, count in uses.get(root, ()):
                left[place] -= count
    return order


class _Search:
    """How many of the sets must go."""

    def __init__(self, architecture: Architecture, coupling: Coupling, order: list[int]) -> None:
        self.architecture, self._coupling = architecture, coupling
        self._place = np.full(len(coupling.roots), len(order), np.int64)
        self._place[np.array(order, np.int64)] = np.arange(len(order))
        self.most = len(order)

    def mask(self, count: int) -> Mask:
        """Which ids stay when so many sets go."""
        return self._place[self._coupling.roots] >= count

    def cut(self, count: int) -> Architecture:
        return cut_architecture(self.architecture, self._coupling, self.mask(count))

    def make(self, count: int, tensors: dict[str, Tensor]) -> Network:
        kept = find_kept(self.architecture, self._coupling, tensors, self.mask(count))
        return make_network(self.cut(count), cut_tensors(tensors, kept))

    def cost(self, metric: Metric, count: int) -> int:
        made = self.cut(count)
        return metric.read(made, analyze(made))

    def find(self, metric: Metric, target: float) -> int | None:
        """The least number with which the target is met; None where none does. Fewer channels never cost more."""
        low, high = 0, self.most
        if self.cost(metric, high) > target:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.cost(metric, middle) <= target else (middle, high)
        return high


class _Unreachable(Exception):
    """What the network still costs without all that can go."""


def _meet_number(search: _Search, budget: Budget, _: dict[str, Tensor]) -> tuple[int, None, str]:
    """(How many sets must go, the least; no times; what comes of it)."""
    metric, architecture = METRICS[budget.metric], search.architecture
    whole = metric.read(architecture, analyze(architecture))
    target = budget.target * whole if budget.target <= 1 else budget.target
    if target >= whole:
        raise ValueError(f"{quote(architecture.name)} has {whole:,} {metric.label}: the budget of {target:,.0f} is met")
    count = search.find(metric, target)
    if count is None:
        least = search.cost(metric, search.most)
        raise _Unreachable(
            f"it still has {least:,} {metric.label} ({format_share(least / whole)}), more than {target:,.0f}; "
            "ask for less, or keep fewer"
        )
    cost, one_less = search.cost(metric, count), search.cost(metric, count - 1)
    return count, None, (
        f"{cost:,} {metric.label}, {format_share(cost / whole)} of {whole:,}; with one set of channels more it would "
        f"be {one_less:,}"
    )


def _meet_latency(search: _Search, budget: Budget, tensors: dict[str, Tensor]) -> tuple[int, SideBySide, str]:
    """(How many sets must go, about the least; their times; the same in words)."""
    architecture = search.architecture
    before = make_network(architecture, tensors)
    timing = Timing(before, architecture.input_shape, lambda count: search.make(count, tensors))
    count, found = timing.find(budget.target, search.most)
    told = f"one image on this machine's CPU, {get_num_threads()} threads, takes {found.describe()}"
    if count is None:
        scatters = found.ratio <= budget.target
        way_out = "the times scatter: try again on an idle machine" if scatters else "ask for less, or keep fewer"
        raise _Unreachable(f"{told}, not wholly within {format_share(budget.target, 0)}; {way_out}")
    return count, found, f"{told[0].upper()}{told[1:]}; another machine has other times" + (
        "; layers this small are bound by the cost of starting them, which pruning leaves and folding saves"
        if _macs(search.cut(count)) < found.ratio / 2 * _macs(architecture) else ""
    )  # fmt: skip


def _macs(architecture: Architecture) -> int:
    return analyze(architecture).totals.macs


def _tell_locked(coupling: Coupling) -> list[str]:
    """Channels that had to stay, by the reason."""
    made = {
        int(each) for member in coupling.members if member.makes_channels and not member.in_head
        for each in member.outputs
    }  # fmt: skip
    reasons = Counter(coupling.locked.get(int(coupling.roots[each]), "") for each in made)
    told = [(count, reason) for reason, count in reasons.items() if reason and reason != HEADS]
    told = [(count, reason) for count, reason in told if reason not in ("they are the scores", "they are the image's")]
    told.sort(reverse=True)
    sentences = [f"{count:,} channels stay whole: {reason}" for count, reason in told[:3]]
    if len(told) > 3:
        rest = told[3:]
        sentences.append(f"{sum(count for count, _ in rest):,} channels more stay, for {len(rest)} other layers")
    return sentences
