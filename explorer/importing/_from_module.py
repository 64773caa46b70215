"""A module of one's own process, or a network of a library by its name → Import, compared with the module itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import architecture as arch
from ..analysis import analyze
from ._import import AGREEMENT, Import, from_graph, list_some
from ._problem import ImportingError
from ._written import find_written_design

if TYPE_CHECKING:
    from torch import nn

    from ..modules import WeightsFile

logger = logging.getLogger(__name__)


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
        notes.append(f"Not used in evaluation and left out ({len(unused)} parameters): {list_some(heads)}.")
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
