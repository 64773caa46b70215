"""Weights and maps as 8-bit integers, for onnxruntime."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..architecture import DESIGN_KEY
from ..export import Subject, export
from ..inspection.models import Model
from ..profiling import SideBySide, time_side_by_side
from ._model import as_model
from ._steps import SlimPlan, slim

logger = logging.getLogger(__name__)

_BATCH = 16
QUANTISED_KEY, QUANTISED_FROM_KEY = "explorer.quantised", "explorer.quantised_from"
"""Metadata: how a file was quantised; the design of a file that computes it; the design that was quantised."""


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantisedModel(Model):
    """A model that onnxruntime computes in 8-bit integers, on the CPU.

    ``network`` is the float network that it was made from.
    """

    session: Any = field(repr=False)
    """The onnxruntime session."""
    data: bytes = field(repr=False)
    """The ONNX file."""
    float_session: Any = field(repr=False)
    """That of the same network before it was quantised."""
    float_bytes: int
    """Bytes of the ONNX file before."""
    images: int
    """How many images the ranges of the maps were measured on."""

    @property
    def digest(self) -> str:
        """SHA-256 of everything that determines a prediction."""
        return f"int8 {self.weights_sha256} {super().digest}"

    def logits(self, x_BCHW: Tensor) -> Tensor:
        """The scores of inputs (N, C, H, W): float32 (N, classes)."""
        return torch.from_numpy(_run(self.session, x_BCHW.cpu().numpy()))


def quantise(model: Model, images_BCHW: Tensor) -> QuantisedModel:
    """Quantise a model to 8-bit integers: weights channel by channel, maps by the ranges that they have on images.

    Norms and added branches are folded first, which is exact. The file computes in onnxruntime; each operator stands
    between one that makes integers and one that makes floats again (QDQ), so that other programs read it, too.

    Args:
        model: What is quantised.
        images_BCHW: Training images as the model takes them, on which the ranges of all maps are measured.

    Returns:
        The model as onnxruntime computes it. Its answers change: measure them with ``inspection.evaluation``.

    Raises:
        ValueError: A part of the network has no form in ONNX, or cannot be quantised.

    Source: Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only
    inference".
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self._batches: Iterator[Tensor] = iter(torch.split(images_BCHW.cpu(), _BATCH))

        def get_next(self) -> dict[str, Any] | None:
            batch_BCHW = next(self._batches, None)
            return None if batch_BCHW is None else {name: batch_BCHW.numpy()}

    folded = _fold(model)
    written = export(Subject.of_model(folded), "onnx").data
    floats = onnx.load_from_string(written)
    name = floats.graph.input[0].name
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        try:
            with _without_advice():
                quantize_static(
                    floats, path, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                )  # fmt: skip
        except Exception as error:  # onnxruntime raises whatever its parts raise
            logger.warning("%s cannot be quantised", model.name, exc_info=True)
            reason = str(error).partition("\n")[0]
            raise ValueError(f"onnxruntime cannot quantise {model.architecture.name!r}: {reason}") from None
        made = onnx.load(path)
    facts = {each.key: each.value for each in onnx.load_from_string(written).metadata_props}
    if DESIGN_KEY in facts:  # the file no longer computes that design
        facts[QUANTISED_FROM_KEY] = facts.pop(DESIGN_KEY)
    facts[QUANTISED_KEY] = f"int8, QDQ, weights per channel, ranges of {len(images_BCHW):,} images"
    del made.metadata_props[:]
    onnx.helper.set_model_props(made, facts)
    onnx.checker.check_model(made)
    data = made.SerializeToString()
    return QuantisedModel(
        name=f"{model.name}, int8", architecture=folded.architecture, network=folded.network,
        provenance=f"quantised from {model.name}: {model.provenance}", weights_sha256=folded.weights_sha256,
        device=torch.device("cpu"), classes=model.classes, preprocessing=model.preprocessing, session=_open(data),
        data=data, float_session=_open(written), float_bytes=len(written), images=len(images_BCHW),
    )  # fmt: skip


def time_beside(quantised: QuantisedModel) -> SideBySide:
    """Time the quantised network beside the float one, one image at a time, on the CPU.

    Args:
        quantised: What ``quantise`` gave.

    Returns:
        The times of both.
    """
    x_BCHW = np.zeros((1, *quantised.architecture.input_shape), np.float32)
    floats, integers = quantised.float_session, quantised.session
    return time_side_by_side(lambda: _run(floats, x_BCHW), lambda: _run(integers, x_BCHW))


@contextmanager
def _without_advice() -> Iterator[None]:
    """onnxruntime's quantisation advises on the root logger to prepare the model, which has been done."""

    def is_ours(record: logging.LogRecord) -> bool:
        return "onnxruntime" not in record.pathname

    root = logging.getLogger()
    root.addFilter(is_ours)
    try:
        yield
    finally:
        root.removeFilter(is_ours)


def _fold(model: Model) -> Model:
    try:
        plan = SlimPlan(exact=("fold_branches", "fold_norms"))
        steps, _ = slim(model.architecture, model.network, plan)
    except ValueError:  # there is nothing to fold
        return as_model(model, model.architecture, model.network)
    return as_model(model, steps[-1].architecture, steps[-1].network)


def _open(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _run(session: Any, x_BCHW: Any) -> Any:
    return session.run(None, {session.get_inputs()[0].name: x_BCHW})[0]
