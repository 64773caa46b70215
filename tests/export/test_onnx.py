"""ONNX files compute what torch computes: read by onnxruntime, checked by onnx, their shapes by its own inference."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from onnx import shape_inference
from torch import nn

from explorer import catalog
from explorer.analysis import analyze, problems
from explorer.architecture import (
    NODE_KINDS,
    Activation,
    ActivationKind,
    Architecture,
    Conv,
    GlobalPool,
    LocalResponseNorm,
    Parallel,
    Pool,
    Sequence,
    edit,
    from_json,
    walk,
)
from explorer.datasets import Preprocessing
from explorer.export import FORMATS, Subject, export
from explorer.export._onnx_writers import WRITERS
from explorer.modules import build
from tests.inspection.parts import shaken
from tests.networks import EACH_NETWORK
from tests.profiling.networks import everything
from tests.sizes import ALL
from tests.strategies import analysis_or_skip, architectures


def trained(architecture: Architecture) -> nn.Module:
    torch.manual_seed(0)
    return shaken(build(architecture)).eval()


def session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # As the graph is written: no operator is merged with another before it is computed.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def check(architecture: Architecture, batches: tuple[int, ...] = (1, 2)) -> onnx.ModelProto:
    network = trained(architecture)
    file = export(Subject(architecture=architecture, weights=network.state_dict()), "onnx")
    model = onnx.load_from_string(file.data)
    onnx.checker.check_model(model, full_check=True)
    run = session(file.data)
    (given_image,), (scores,) = run.get_inputs(), run.get_outputs()
    assert given_image.shape[1:] == list(architecture.input_shape)
    assert isinstance(given_image.shape[0], str)  # any number of images
    for batch in batches:
        x = torch.rand(batch, *architecture.input_shape) * 2 - 1
        with torch.no_grad():
            right = network(x).numpy()
        (found,) = run.run([scores.name], {given_image.name: x.numpy()})
        assert found.shape == right.shape
        scale = max(1e-30, np.abs(right).max())
        if not np.abs(found - right).max() <= 1e-5 * scale:
            with torch.no_grad():
                exact = network.double()(x.double()).numpy()
            network.float()
            # Only where steps are so steep that torch's own rounding shows, too.
            assert np.abs(right - exact).max() > 1e-6 * scale
    return model


def on_small_images(architecture: Architecture) -> Architecture:
    """The network on the smallest of a few images that it can take; on its own in the long form."""
    for side in () if ALL else (64, 96, 128):
        smaller = edit.replace(architecture, "", input_shape=(architecture.input_shape[0], side, side))
        if side < architecture.input_shape[1] and not problems(smaller):
            return smaller
    return architecture


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_the_catalogue(name: str) -> None:
    architecture = on_small_images(catalog.get(name))
    if analyze(architecture).params > 15_000_000 and not ALL:
        pytest.skip("large; what else it has is in the tests below")
    model = check(architecture, (1,))
    # onnx's own inference of shapes finds for the last operator of each layer what the analysis says.
    inferred = shape_inference.infer_shapes(model, strict_mode=True)
    shapes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim[1:]]
              for value in inferred.graph.value_info}  # fmt: skip
    last: dict[str, str] = {}
    for node in model.graph.node:
        last[node.name.partition(":")[0]] = node.output[0]
    found = analyze(architecture).by_path
    checked = [path for path in last if path in found and found[path].op != "auxiliary"]
    assert len(checked) > 3
    for path in checked:
        assert shapes[last[path]] == list(found[path].output_shape), path


@settings(max_examples=1000 if ALL else 40)
@given(architectures())
def test_random_networks(architecture: Architecture) -> None:
    analysis_or_skip(architecture)
    check(architecture)


def test_every_kind_and_every_activation_has_a_form() -> None:
    assert set(WRITERS) == set(NODE_KINDS)
    check(everything())
    kinds = [kind for kind in ActivationKind.__args__ if kind != "none"]  # type: ignore[attr-defined]
    check(network(*(Activation(name=kind, kind=kind) for kind in kinds), shape=(4, 8, 8)))


def network(*nodes: Any, shape: tuple[int, int, int]) -> Architecture:
    return Architecture(name="network", input_shape=shape, trunk=Sequence(name="trunk", children=nodes))


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("counts", [True, False])
def test_windows_that_hang_over(kind: str, counts: bool) -> None:
    """Sizes rounded up, padding of one end, TensorFlow's: exporters and runtimes disagree about them."""
    for side in (8, 9, 10, 11):
        for kernel, stride, padding, up in [
            (3, 2, 0, True), (3, 2, 1, True), (2, 2, 0, True), (2, 2, 1, True), (3, 3, 1, True), (4, 3, 2, True),
            (3, 2, 1, False), (3, 2, ((0, 1), (1, 0)), False), (3, 2, "tf_same", False), (5, 4, "tf_same", True),
            ((1, 3), (1, 2), (0, 1), True),
        ]:  # fmt: skip
            pool = Pool(name="pool", kind=kind, kernel_size=kernel, stride=stride, padding=padding, ceil_mode=up,
                        count_include_pad=counts)  # fmt: skip
            check(network(pool, shape=(2, side, side + 1)), (1,))


def test_windows_of_unequal_size_even_windows_over_channels_and_other_corners() -> None:
    for kind in ("max", "avg"):
        for size in ((3, 2), (5, 7), (13, 1), (9, 8)):
            check(network(GlobalPool(name="pool", kind=kind, output_size=size), shape=(2, 9, 8)), (1,))
    for size in (1, 2, 4, 5, 6):
        lrn = LocalResponseNorm(name="lrn", size=size, alpha=0.3, beta=0.6, k=1.5)
        check(network(lrn, shape=(5, 8, 9)))
    check(network(shape=(2, 8, 8)))  # nothing at all
    twice = Sequence(name="same")
    check(network(Parallel(name="double", branches=(twice, Sequence(name="again")), fuse="concat"), shape=(2, 8, 8)))
    check(network(Conv(name="even", out_channels=3, kernel_size=4), shape=(2, 9, 8)))


def test_the_file_says_what_it_is() -> None:
    architecture = replace_name(catalog.get("inception-net-32"), 'a "name"\n<b>&{}')
    preprocessing = Preprocessing(shape=architecture.input_shape, mean=(0.1, 0.2, 0.3), std=(1.0, 0.5, 0.25))
    subject = Subject(
        architecture=architecture, weights=trained(architecture).state_dict(), provenance="trained here",
        classes=tuple(f"class {number}" for number in range(10)), preprocessing=preprocessing,
    )  # fmt: skip
    file = export(subject, "onnx")
    assert file.name == "a-name-b.onnx"
    model = onnx.load_from_string(file.data)
    facts = {each.key: each.value for each in model.metadata_props}
    assert from_json(facts["explorer.design"]) == architecture
    assert json.loads(facts["classes"]) == [f"class {number}" for number in range(10)]
    assert Preprocessing.from_data(json.loads(facts["preprocessing"])) == preprocessing
    assert facts["provenance"] == "trained here"
    assert [each.name for each in model.graph.input] == ["image"]
    assert [each.name for each in model.graph.output] == ["scores"]
    # Operators are found by the paths of their nodes, tensors by the names of the state dict.
    paths = {path for path, _ in walk(architecture)}
    names = {node.name.partition(":")[0] for node in model.graph.node}
    assert names <= {*paths, "scores"}
    weights = {each.name for each in model.graph.initializer if not each.name.startswith("constant:")}
    assert weights == {name for name in subject.weights or () if not name.endswith("num_batches_tracked")}
    assert export(subject, "onnx").data == file.data  # the same bytes again


def replace_name(architecture: Architecture, name: str) -> Architecture:
    return architecture.model_copy(update={"name": name})


def test_without_weights_it_has_the_initial_ones_and_says_so() -> None:
    subject = Subject(architecture=catalog.get("lenet-5"))
    state = torch.get_rng_state()
    first, again = export(subject, "onnx"), export(subject, "onnx")
    assert torch.equal(torch.get_rng_state(), state)
    assert first.data == again.data
    assert first.notes[0].startswith("The weights are random")
    with pytest.raises(ValueError, match="needs weights; export a run or a model"):
        export(subject, "safetensors")


def test_weights_of_another_network_are_refused() -> None:
    subject = Subject(architecture=catalog.get("lenet-5"), weights=build(catalog.get("lenet-5-1998")).state_dict())
    for form in ("onnx", "safetensors", "pt2"):
        with pytest.raises(ValueError, match=r"^the weights are not those of 'LeNet-5.*: [^\n]+$"):
            export(subject, form)


def test_a_file_that_computes_something_else_is_not_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WRITERS, "activation", lambda _w, _node, _path, x: x)
    with pytest.raises(ValueError, match="differ from torch's by "):
        export(Subject(architecture=network(Activation(name="act"), shape=(2, 8, 8))), "onnx")


def test_weights_and_archives_come_back() -> None:
    import io

    import safetensors.torch

    architecture = catalog.get("cifar-inception-residual-cbam")
    weights = trained(architecture).state_dict()
    subject = Subject(architecture=architecture, weights=weights, classes=tuple("abcdefghij"))
    file = export(subject, "safetensors")
    back = safetensors.torch.load(file.data)
    assert back.keys() == weights.keys()
    assert all(torch.equal(back[name], weights[name]) for name in weights)
    build(architecture).load_state_dict(back)
    small = replace(subject, architecture=catalog.get("lenet-5"), weights=trained(catalog.get("lenet-5")).state_dict())
    program = torch.export.load(io.BytesIO(export(small, "pt2").data))
    x = torch.rand(5, 1, 28, 28)
    network = build(catalog.get("lenet-5")).eval()
    network.load_state_dict(small.weights)
    assert torch.allclose(program.module()(x), network(x), atol=1e-6)


def test_every_format_is_named_and_described() -> None:
    for key, form in FORMATS.items():
        assert form.suffix.startswith(".")
        assert form.title
        assert key == key.lower()
        assert form.takes_weights or not form.needs_weights
