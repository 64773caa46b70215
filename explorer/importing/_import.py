"""From a graph to an architecture with its weights, and the report of what was understood."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import ValidationError

from .. import architecture as arch
from ..analysis import analyze
from ..text import format_count, quote, shorten
from ._crossings import untangle
from ._graph import COMPUTED, Graph
from ._patterns import simplify
from ._problem import DoesNotFit, ImportingError, Obstacle
from ._reduce import Item, Reduction
from ._tree import Tree, TreeMaker
from ._written import find_written_design

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..modules import WeightsFile

logger = logging.getLogger(__name__)
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
            f"{_list(twice)}: used in several places by the model; here each place has a copy of its own, which would "
            "be trained apart."
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


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return f"{', '.join(map(quote, names[:_MANY]))}{more}"


def from_module(
    module: nn.Module,
    input_shape: tuple[int, int, int] = (3, 224, 224),
    name: str | None = None,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Import:
    """Import a network of your own process.

    Its code is run once, without memory, in evaluation; the module stays as it is. What it computes is read as
    operators, these as nodes under the module's own names, and its weights are carried over. Scores are then compared.

    Args:
        module: Any module that takes a batch of images and gives one tensor.
        input_shape: Channels, height and width of an image.
        name: Of the network; default: the module's class.
        tell: Called with what is being done, a few words, before each step; what it raises ends the import.

    Returns:
        The import; ``weights`` is the state dict of ``modules.build(architecture)``.

    Raises:
        ImportingError: It cannot be captured at all; in one sentence.
    """
    from ._capture import capture

    design = find_written_design(module)
    written = design and _take_written(design, module, input_shape)
    if written:
        return written
    tell("capturing its operators")
    graph = capture(module, input_shape, name or type(module).__name__)
    tell("reading them as a design")
    found = from_graph(graph)
    if found.status != "complete":
        return found
    used = {each for key in found.names.values() for each in graph.origins.get(key, {key})}
    parameters = dict(module.named_parameters())
    unused = [key for key in parameters if key not in used]
    notes = list(found.notes)
    if unused:
        heads = sorted({key.rpartition(".")[0] or key for key in unused})
        notes.append(f"Not used in evaluation and left out ({len(unused)} parameters): {_list(heads)}.")
    tell("comparing the scores")
    return replace(
        found, notes=tuple(notes),
        model_params=sum(tensor.numel() for key, tensor in parameters.items() if key in used),
        model_macs=_count_macs(module, input_shape),
        largest_score_difference=_measure_difference(module, found, input_shape),
    )  # fmt: skip


def _take_written(design: arch.Architecture, module: nn.Module, input_shape: tuple[int, int, int]) -> Import | None:
    """The design that a module's source names, if the module still has its weights, images and scores."""
    from ..modules import build

    own, weights = build(design, device="meta").state_dict(), module.state_dict()
    shapes = ({name: each.shape for name, each in tensors.items()} for tensors in (own, weights))
    if input_shape != design.input_shape or next(shapes) != next(shapes):
        return None
    totals = analyze(design)
    found = Import(
        status="complete", architecture=design, names={name: name for name in own}, params=totals.params,
        weights={name: each.detach().cpu().clone() for name, each in weights.items()}, macs=totals.macs,
        notes=("The design is the one that the module's source names.",), model_macs=_count_macs(module, input_shape),
    )  # fmt: skip
    difference = _measure_difference(module, found, input_shape)
    if difference is None or difference > AGREEMENT:
        return None
    return replace(found, largest_score_difference=difference)


def _count_macs(module: nn.Module, input_shape: tuple[int, int, int]) -> int | None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ._capture import copy_on, dtype_of

    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            copy_on(module, "meta")(torch.zeros(1, *input_shape, device="meta", dtype=dtype_of(module)))
    except Exception:  # noqa: BLE001  (the model's own code; it needs numbers)
        return None
    total: int = counter.get_total_flops()
    return total // 2


def _measure_difference(module: nn.Module, found: Import, input_shape: tuple[int, int, int]) -> float | None:
    import copy

    import torch

    from ..modules import build

    assert found.architecture is not None
    ours = build(found.architecture)
    ours.load_state_dict(dict(found.weights))
    ours.eval()
    theirs = copy.deepcopy(module).cpu().eval()
    largest = None
    # Where the last digit of a float32 moves the scores, float64 tells rounding from a fault; it is slow.
    for dtype in (torch.float32, torch.float64):
        ours.to(dtype), theirs.to(dtype)
        images = torch.randn(2, *input_shape, generator=torch.Generator().manual_seed(0), dtype=dtype)
        with torch.no_grad():
            try:
                right = theirs(images)
            except Exception:
                logger.debug("the model does not compute in %s", dtype, exc_info=True)
                continue
            scores = ours(images)
        if right.shape != scores.shape:
            return float("inf")
        largest = float((scores - right).abs().max()) / (float(right.abs().max()) or 1.0)
        if largest <= AGREEMENT:
            break
    return largest


def from_name(
    text: str,
    *,
    weights: str | Sequence[WeightsFile] | None = None,
    input_shape: tuple[int, int, int] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Import:
    """Import a network of torchvision or timm by its name; nothing is downloaded.

    Args:
        text: ``torchvision:NAME`` or ``timm:NAME``.
        weights: A file of weights, or files that are in memory, such as uploads; without them, the library's initial
            ones are carried over, the same random numbers each time.
        input_shape: Channels, height and width; default: what the library says of the network.
        tell: As ``from_module`` takes it.

    Returns:
        The import.

    Raises:
        ImportingError: There is no such library or network, or it is no convolutional network; in one sentence.
        WeightsError: The file of weights cannot be read or does not fit.
    """
    from ._libraries import load_weights, make_module

    tell("building it")
    module, shape, name = make_module(text)
    file = ""
    if weights is not None:
        tell("loading the weights")
        file = load_weights(module, weights, name)
    found = from_module(module, input_shape or shape, name, tell=tell)
    return replace(found, library=text.partition(":")[0], weights_file=file)


def read_design(text: str) -> Import:
    """Import the design alone of a network of torchvision or timm; no memory is taken for weights.

    Args:
        text: ``torchvision:NAME`` or ``timm:NAME``.

    Returns:
        The import, without weights; nothing is compared.

    Raises:
        ImportingError: There is no such library or network, or it is no convolutional network; in one sentence.
    """
    from ._capture import capture
    from ._libraries import make_module

    try:
        module, shape, name = make_module(text, empty=True)
        graph = capture(module, shape, name)
    except (ImportingError, RuntimeError):  # some code wants the numbers; or the network is refused
        module, shape, name = make_module(text)
        graph = capture(module, shape, name)
    return replace(from_graph(graph), weights={}, library=text.partition(":")[0])

