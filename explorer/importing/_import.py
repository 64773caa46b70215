"""From a graph to an architecture with its weights, and the report of what was understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import ValidationError

from .. import architecture as arch
from ..analysis import analyze
from ..text import format_count, quote, shorten
from ._crossings import untangle
from ._graph import COMPUTED, Graph
from ._patterns import simplify
from ._problem import DoesNotFit, Obstacle
from ._reduce import Item, Reduction
from ._tree import Tree, TreeMaker

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

AGREEMENT = 1e-5
"""How far the scores of an import may differ from the model's, as a share of the largest."""
_OF_THE_WHOLE = Obstacle(operator="the network", module="", reason="it breaks a rule of the algebra as a whole")
_NESTED = Obstacle(operator="the network", module="", reason="its branches are nested too deeply to be read")
_MANY = 12
"""Names that a note lists."""


@dataclass(frozen=True, kw_only=True)
class Import:
    """What became of a model."""

    status: Literal["complete", "partial", "unavailable"]
    """The whole network; its beginning, up to what does not fit; or nothing."""
    architecture: arch.Architecture | None = None
    weights: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    """The state dict of ``modules.build(architecture)``."""
    names: Mapping[str, str] = field(default_factory=dict, repr=False)
    """For each tensor of ours the model's key."""
    obstacle: Obstacle | None = None
    """The first thing that does not fit, where the network is not complete."""
    notes: tuple[str, ...] = ()
    """One sentence each."""
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What a file says beside its network, as it says it: "classes", "preprocessing", "provenance" of our own."""
    params: int = 0
    """Learnable parameters of ours."""
    macs: int = 0
    """Multiply-adds of ours for one image."""
    model_params: int | None = None
    """The model's own, without those that it does not use; None where it is no module."""
    model_macs: int | None = None
    """Half of what torch's FlopCounterMode counts in the model."""
    largest_score_difference: float | None = None
    """From the model's, as a share of the largest score, on random images; None: not measured."""
    library: str = ""
    """Whose network it is, such as "torchvision"; '' where it is no library's."""
    weights_file: str = ""
    """Name of the file that was loaded into the library's network; '': the weights are those that it had, its initial
    ones."""

    @property
    def is_random(self) -> bool:
        """Whether the weights are a library's initial ones, random numbers."""
        return bool(self.library) and not self.weights_file

    def describe(self) -> tuple[str, ...]:
        """Write the report for people.

        Returns:
            Sentences.
        """
        if self.architecture is None:
            assert self.obstacle
            return (f"Not imported. {_sentence(self.obstacle.describe())}", *self.notes)
        about = f"{format_count(self.params)} parameters, {format_count(self.macs)} MACs"
        if self.status == "partial":
            assert self.obstacle
            first = f"Imported in part ({about}): what stands before {self.obstacle.describe()}."
        else:
            first = f"Imported whole: {about}."
        lines = [first]
        if self.model_params is not None and self.status == "complete":
            same = [
                f"{name} {'as in the model' if ours == theirs else f'{ours:,}, in the model {theirs:,}'}"
                for name, ours, theirs in (
                    ("parameters", self.params, self.model_params), ("MACs", self.macs, self.model_macs),
                )
            ]  # fmt: skip
            lines.append(_sentence("; ".join(same)))
        if self.largest_score_difference is not None:
            told = f"{self.largest_score_difference:.0e} of the largest" if self.largest_score_difference else "nothing"
            lines.append(f"With the model's weights the scores differ from its own by {told} (random images).")
        return (*lines, *self.notes)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def from_graph(graph: Graph) -> Import:
    """Find the architecture of a graph, with its weights.

    Args:
        graph: As a reader of modules or files gives it.

    Returns:
        The import: complete, in part, or unavailable.
    """
    try:
        return _read(graph)
    except RecursionError:
        return Import(status="unavailable", obstacle=_NESTED)


def _read(graph: Graph) -> Import:
    simple = untangle(simplify(graph))
    reduction, maker = Reduction(simple), TreeMaker(simple)
    try:
        return _finish(graph, maker.make(reduction.between(Graph.INPUT, simple.output)), None)
    except (DoesNotFit, arch.ArchitectureError):
        pass
    # From the beginning, as far as it can be understood: from one value that everything passes through to the next.
    pieces: list[tuple[Item, ...]] = []
    at, obstacle = Graph.INPUT, None
    for end in reduction.trunk():
        try:
            pieces.append(reduction.between(at, end))
        except DoesNotFit as error:
            obstacle = _obstacle(simple, error)
            break
        at = end

    def make(count: int) -> Tree:
        return maker.make([item for piece in pieces[:count] for item in piece])

    count, _, wrong = _find_longest(make, len(pieces))
    if isinstance(wrong, DoesNotFit):
        obstacle = _obstacle(simple, wrong)
    # A beginning whose shapes or size break a rule of the algebra is cut, too.
    count, found, wrong = _find_longest(lambda number: _finish(graph, make(number), obstacle or _OF_THE_WHOLE), count)
    if wrong is not None and obstacle is None:
        obstacle = replace(_OF_THE_WHOLE, reason=" ".join(str(wrong).split())[:200])
    return replace(found, obstacle=obstacle) if found else Import(status="unavailable", obstacle=obstacle)


def _find_longest(do: Callable[[int], T], most: int) -> tuple[int, T | None, Exception | None]:
    """Find the largest number, at most ``most``, with which something can be done, what comes of it, and what is wrong
    with one more. Numbers below one with which it can be done are as good."""
    good, bad, count = 0, most + 1, most
    found: T | None = None
    wrong: Exception | None = None
    while good < count:
        try:
            good, found = count, do(count)
        except (DoesNotFit, arch.ArchitectureError) as error:
            bad, wrong = count, error
        count = (good + bad) // 2
    return good, found, wrong


def _obstacle(graph: Graph, error: DoesNotFit) -> Obstacle:
    operation = next(each for each in graph.operations if each.name == error.operation)
    return Obstacle(operator=operation.source, module=".".join(operation.scope), reason=error.reason)


def _finish(graph: Graph, tree: Tree, obstacle: Obstacle | None) -> Import:
    name = shorten(graph.name, arch.MAX_TITLE)
    try:
        architecture = arch.Architecture(
            name=name, input_shape=graph.input_shape, trunk=arch.Sequence(name="trunk", children=tree.nodes),
            provenance=f"imported from {graph.name}"[:1000],
        )  # fmt: skip
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise DoesNotFit(graph.output, " ".join(reason.split())[:200]) from None
    found = analyze(architecture)
    weights, notes = _carry(architecture, graph, tree)
    if any(key.startswith(COMPUTED) for key in tree.tensors.values()):
        notes.append(
            "Weights that the model computes from others, as weight standardisation does, are carried over as they "
            "come out: in evaluation it is the same, in training they are learnt themselves."
        )
    twice = sorted(key for key, count in Counter(tree.tensors.values()).items() if count > 1)
    if twice:
        notes.append(
            f"{list_some(twice)}: used in several places by the model; here each place has a copy of its own, which "
            "would be trained apart."
        )
    return Import(
        status="partial" if obstacle else "complete", architecture=architecture, weights=weights,
        names=dict(tree.tensors), obstacle=obstacle, notes=tuple(notes), params=found.params, macs=found.macs,
    )  # fmt: skip


def _carry(architecture: arch.Architecture, graph: Graph, tree: Tree) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict of the built network, filled from the model's tensors."""
    import torch

    from ..modules import build

    own = build(architecture, device="meta").state_dict()
    filled: dict[str, Tensor] = {}
    notes = []
    for name, tensor in own.items():
        key = tree.tensors.get(name)
        if key is None and name.endswith("num_batches_tracked"):
            beside = tree.tensors.get(f"{name.removesuffix('num_batches_tracked')}running_mean", "")
            key = f"{beside.removesuffix('running_mean')}num_batches_tracked"
            filled[name] = _fetch(graph.tensors.get(key, torch.tensor(0))).clone()
            continue
        assert key is not None, name
        given = _fetch(graph.tensors[key])
        if given.is_floating_point() and given.dtype != torch.float32:
            notes.append(f"Weights are {str(given.dtype).removeprefix('torch.')} in the model and float32 here.")
            given = given.float()
        filled[name] = given.reshape(tensor.shape).clone()
    return filled, list(dict.fromkeys(notes))


def _fetch(tensor: Tensor) -> Tensor:
    """A tensor on the CPU; one without memory stays so."""
    return tensor.detach() if tensor.is_meta else tensor.detach().cpu()


def list_some(names: list[str]) -> str:
    """Names for a note, the first ones where they are many."""
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return f"{', '.join(map(quote, names[:_MANY]))}{more}"
