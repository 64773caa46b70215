"""A shipped model in 8-bit integers: a file that onnxruntime reads, quick to tell what it costs in accuracy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from explorer import datasets
from explorer.architecture import from_json
from explorer.cli import main
from explorer.cli._running import open_manager
from explorer.inspection.evaluation import evaluate
from explorer.inspection.opening import open_model
from explorer.slimming import QuantisedModel, quantise, read_inputs, time_beside
from tests.inspection.parts import model_with
from tests.sizes import THOROUGH
from tests.slimming.parts import small


@pytest.fixture(scope="module")
def quantised() -> QuantisedModel:
    with open_manager() as manager:
        model = open_model("mnist-inception", manager)
    return quantise(model, read_inputs(model, datasets.load("digits"), "train", 128))


def test_accuracy_stays_and_the_file_is_smaller(quantised: QuantisedModel) -> None:
    data = datasets.load("drawn-digits")
    with open_manager() as manager:
        before = evaluate(open_model("mnist-inception", manager), data, count=200)
    after = evaluate(quantised, data, count=200)
    assert after.accuracy >= before.accuracy - 0.03
    assert len(quantised.data) < 0.7 * quantised.float_bytes
    assert quantised.digest != super(QuantisedModel, quantised).digest


def test_the_file_says_what_it_is_and_another_program_computes_the_same(quantised: QuantisedModel) -> None:
    made = onnx.load_from_string(quantised.data)
    facts = {each.key: each.value for each in made.metadata_props}
    assert json.loads(facts["classes"]) == list(quantised.classes)
    assert from_json(facts["explorer.quantised_from"]) == quantised.architecture
    assert "explorer.design" not in facts  # it no longer computes that design
    weights = {each.name: each.data_type for each in made.graph.initializer}
    convolutions = [each for each in made.graph.node if each.op_type == "Conv"]
    sources = {each.output[0]: each.input[0] for each in made.graph.node if each.op_type == "DequantizeLinear"}
    assert convolutions
    assert all(weights[sources[each.input[1]]] == onnx.TensorProto.INT8 for each in convolutions)
    x_BCHW = np.random.default_rng(0).standard_normal((3, *quantised.architecture.input_shape)).astype(np.float32)
    session = onnxruntime.InferenceSession(quantised.data, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {session.get_inputs()[0].name: x_BCHW})
    assert np.array_equal(quantised.logits(torch.from_numpy(x_BCHW)).numpy(), expected)


def test_both_are_timed_beside_one_another(quantised: QuantisedModel) -> None:
    timed = time_beside(quantised)
    assert timed.runs >= 10
    assert timed.interval[0] <= timed.ratio <= timed.interval[1]


@pytest.mark.parametrize(
    "name",
    ["googlenet", *(pytest.param(name, marks=THOROUGH) for name in ("resnet-50", "densenet-121", "convnext-t"))],
)
def test_networks_of_the_catalogue_are_quantised(name: str) -> None:
    model = model_with(small(name))
    x_BCHW = torch.randn(16, *model.architecture.input_shape, generator=torch.Generator().manual_seed(0))
    made = quantise(model, x_BCHW)
    expected, found = model.logits(x_BCHW), made.logits(x_BCHW)
    assert (found - expected).abs().mean() <= 0.2 * expected.abs().mean()


def test_the_verb_writes_the_file_and_tells_accuracy_size_and_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(tmp_path / "small")
    assert main(["slim", "mnist-inception", "--int8", "--images", "100", "-o", name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [path.name for path in tmp_path.iterdir()] == ["small.onnx"]
    assert told["int8"]["bytes"]["after"] == Path(told["onnx"]).stat().st_size < told["int8"]["bytes"]["before"]
    assert told["accuracy"]["int8"] >= told["accuracy"]["before"] - 0.05
    assert told["int8"]["latency_seconds"]["after"] > 0
