"""An ONNX file → Import: its operators read, its weights carried over, its scores compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import architecture as arch
from ..analysis import analyze
from ..text import quote, quote_path, shorten
from ._import import AGREEMENT, Import, from_graph
from ._onnx_file import MAX_ONNX_BYTES, list_files_beside, parse_onnx
from ._onnx_seal import SEAL_KEY, seal
from ._problem import ImportingError

if TYPE_CHECKING:
    from torch import Tensor

    from ._onnx import OnnxReading
    from ._onnx_file import OnnxFile

_MUCH = 1e-3
"""More than rounding explains."""
_TIMES_ROUNDING = 10
"""How many times our own rounding two programs may lie apart."""
_NOUGHT = "Its scores are 0 but for rounding, here as in the file."
_TOO_FAR = (
    "The scores differ by more than rounding explains: do not rely on this import, and please report the model."
)
_HEADS = "Its auxiliary heads, which run in training only, are not in the file: they begin anew."
_CARRIED = "The design is the one that the file carries."
_FACTS = ("classes", "preprocessing", "provenance")


def from_onnx(
    data: bytes,
    name: str = "network",
    *,
    beside: Mapping[str, bytes] | None = None,
    input_shape: tuple[int, int, int] | None = None,
    design_only: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Import:
    """Import a network from an ONNX file, with its weights. Its operators are read; no code of it is run.

    Where the whole network has a form, its scores are compared with what onnxruntime computes of the file. A file that
    this program wrote holds its design: that is taken, if it computes the same.

    Args:
        data: The content of the file.
        name: Of the network.
        beside: The files in which it keeps its weights, by their names, where it keeps them elsewhere.
        input_shape: Channels, height and width of an image, where the file leaves them free.
        design_only: Whether its weights are not wanted, nor how near the scores are: these are computed only where
            it must be found out whether the file still computes the design that it carries.
        tell: Is told what is being done, one phrase.

    Returns:
        The import.

    Raises:
        ImportingError: The file is damaged, or no network for images; in one sentence.
    """
    from ._onnx_readers import read_graph

    tell("reading its operators")
    file = parse_onnx(data, beside)
    facts = {key: file.metadata[key] for key in _FACTS if key in file.metadata}
    design, reason = _find_design(file.metadata)
    if design is not None and design_only and _is_unchanged(file):
        totals = analyze(design)
        return Import(
            status="complete", architecture=design, params=totals.params, macs=totals.macs, notes=(_CARRIED,),
            facts=facts,
        )  # fmt: skip
    reading = read_graph(file, input_shape, name)
    if design is not None:
        tell("comparing the scores with those of the design that it carries")
        found, reason = _take_design(design, file, reading)
        if found is not None:
            return replace(found, facts=facts)
    tell("reading them as a design")
    found = from_graph(reading.graph)
    notes = [*found.notes, *reading.notes]
    if reason:
        notes.append(f"The design that the file carries was not taken: {reason}.")
    difference = None
    if found.status == "complete" and not design_only:
        assert found.architecture is not None
        tell("comparing the scores")
        difference, told = _compare_with_file(found.architecture, found.weights, file, reading)
        notes += told
    return replace(found, notes=tuple(notes), largest_score_difference=difference, facts=facts)


def from_onnx_path(
    path: str | Path,
    *,
    input_shape: tuple[int, int, int] | None = None,
    design_only: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Import:
    """Import a network from the path of an ONNX file. Weights that it keeps in files beside it are read from there.

    Args:
        path: Of the file.
        input_shape: Channels, height and width of an image, where the file leaves them free.
        design_only: As ``from_onnx`` takes it.
        tell: Is told what is being done, one phrase.

    Returns:
        The import, named after the file.

    Raises:
        ImportingError: The file cannot be read, is damaged, or no network for images; in one sentence.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_ONNX_BYTES:
            raise ImportingError(f"{quote_path(path.name)} is larger than 2 GB, the most that an ONNX file has")
        data = path.read_bytes()
        # Nothing but plain names of its own folder: a file may name any path of this machine.
        beside = {name: path.with_name(name).read_bytes() for name in list_files_beside(data)
                  if path.with_name(name).is_file() and not path.with_name(name).is_symlink()}  # fmt: skip
    except OSError as error:
        raise ImportingError(f"cannot read {quote_path(str(path))}: {error.strerror or error}") from None
    try:
        return from_onnx(
            data, path.stem, beside=beside, input_shape=input_shape, design_only=design_only, tell=tell
        )
    except ImportingError as error:
        raise ImportingError(f"{quote_path(path.name)}: {error}") from None


def _find_design(metadata: Mapping[str, str]) -> tuple[arch.Architecture | None, str]:
    """The design that a file carries, or why it is none."""
    text = metadata.get(arch.DESIGN_KEY)
    if text is None:
        return None, ""
    try:
        return arch.from_json(text), ""
    except arch.ArchitectureError as error:
        return None, shorten(" ".join(str(error).split()), 160)


def _is_unchanged(file: OnnxFile) -> bool:
    """Whether it is what this program wrote beside the design, and proved."""
    return file.metadata.get(SEAL_KEY) == seal(file.model.graph, file.metadata[arch.DESIGN_KEY])


def _take_design(design: arch.Architecture, file: OnnxFile, reading: OnnxReading) -> tuple[Import | None, str]:
    """A file's own design with the file's tensors, if it computes what the file computes; else why not."""
    import torch

    from ..modules import build

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        own = build(design).state_dict()
    heads = tuple(path.replace("/", ".") + "." for path, node in arch.walk(design) if node.op == "auxiliary")
    weights: dict[str, Tensor] = {}
    for name, tensor in own.items():
        if name.endswith("num_batches_tracked") or name.startswith(heads):  # not in a file that is for inference
            weights[name] = tensor
            continue
        given = file.tensors.get(name)
        if given is None or given.shape != tensor.shape or given.dtype.name != "float32":
            return None, f"it has no tensor {quote(name)} of {'×'.join(map(str, tensor.shape))}"
        weights[name] = torch.from_numpy(given.copy())
    difference, notes = _compare_with_file(design, weights, file, reading)
    if difference is None or difference > _MUCH:
        told = "it was changed since, or could not be compared" if difference is None else f"{difference:.0e}"
        return None, f"its scores are not those of the file ({told})"
    found = analyze(design)
    return Import(
        status="complete", architecture=design, weights=weights, names={name: name for name in own},
        params=found.params, macs=found.macs, largest_score_difference=difference,
        notes=(_CARRIED, *([_HEADS] if heads else []), *notes),
    ), ""  # fmt: skip


def _compare_with_file(
    architecture: arch.Architecture, weights: Mapping[str, Tensor], file: OnnxFile, reading: OnnxReading
) -> tuple[float | None, list[str]]:
    """The largest difference from what onnxruntime computes, as a share of the largest score; and what to say."""
    import torch

    from ..modules import build
    from ._onnx_scores import NotComputed, compute_scores

    ours = build(architecture)
    ours.load_state_dict(dict(weights))
    ours.eval()
    images = torch.randn(reading.batch, *architecture.input_shape, generator=torch.Generator().manual_seed(0))
    given = images.permute(0, 2, 3, 1) if reading.is_turned else images
    try:
        right = torch.from_numpy(compute_scores(file, reading.scores, given.contiguous().numpy())).double()
    except NotComputed as error:
        return None, [f"onnxruntime does not compute the file ({error}): its scores were not compared."]

    def compute(dtype: torch.dtype) -> Tensor:
        with torch.no_grad():
            scores: Tensor = ours.to(dtype)(images.to(dtype))
        return scores.double()

    scores = compute(torch.float32)
    if scores.shape != right.shape:
        return float("inf"), ["The scores have another shape than the file's."]
    scale = float(right.abs().max()) or 1.0
    largest = float((scores - right).abs().max()) / scale
    if largest > AGREEMENT:  # where ours rounds, the file's own rounding is what is left
        exact = compute(torch.float64)
        rounding, from_file = (float((each - exact).abs().max()) for each in (scores, right))
        if float(exact.abs().max()) <= rounding and from_file <= _TIMES_ROUNDING * rounding:
            return 0.0, [_NOUGHT]
        largest = min(largest, from_file / scale)
    return largest, [_TOO_FAR] if largest > _MUCH else []
