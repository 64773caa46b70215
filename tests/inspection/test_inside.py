"""Feature maps, Grad-CAM, contributions and attributions against the same thing done by hand, and by captum."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from explorer.architecture import Architecture, Auxiliary, Conv, Flatten, GlobalPool, Linear, Parallel, Sequence, walk
from explorer.datasets import CancelledError
from explorer.inspection import branch_paths
from explorer.inspection.attribution import grad_cam, integrated_gradients, occlusion, upsample
from explorer.inspection.contributions import branch_contributions
from explorer.inspection.features import branch_feature_maps, feature_maps, first_filters
from explorer.inspection.hooks import copy_for_hooks
from explorer.inspection.models import Model
from tests.sizes import examples
from tests.strategies import architectures
from tests.training.parts import network as tiny

from .parts import classifier, input_for, model_with, tiny_model

QUICK = settings(max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
BLOCK, BRANCHES = "mixed", ("mixed/ones", "mixed/threes")


def paths_that_run(architecture: Architecture) -> list[str]:
    heads = [path for path, node in walk(architecture) if isinstance(node, Auxiliary)]
    return [path for path, _ in walk(architecture) if not any(path.startswith(f"{head}/") for head in heads)]


def untouched(model: Model) -> bool:
    return not model.network.training and not any(
        each._forward_hooks or each._backward_hooks or each._forward_pre_hooks for each in model.network.modules()
    )


def watched(model: Model, x_BCHW: Tensor) -> tuple[dict[str, Tensor], Tensor, nn.Module]:
    """What every module gives, in a network of its own, with everything derivable."""
    network = copy.deepcopy(model.network).requires_grad_(True)
    seen: dict[str, Tensor] = {}

    def hook(path: str) -> Callable[..., Tensor]:
        def remember(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
            # A copy: what an identity gives is the tensor that it got, which others may use as well.
            seen[path] = output.clone()
            seen[path].retain_grad()
            return seen[path]

        return remember

    for name, module in network.named_modules():
        module.register_forward_hook(hook(name.replace(".", "/")))
    logits = network(x_BCHW.clone().requires_grad_())
    return seen, logits, network


@QUICK
@given(architectures())
def test_features_are_what_hooks_see(architecture: Architecture) -> None:
    model = classifier(architecture)
    x_BCHW = input_for(model)
    seen, _, _ = watched(model, x_BCHW)
    paths = paths_that_run(architecture)
    found = feature_maps(model, x_BCHW[0], paths)
    assert [*found] == paths
    for path, maps in found.items():
        expected = seen[path][0].detach()
        assert torch.equal(maps.values, expected if expected.ndim == 3 else expected[:, None, None]), path
        assert maps.activity[list(maps.channels_by_activity)].tolist() == sorted(maps.activity.tolist(), reverse=True)
    assert untouched(model)


@QUICK
@given(architectures(), st.data())
def test_grad_cam_is_the_gradients_mean_times_the_maps(architecture: Architecture, data: st.DataObject) -> None:
    model = classifier(architecture)
    x_BCHW = input_for(model)
    seen, logits, _ = watched(model, x_BCHW)
    path = data.draw(st.sampled_from(paths_that_run(architecture)))
    index = data.draw(st.integers(0, logits.shape[1] - 1))
    if seen[path].ndim != 4:
        with pytest.raises(ValueError, match="outputs a vector"):
            grad_cam(model, x_BCHW[0], path, index)
        return
    logits[0, index].backward()
    gradient = seen[path].grad
    assert gradient is not None
    expected = (gradient.mean((2, 3), keepdim=True) * seen[path]).sum(1)[0].relu().detach()
    given_map = grad_cam(model, x_BCHW[0], path, index)
    assert torch.allclose(given_map, expected, rtol=1e-4, atol=1e-6)
    assert untouched(model)
    assert all(parameter.grad is None for parameter in model.network.parameters())


class Silenced(nn.Module):
    """A branch that says its mean, built into the block."""

    def __init__(self, branch: nn.Module, mean_C: Tensor | None) -> None:
        super().__init__()
        self.branch, self.mean_C = branch, mean_C

    def forward(self, x: Tensor) -> Tensor:
        output = self.branch(x)
        mean_C = output[0].flatten(1).mean(1) if self.mean_C is None else self.mean_C
        return mean_C.reshape(1, -1, *[1] * (output.ndim - 2)).expand_as(output)


@QUICK
@given(architectures(), st.booleans())
def test_contributions_are_interventions(architecture: Architecture, with_reference: bool) -> None:
    blocks = [
        path for path, node in walk(architecture) if isinstance(node, Parallel) and path in paths_that_run(architecture)
    ]
    assume(blocks)
    model = classifier(architecture)
    x_BCHW, others_BCHW = input_for(model), input_for(model, 3, seed=5)
    seen, logits, _ = watched(model, x_BCHW)
    average, _, _ = watched(model, others_BCHW)
    logits = logits.detach()
    for block in blocks:
        vectors = seen[block].ndim == 2
        reference = others_BCHW if with_reference or vectors else None
        given_ones = branch_contributions(model, x_BCHW[0], block, 0, reference)
        assert tuple(each.path for each in given_ones) == branch_paths(architecture, block)
        for each in given_ones:
            network = copy.deepcopy(model.network)
            parent: Any = network
            *above, name = each.path.split("/")
            for step in above:
                parent = parent._modules[step]
            mean_C = None
            if reference is not None:
                maps = average[each.path]
                mean_C = maps.detach().transpose(0, 1).flatten(1).mean(1)
            parent._modules[name] = Silenced(parent._modules[name], mean_C)
            silenced = network(x_BCHW)
            assert each.logit == pytest.approx(float(logits[0, 0] - silenced[0, 0]), rel=1e-3, abs=1e-4)
            change = logits.softmax(1)[0, 0] - silenced.softmax(1)[0, 0]
            assert each.probability == pytest.approx(float(change), rel=1e-3, abs=1e-5)
        if vectors:
            with pytest.raises(ValueError, match="give reference images"):
                branch_contributions(model, x_BCHW[0], block, 0)
    assert untouched(model)


def test_a_branch_that_says_nothing_contributes_nothing() -> None:
    model = tiny_model()
    threes: Any = model.network._modules["mixed"]._modules["threes"]  # type: ignore[union-attr]
    threes.bn.weight.zero_()
    ones, none = branch_contributions(model, input_for(model)[0], BLOCK, 1)
    assert none.logit == pytest.approx(0, abs=1e-6)
    assert abs(ones.logit) > 1e-3


def test_hooks_of_one_are_not_seen_by_another() -> None:
    """Threads ask one model at once: each gets what it would get alone."""
    model = tiny_model()
    inputs = input_for(model, 4)
    alone = [branch_contributions(model, x, BLOCK, 0) for x in inputs]
    plain = model.logits(inputs)
    wrong: list[str] = []

    def ask(number: int) -> None:
        for _ in range(15):
            if branch_contributions(model, inputs[number], BLOCK, 0) != alone[number]:
                wrong.append("contributions")
            if not torch.equal(model.logits(inputs), plain):
                wrong.append("logits")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert untouched(model)


def test_a_private_network_shares_the_weights() -> None:
    model = tiny_model()
    twin = copy_for_hooks(model.network)
    theirs, ours = dict(model.network.named_parameters()), dict(twin.named_parameters())
    assert theirs.keys() == ours.keys()
    assert all(theirs[key] is ours[key] for key in ours)
    assert all(a is b for a, b in zip(model.network.buffers(), twin.buffers(), strict=True))
    assert not {id(each) for each in twin.modules()} & {id(each) for each in model.network.modules()}


# ---- a second opinion --------------------------------------------------------------------------------------------


def test_captum_has_the_same_integrated_gradients() -> None:
    model = tiny_model()
    x_BCHW = input_for(model)
    given_one = integrated_gradients(model, x_BCHW[0], 2, steps=20, baseline=-0.3)
    theirs = IntegratedGradients(model.network).attribute(
        x_BCHW, torch.full_like(x_BCHW, -0.3), target=2, n_steps=20, method="riemann_middle"
    )
    assert torch.allclose(given_one.values, theirs[0].float(), rtol=1e-3, atol=1e-5)
    assert given_one.values.abs().max() > 0.01
    ends = model.logits(torch.cat([x_BCHW, torch.full_like(x_BCHW, -0.3)]))[:, 2]
    explained = float(given_one.values.sum()) + given_one.completeness_gap
    assert explained == pytest.approx(float(ends[0] - ends[1]), abs=1e-4)
    finer = integrated_gradients(model, x_BCHW[0], 2, steps=400, baseline=-0.3)
    assert abs(finer.completeness_gap) < max(abs(given_one.completeness_gap), 1e-3)


@pytest.mark.parametrize(("window", "stride"), [(4, 4), (5, 3), (3, 1), (12, 12), (20, 7)])
def test_captum_has_the_same_occlusion(window: int, stride: int) -> None:
    model = tiny_model()
    x_BCHW = input_for(model)
    given_one = occlusion(model, x_BCHW[0], 1, window=window, stride=stride, fill=0.2)
    side = min(window, 12)  # captum takes no window larger than the image
    theirs = Occlusion(model.network).attribute(
        x_BCHW, (3, side, side), strides=(3, min(stride, side), min(stride, side)), baselines=0.2, target=1
    )
    assert torch.allclose(given_one.values, theirs[0, 0].float(), rtol=1e-3, atol=1e-5)
    assert given_one.values.abs().max() > 0.001


def test_captum_has_the_same_grad_cam() -> None:
    model = tiny_model()
    x_BCHW = input_for(model)
    theirs = LayerGradCam(model.network, model.network._modules["residual"]).attribute(
        x_BCHW.requires_grad_(), target=3, relu_attributions=True
    )
    ours = grad_cam(model, x_BCHW[0].detach(), "residual", 3)
    assert ours.max() > 0
    assert torch.allclose(ours, theirs[0, 0].detach(), rtol=1e-4, atol=1e-6)
    assert upsample(ours, (12, 12)).shape == (12, 12)


# ---- what a person may do wrong, and stop -------------------------------------------------------------------------


def test_progress_is_told_and_work_can_be_stopped() -> None:
    model = tiny_model()
    x_CHW = input_for(model)[0]
    told: list[tuple[int, int]] = []
    occlusion(model, x_CHW, 0, window=2, stride=1, progress=lambda *done: told.append(done))
    assert told[-1] == (121, 121)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    with pytest.raises(CancelledError):
        occlusion(model, x_CHW, 0, window=2, stride=1, cancel=lambda: True)
    with pytest.raises(CancelledError):
        integrated_gradients(model, x_CHW, 0, cancel=lambda: True)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda model, x: feature_maps(model, x, ["mixed/one"]), "no 'mixed/one'; did you mean mixed/ones"),
        (lambda model, x: feature_maps(model, x, [""]), "no ''"),
        (lambda model, x: feature_maps(model, x, ["mixed/ones/conv"]), "no 'mixed/ones/conv'"),
        (lambda model, x: feature_maps(model, x, ["aux/fc"]), "belongs to the auxiliary head aux"),
        (lambda model, x: branch_feature_maps(model, x, "stem"), "stem has no branches; blocks that have: mixed"),
        (lambda model, x: branch_contributions(model, x, "fc", 0), "has no branches"),
        (lambda model, x: grad_cam(model, x, "fc", 0), "outputs a vector"),
        (lambda model, x: grad_cam(model, x, "stem", 4), "no class '4'; its classes are numbered from 0 to 3"),
        (lambda model, x: grad_cam(model, x, "stem", "dog"), "no class 'dog'"),
        (lambda model, x: occlusion(model, x, 0, window=3, stride=4), "never occluded"),
        (lambda model, x: integrated_gradients(model, x, 0, steps=0), "must be from 1 to 1,000"),
    ],
)
def test_mistakes_are_one_sentence(ask: Callable[[Model, Tensor], object], said: str) -> None:
    model = model_with(tiny(heads=True))
    with pytest.raises(ValueError, match=r".") as caught:
        ask(model, input_for(model)[0])
    assert said in str(caught.value)


def test_branches_side_by_side_and_first_filters() -> None:
    model = tiny_model()
    assert tuple(branch_feature_maps(model, input_for(model)[0], BLOCK)) == BRANCHES
    path, weights = first_filters(model)
    assert (path, tuple(weights.shape)) == ("stem", (8, 3, 3, 3))
    layers = (GlobalPool(name="p"), Flatten(name="f"), Linear(name="l", out_features=2))
    plain = Architecture(name="plain", input_shape=(3, 8, 8), trunk=Sequence(name="trunk", children=layers))
    with pytest.raises(ValueError, match="has no convolution"):
        first_filters(model_with(plain))


def test_the_strongest_unit_is_where_the_map_peaks() -> None:
    maps = feature_maps(tiny_model(), input_for(tiny_model())[0], ["stem"])["stem"]
    row, column = maps.strongest_unit(maps.channels_by_activity[0])
    assert maps.values[maps.channels_by_activity[0], row, column] == maps.values[maps.channels_by_activity[0]].max()
    row, column = maps.strongest_unit(2, range(1, 4), range(2, 5))
    assert 1 <= row < 4
    assert 2 <= column < 5
    assert maps.values[2, row, column] == maps.values[2, 1:4, 2:5].max()
    assert maps.contrast.tolist() == pytest.approx(maps.values.numpy().std((1, 2)).tolist(), rel=1e-4)


def test_convolution_nodes_may_have_any_name() -> None:
    """'forward' and 'training' are attributes of modules; nodes of these names are found all the same."""
    layers = (
        Conv(name="forward", out_channels=2),
        Conv(name="training", out_channels=2),
        GlobalPool(name="children"),
        Flatten(name="modules"),
    )
    odd = Architecture(name="odd", input_shape=(3, 8, 8), trunk=Sequence(name="trunk", children=layers))
    model = model_with(odd)
    assert feature_maps(model, input_for(model)[0], ["forward", "training"])["training"].values.shape == (2, 8, 8)
