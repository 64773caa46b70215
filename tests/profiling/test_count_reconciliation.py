"""The identity ours + items = theirs, held against what the tools really report."""

from __future__ import annotations

import json

import pytest
import torch
import torchinfo
from hypothesis import assume, given, settings
from torch.utils.flop_counter import FlopCounterMode

from explorer import catalog
from explorer.analysis import analyze, problems
from explorer.architecture import (
    Architecture,
    ArchitectureError,
    Auxiliary,
    Conv,
    Flatten,
    GlobalPool,
    Parallel,
    Residual,
    Sequence,
)
from explorer.modules import build
from explorer.profiling import CountReconciliation, NodeCounts, reconcile_counts
from tests.networks import EACH_NETWORK
from tests.profiling.networks import edited, everything
from tests.sizes import examples
from tests.strategies import architectures


def check(reading: CountReconciliation, architecture: Architecture) -> None:
    for comparison in reading.comparisons:
        assert comparison.explained == comparison.theirs, comparison
        assert all(item.value and item.label and item.convention for item in comparison.items)
    ours = analyze(architecture)
    columns = {name: sum(getattr(row, name) for row in reading.rows) for name in NodeCounts._fields[2:]}
    assert columns == {
        "params": ours.params,
        "torchinfo_params": reading["params"].theirs,
        "macs": ours.macs,
        "torchinfo_mult_adds": reading["mult_adds"].theirs,
        "flopcounter_flops": reading["flops"].theirs,
    }
    for row in reading.rows:
        assert row.flopcounter_flops == 2 * row.macs, row
        assert row.torchinfo_mult_adds >= row.macs, row
        if row.op != "auxiliary":
            assert row.torchinfo_params == row.params, row


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_every_difference_is_explained_for_the_catalogue(name: str) -> None:
    check(reconcile_counts(catalog.get(name)), catalog.get(name))


def test_every_node_kind() -> None:
    reading = reconcile_counts(everything())
    check(reading, everything())
    labels = {item.label for comparison in reading.comparisons for item in comparison.items}
    assert len(labels) == 16  # every item that the ledger knows occurs


@settings(max_examples=examples(150))
@given(edited())
def test_every_difference_is_explained_after_random_edits(architecture: Architecture) -> None:
    check(reconcile_counts(architecture), architecture)


@settings(max_examples=examples(150))
@given(architectures())
def test_every_difference_is_explained_for_random_networks(architecture: Architecture) -> None:
    assume(not problems(architecture))
    check(reconcile_counts(architecture), architecture)


def test_known_numbers() -> None:
    reading = reconcile_counts(catalog.get("googlenet-torchvision"))
    assert reading["mult_adds"].ours == 1_498_376_192
    assert reading["mult_adds"].theirs == 1_498_391_752
    assert {item.label: item.value for item in reading["mult_adds"].items} == {
        "biases of linear layers": 1_000,
        "batch normalisation": 14_560,
    }
    assert reading["params"].theirs == 13_004_888
    assert reading["flops"].theirs == 2_996_752_384


def test_another_input_shape() -> None:
    reading = reconcile_counts(catalog.get("googlenet-torchvision"), (3, 96, 96))
    assert reading.input_shape == (3, 96, 96)
    assert reading.exact
    assert reading["mult_adds"].ours < 300_000_000


@pytest.mark.parametrize("architecture", [catalog.get("inception-net-32"), everything()], ids=lambda a: a.name)
def test_the_tools_as_anyone_would_call_them_say_the_same(architecture: Architecture) -> None:
    """With weights, on the CPU, without our way of calling them."""
    network = build(architecture).eval()
    image = torch.zeros(1, *architecture.input_shape)
    for module in network.modules():  # torchinfo stumbles over a child that is named like an attribute it reads
        if "kernel_size" in module._modules:
            module.__dict__["kernel_size"] = 0
    statistics = torchinfo.summary(network, input_data=image, device="cpu", verbose=0)
    with FlopCounterMode(display=False) as counter:
        network(image)
    reading = reconcile_counts(architecture)
    assert reading["params"].theirs == statistics.total_params
    assert reading["mult_adds"].theirs == statistics.total_mult_adds
    assert reading["pass_bytes"].theirs == statistics.total_output_bytes
    assert reading["param_bytes"].theirs == statistics.total_param_bytes
    assert reading["flops"].theirs == counter.get_total_flops()


@pytest.mark.parametrize(
    "name", ["kernel_size", "training", "forward", "weight", "scores", "fuse", "body_name", "scale", "parameters"]
)
def test_a_node_may_be_called_like_an_attribute_of_a_module(name: str) -> None:
    conv = Conv(name=name, out_channels=3)
    for node in (
        conv,
        Sequence(name="x", children=(conv,)),
        Parallel(name="x", branches=(conv, Conv(name="other", out_channels=3))),
        Residual(name="x", body=conv),
        Auxiliary(name="x", children=(GlobalPool(name="pool"), Flatten(name=name))),
    ):
        trunk = Sequence(name="trunk", children=(node, Conv(name="end", out_channels=4)))
        architecture = Architecture(name="names", input_shape=(3, 8, 8), trunk=trunk)
        check(reconcile_counts(architecture), architecture)
        network = build(architecture)
        network(torch.zeros(2, 3, 8, 8))
        assert not network.eval().training


def test_plain_data() -> None:
    data = json.loads(json.dumps(reconcile_counts(everything()).to_data()))
    assert data["exact"] is True
    for comparison in data["comparisons"]:
        assert comparison["ours"] + sum(item["value"] for item in comparison["items"]) == comparison["theirs"]


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(KeyError, match="mult_adds"):
        reconcile_counts(catalog.get("dilated-cnn"))["multadds"]


def test_layers_that_do_not_fit_are_our_error() -> None:
    with pytest.raises(ArchitectureError, match="window"):
        reconcile_counts(catalog.get("googlenet"), (3, 8, 8))
