"""ONNX: the graph written from the value, and proved by another program before it is handed over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..analysis import Analysis, analyze
from ..architecture import DESIGN_KEY, to_json
from ..importing import SEAL_KEY, seal
from ..text import format_count, quote
from ._proof import network_of, prove

if TYPE_CHECKING:
    import onnx

    from ._subject import Subject

INPUT, OUTPUT = "image", "scores"
_MAX_BYTES = 2**31 - 2**20
"""Of a file; protobuf, in which ONNX is written, knows no larger ones."""


def write_onnx(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    """Write the network as an ONNX file, without tracing: operator by operator as the design has them.

    Operators have the paths of their nodes, tensors the names of the state dict; what runs in training only (dropout,
    stochastic depth, auxiliary heads) is not in it. The number of images is free, their size is the design's. Metadata
    hold the design, the classes, the preprocessing and the origin of the weights.

    Args:
        subject: The design. Without weights, torch's initial ones of seed 0 are written.

    Returns:
        The file, and what was proved of it.

    Raises:
        ValueError: A kind of node has no form in ONNX, the weights do not fit a file, or the file's scores are others
            than torch's.
    """
    import onnx
    import onnxruntime

    network, note = network_of(subject)
    analysis = analyze(subject.architecture)
    size = 4 * analysis.params
    if size > _MAX_BYTES:
        raise ValueError(
            f"the weights of {quote(subject.architecture.name)} are {size / 2**30:.1f} GB, and an ONNX file holds at "
            "most 2 GB; take safetensors and the PyTorch source"
        )
    weights = {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
    model = make_model(subject, analysis, weights)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString(deterministic=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    proof = prove(
        f"onnxruntime {onnxruntime.__version__}", network,
        lambda images: session.run([OUTPUT], {INPUT: images.numpy()})[0], subject.architecture,
    )  # fmt: skip
    return data, (*note, proof, f"ONNX opset {model.opset_import[0].version}; input {INPUT}, output {OUTPUT}.")


def make_model(subject: Subject, analysis: Analysis, weights: dict[str, Any]) -> onnx.ModelProto:
    """Write the graph and its metadata.

    Args:
        subject: The design and what is known beside it.
        analysis: Of the design.
        weights: The state dict as numpy arrays.

    Returns:
        The model, not yet checked.

    Raises:
        ValueError: A kind of node has no form in ONNX.
    """
    from onnx import TensorProto, helper

    from ._onnx_writers import OPSET, GraphWriter

    architecture = subject.architecture
    writer = GraphWriter(analysis, weights)
    result = INPUT
    for node in architecture.trunk.nodes:
        result = writer.node(node, node.name, result)
    # The result has its name also where the network does nothing at all.
    writer.nodes.append(helper.make_node("Identity", [result], [OUTPUT], name=f"{OUTPUT}:result"))
    totals = analysis.totals
    graph = helper.make_graph(
        writer.nodes,
        architecture.name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", *architecture.input_shape])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", *totals.output_shape])],
        [*writer.tensors.values()],
        doc_string=f"{format_count(totals.params)} parameters, {format_count(totals.macs)} MACs for an image",
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8,
        producer_name="Inception Explorer", producer_version=__version__,
    )  # fmt: skip
    facts = describe_subject(subject)
    helper.set_model_props(model, facts | {SEAL_KEY: seal(model.graph, facts[DESIGN_KEY])})
    return model


def describe_subject(subject: Subject) -> dict[str, str]:
    """Write what is known of a network as text by keys, as files of weights keep it.

    Args:
        subject: The design and what is known beside it.

    Returns:
        The design as JSON; classes (a JSON list), preprocessing (JSON) and provenance where they are known.
    """
    facts = {DESIGN_KEY: to_json(subject.architecture, indent=None)}
    if subject.classes:
        facts["classes"] = json.dumps(subject.classes)
    if subject.preprocessing:
        facts["preprocessing"] = json.dumps(subject.preprocessing.to_data())
    if subject.provenance:
        facts["provenance"] = subject.provenance
    return facts
