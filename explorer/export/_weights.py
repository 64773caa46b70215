"""Weights as files: safetensors with a card, and the archive of torch.export."""

from __future__ import annotations

import io
import json
import warnings
from typing import TYPE_CHECKING

from ..analysis import analyze
from ..text import format_count, quote
from ._onnx import describe_subject
from ._proof import network_of, prove

if TYPE_CHECKING:
    from ._subject import Subject


def write_safetensors(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    """Write the weights by the names of the state dict, with a card, classes, preprocessing and design as metadata.

    Args:
        subject: The design with its weights.

    Returns:
        The file, and what was proved of it.

    Raises:
        ValueError: The weights are not those of the design.
    """
    import safetensors.torch
    import torch

    network, _ = network_of(subject)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    totals = analyze(subject.architecture).totals
    card = {
        "name": subject.architecture.name,
        "input_shape": subject.architecture.input_shape,
        "output_shape": totals.output_shape,
        "params": totals.params,
        "macs": totals.macs,
        "weights": subject.provenance,
    }
    metadata = {"format": "pt", "card": json.dumps(card), **describe_subject(subject)}
    data = safetensors.torch.save(tensors, metadata)
    back = safetensors.torch.load(data)
    if back.keys() != tensors.keys() or not all(torch.equal(back[name], tensors[name]) for name in tensors):
        raise ValueError("the file of weights does not give back the weights that were written: it is not handed over")
    return data, (f"{len(tensors)} tensors, {format_count(totals.params)} parameters; read back bit for bit.",)


def write_pt2(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    """Write an archive of torch.export: graph and weights, for torch.export.load; the number of images is free.

    Args:
        subject: The design. Without weights, torch's initial ones of seed 0 are written.

    Returns:
        The file, and what was proved of it.

    Raises:
        ValueError: torch cannot capture the network, or the archive's scores are others than the network's.
    """
    import torch

    network, note = network_of(subject)
    example = torch.zeros(2, *subject.architecture.input_shape)
    batch = {0: torch.export.Dim("batch", min=1)}
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about torch's own use of itself
        try:
            program = torch.export.export(network, (example,), dynamic_shapes=(batch,), strict=False)
        except Exception as error:
            told = " ".join(str(error).split())[:150]
            raise ValueError(
                f"torch.export cannot capture {quote(subject.architecture.name)}: {told}; take ONNX or the weights"
            ) from error
        torch.export.save(program, file, extra_files=describe_subject(subject))
        module = torch.export.load(io.BytesIO(file.getvalue())).module()
        proof = prove(
            f"torch {torch.__version__}", network, lambda images: module(images).detach(), subject.architecture
        )
    return file.getvalue(), (*note, proof)
