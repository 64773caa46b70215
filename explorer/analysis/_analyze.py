"""``analyze`` for one architecture, ``Sweep`` for hundreds of variants of one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from ..architecture import MAX_MACS, MAX_PARAMS, Architecture, ArchitectureError, Problem, edit
from ._containers import CONTAINERS
from ._layers import LAYERS
from ._readings import BYTES, Analysis, Totals, field_of
from ._walk import PIXEL, Tensor, Visit, Walk, same_memory

VISITS: dict[str, Visit] = LAYERS | CONTAINERS
"""For each op the function that visits such a node: ``visit(walk, plan, path, x)`` adds a row and returns its output.

``plan`` is the node itself unless its class has a ``plan`` of its own. What ``x`` and a row are stands in ``_walk``.
By op and not by class, since a hot reload makes new classes.
"""


def analyze(architecture: Architecture, input_shape: tuple[int, int, int] | None = None) -> Analysis:
    """Work out shapes, parameters, MACs, memory and receptive field of every layer and of the whole, without torch.

    An auxiliary head that does not fit the image is no obstacle, since only training runs it: ``Analysis.auxiliary``
    says which do not, and why.

    Args:
        architecture: The network.
        input_shape: (channels, height, width) in place of the architecture's own.

    Returns:
        Totals and one row for each layer, in the conventions of ``analysis.CONVENTIONS``: bytes of one image in
        float32, MACs of one image, receptive fields in input pixels.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed. It holds every mismatch, each
            with both ends and, where there is one, a repair.

    Source:
        Receptive fields: Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks",
        Distill 2019. Memory follows torch's autograd, tensor by tensor.
    """
    if input_shape is not None:
        architecture = edit.replace(architecture, "", input_shape=tuple(input_shape))
    walk = Walk(VISITS, architecture)
    totals = _run(walk)
    return Analysis(
        name=architecture.name,
        input_shape=architecture.input_shape,
        totals=totals,
        rows=walk.rows,
        auxiliary=tuple(walk.heads),
        find_coverage=partial(_find_coverage, architecture),
    )


def _find_coverage(architecture: Architecture, analysis: Analysis) -> dict[str, float | None]:
    from .support._patterns import lay_out_patterns  # what stands on this module

    return {path: support.coverage for path, support in lay_out_patterns(architecture, analysis).items()}


def problems(architecture: Architecture) -> tuple[Problem, ...]:
    """Find every mismatch between the layers of an architecture.

    Args:
        architecture: The network.

    Returns:
        Problems with path, message and, where there is one, a repair; () for a network that works.
    """
    try:
        _run(Walk(VISITS, architecture))
    except ArchitectureError as error:
        return error.problems
    return ()


def repair(architecture: Architecture, rounds: int = 50) -> tuple[Architecture, tuple[Problem, ...]]:
    """Make the repairs that the problems offer, one after another, until the network works.

    Args:
        architecture: A network whose layers may not fit together.
        rounds: Repairs that are tried at most.

    Returns:
        (the network that works, the problems that were repaired, in order).

    Raises:
        ArchitectureError: With the problems that remain where no repair is offered, or after so many rounds.
    """
    repairs: list[Problem] = []
    for _ in range(rounds):
        found = problems(architecture)
        if not found:
            return architecture, tuple(repairs)
        offered = next((problem for problem in found if problem.repair), None)
        if offered is None or offered.repair is None:
            break
        architecture = edit.apply_repair(architecture, offered.repair)
        repairs.append(offered)
    raise ArchitectureError(problems(architecture))


def _run(walk: Walk) -> Totals:
    c, h, w = walk.architecture.input_shape
    size = c * h * w * BYTES
    image = ((c, h, w), PIXEL, False, [size, False, None], size)
    output = VISITS["sequence"](walk, walk.architecture.trunk, "", image)
    params, auxiliary_params, macs, training_bytes = walk.sums()
    if params + auxiliary_params > MAX_PARAMS:
        walk.refuse("", f"the network has {params + auxiliary_params:,} parameters; at most {MAX_PARAMS:,} are allowed")
    if macs > MAX_MACS:
        walk.refuse("", f"the network needs {macs:,} MACs; at most {MAX_MACS:,} are allowed")
    if walk.problems:
        raise ArchitectureError(walk.problems)
    shape, field = walk.feature or (output[0], output[1])
    return Totals(
        params=params,
        auxiliary_params=auxiliary_params,
        macs=macs,
        training_bytes=training_bytes,
        inference_bytes=output[4],
        output_shape=output[0],
        feature_shape=shape,
        receptive_field=field_of(field),
    )


class _RememberingWalk(Walk):
    """A walk that remembers what each subtree did to each kind of input.

    Variants of one architecture share all nodes but the edited ones, so almost every subtree is met again. Entries hold
    the node itself: its id cannot be given to another object while the memory lives.
    """

    def __init__(self, memory: dict[Any, Any], architecture: Architecture) -> None:
        # Walking a plain chain is as quick as remembering it; the blocks in it are remembered one by one.
        super().__init__(VISITS | _REMEMBERING, architecture)
        self.memory = memory

    def recall(self, visit: Visit, node: Any, path: str, x: Tensor) -> Tensor:
        """What ``visit`` would return, from memory if it has been there."""
        shape, field, grad, storage, _ = x
        key = (id(node), shape, field, grad, storage[1], self.in_head, self.feature is None)
        known = self.memory.get(key)
        if known is None:
            return self._learn(key, visit, node, path, x)
        _, (out, seen, follows, size, saved, peak), how, saves_input, rows, feature = known
        self.rows += rows
        if feature:
            self.feature = feature
        storage[1] = saves_input
        if how == "same":
            return out, seen, follows, storage, peak
        return out, seen, follows, [size, saved, (storage[2] or storage) if how == "origin" else None], peak

    def _learn(self, key: Any, visit: Visit, node: Any, path: str, x: Tensor) -> Tensor:
        rows, problems, had_feature = len(self.rows), len(self.problems), self.feature
        y = visit(self, node, path, x)
        if len(self.problems) == problems:
            # One row stands for all of the subtree's, another for its heads: a sweep asks for sums only.
            params, auxiliary, macs, kept = self.sums(rows)
            short = [(path, node.op, (), (), params, 0, 0, macs, kept, (), False)]
            if auxiliary:
                short.append((path, node.op, (), (), auxiliary, 0, 0, 0, 0, (), True))
            self.rows[rows:] = short
            how = "same" if y[3] is x[3] else "origin" if same_memory(y, x) else "fresh"
            feature = self.feature if had_feature is None else None
            saved = (y[0], y[1], y[2], y[3][0], y[3][1], y[4])
            self.memory[key] = (node, saved, how, x[3][1], short, feature)
        return y


def _remembering(visit: Visit) -> Visit:
    return lambda walk, node, path, x: walk.recall(visit, node, path, x)  # type: ignore[attr-defined]


_REMEMBERING = {op: _remembering(VISITS[op]) for op in ("parallel", "residual", "auxiliary")}


class Sweep:
    """Totals of many variants that share most of their nodes, as edits make them.

    >>> totals = Sweep().totals(variant)      # None where the variant is not a working network

    Keep one per burst of questions (a page's rerun, a search): it remembers every subtree that it has met.

    Args:
        remember: Subtrees that are remembered at most; then all are forgotten at once.
    """

    def __init__(self, remember: int = 50_000) -> None:
        self._memory: dict[Any, Any] = {}
        self._remember = remember

    def totals(self, architecture: Architecture) -> Totals | None:
        """Compute the totals of a variant.

        Args:
            architecture: The variant.

        Returns:
            Its totals; None where its layers do not fit together.
        """
        if len(self._memory) > self._remember:
            self._memory.clear()
        try:
            return _run(_RememberingWalk(self._memory, architecture))
        except ArchitectureError:
            return None

    def ribbon(self, architecture: Architecture, path: str, field: str, values: Iterable[Any]) -> list[Totals | None]:
        """Compute the totals over the values of one field of one node, as a ribbon slider shows them.

        Args:
            architecture: The network from which the variants are made.
            path: Path of the node.
            field: Name of its field.
            values: What the field takes, one after another.

        Returns:
            Totals for each value; None where the network would not work.
        """
        results: list[Totals | None] = []
        for value in values:
            try:
                results.append(self.totals(edit.replace(architecture, path, **{field: value})))
            except ArchitectureError:
                results.append(None)
        return results
