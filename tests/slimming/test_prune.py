"""Pruned networks are the networks before with those channels at zero, fit together, and cost what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import METRICS, analyze
from explorer.architecture import (
    Activation,
    Architecture,
    Attention,
    ChannelShuffle,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    LocalResponseNorm,
    Norm,
    Parallel,
    Pool,
    Residual,
    Scale,
    Sequence,
    Slice,
    edit,
    walk,
)
from explorer.modules import Network
from explorer.slimming import LATENCY, Budget, Slimmed, _by_latency, prune
from tests.sizes import THOROUGH
from tests.slimming.parts import random_network, small
from tests.strategies import analysis_or_skip, architectures

SAMPLE = ("efficientnet-b0", "googlenet")
NOT_ZERO_AT_ZERO = ("sigmoid", "hard_sigmoid")


def conv(name: str, out_channels: Any = 8, **fields: Any) -> Conv:
    return Conv(name=name, out_channels=out_channels, **{"kernel_size": 3, "norm": "batch", **fields})


def network(*layers: Any, shape: tuple[int, int, int] = (3, 8, 8)) -> Architecture:
    ending = (GlobalPool(name="pool"), Flatten(name="flatten"), Linear(name="fc", out_features=3))
    return Architecture(name="one", input_shape=shape, trunk=Sequence(name="trunk", children=(*layers, *ending)))


def assert_is_the_network_with_zeros(trained: Network, slimmed: Slimmed) -> None:
    """By hooks on the network before: what leaves a layer's activation is zero where a channel was taken out.

    Where columns of the next layer were taken out wrongly, or rows in another order, the scores differ.
    """
    modules = dict(trained.named_modules())

    def silence(channels: tuple[int, ...]) -> Any:
        def hook(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
            output = output.clone()
            output[:, list(channels)] = 0
            return output

        return hook

    handles = []
    for path, channels in slimmed.removed.items():
        node = None if path.endswith("/shortcut") else edit.find(slimmed.before, path)
        module = modules[path.replace("/", ".")]
        if node is not None and node.op == "attention":
            module = module.reduce
        handles.append(module.register_forward_hook(silence(channels)))
    x_BCHW = torch.randn(2, *slimmed.before.input_shape, generator=torch.Generator().manual_seed(3)).double()
    with torch.no_grad():
        expected, found = trained.double()(x_BCHW), slimmed.network.double()(x_BCHW)
    for handle in handles:
        handle.remove()
    if expected.isfinite().all():
        assert (found - expected).abs().max() <= 1e-6 * max(1.0, float(expected.abs().max()))


def without_sigmoids(architecture: Architecture) -> Architecture:
    """A sigmoid turns zero into a half, and a sum with a repeated branch zero into another number."""

    def visit(node: Any) -> Any:
        fields: dict[str, Any] = {}
        for name in ("activation", "kind"):
            if getattr(node, name, None) in NOT_ZERO_AT_ZERO:
                fields[name] = "tanh"
        if isinstance(node, Parallel) and node.fuse == "add":
            fields["fuse"] = "multiply"
        node = node.model_copy(update=fields)
        return node.with_nodes(tuple(map(visit, node.nodes))) if node.child_field else node

    return architecture.model_copy(update={"trunk": visit(architecture.trunk)})


@given(architecture=architectures(), by=st.sampled_from(["l1", "l2"]), share=st.sampled_from([0.95, 0.7, 0.4]))
def test_random_networks_are_cut_where_they_may_be(architecture: Architecture, by: Any, share: float) -> None:
    architecture = without_sigmoids(architecture)
    analysis_or_skip(architecture)
    trained = random_network(architecture)
    try:
        slimmed = prune(architecture, trained, Budget(metric="params", target=share), by=by, minimum=0)
    except ValueError:
        return  # too much of it must stay
    assert slimmed.proof.holds
    assert_is_the_network_with_zeros(trained, slimmed)
    assert slimmed.params[1] <= share * slimmed.params[0]
    assert [(path, node.op) for path, node in walk(slimmed.architecture)] == [
        (path, node.op) for path, node in walk(architecture)
    ]


@pytest.mark.parametrize(
    "name", [name if name in SAMPLE else pytest.param(name, marks=THOROUGH) for name in catalog.names()]
)
def test_the_catalogue_is_pruned(name: str) -> None:
    architecture = small(name)
    trained = random_network(architecture)
    try:
        slimmed = prune(architecture, trained, Budget(metric="macs", target=0.7), minimum=0.02)
    except ValueError:  # too small, or too much of it must stay
        if name in SAMPLE:
            raise
        return
    assert slimmed.proof.holds
    assert_is_the_network_with_zeros(trained, slimmed)
    assert slimmed.macs[1] <= 0.7 * slimmed.macs[0]
    classes = analyze(architecture).totals.output_shape
    assert analyze(slimmed.architecture).totals.output_shape == classes


COUPLED: dict[str, tuple[Any, ...]] = {
    "concat of concats": (
        Parallel(name="a", branches=(conv("x"), Parallel(name="y", branches=(conv("p", 4), conv("q", 6))))),
        conv("last"),
    ),
    "dense": (
        conv("stem"),
        Parallel(name="a", branches=(Sequence(name="keep"), conv("new", 4))),
        Parallel(name="b", branches=(Sequence(name="keep"), conv("new", 4))),
        conv("last", 6, kernel_size=1),
    ),
    "residual": (
        conv("stem"), Residual(name="r", body=Sequence(name="body", children=(conv("a", 12), conv("b")))), conv("last"),
    ),
    "projection": (
        conv("stem", 4), Residual(name="r", body=conv("body", 10, stride=2), shortcut="projection", norm="batch"),
        Residual(name="s", body=conv("body", 10)),
    ),
    "sum of concats": (
        conv("stem"),
        Parallel(
            name="sum", fuse="add", branches=(
                Parallel(name="c", branches=(conv("a", 3), conv("b", 5))), conv("d", 8),
            ),
        ),
        conv("last"),
    ),
    "gate": (
        conv("stem"),
        Parallel(
            name="gate", fuse="multiply", branches=(
                Sequence(name="keep"),
                Sequence(name="weights", children=(
                    GlobalPool(name="pool"), conv("reduce", 2, kernel_size=1, norm="none"),
                    conv("expand", 8, kernel_size=1, norm="none", activation="sigmoid"),
                )),
            ),
        ),
        conv("last"),
    ),
    "gate of one channel": (
        conv("stem"),
        Parallel(name="g", fuse="multiply", branches=(conv("x"), conv("one", 1, activation="sigmoid"))),
        conv("last"),
    ),
    "attention": (conv("stem", 16), Attention(name="se", reduction=4), conv("last")),
    "groups": (conv("stem", 16), conv("grouped", 24, groups=8), conv("last")),
    "depthwise": (conv("stem"), conv("deep", "same", groups="depthwise"), conv("wide", 24, groups="depthwise")),
    "group norm": (conv("stem", 12, norm="group", norm_groups=4), Norm(name="n", kind="group", groups=6), conv("last")),
    "shuffle": (
        conv("stem", 12), ChannelShuffle(name="mix", groups=3), conv("grouped", 12, groups=4),
        ChannelShuffle(name="same", groups=12), conv("last"),
    ),
    "split": (
        conv("stem", 12),
        Parallel(name="split", branches=(
            Slice(name="left", stop=6), Sequence(name="right", children=(Slice(name="s", start=6), conv("c", 6))),
        )),
        ChannelShuffle(name="mix", groups=2), conv("last"),
    ),
    "flatten": (
        conv("stem", 6), Norm(name="n"), Scale(name="s", bias=True), Activation(name="act"), Pool(name="p", stride=2),
        Flatten(name="early"), Linear(name="hidden", out_features=12, activation="relu"), Scale(name="t"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", COUPLED)
def test_channels_that_hang_together_go_together(kind: str) -> None:
    architecture = network(*COUPLED[kind])
    if kind == "flatten":
        architecture = edit.remove(edit.remove(architecture, "pool"), "flatten")
    trained = random_network(architecture)
    slimmed = prune(architecture, trained, Budget(metric="params", target=0.6), minimum=0)
    assert slimmed.removed
    assert slimmed.proof.holds
    assert_is_the_network_with_zeros(trained, slimmed)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (LocalResponseNorm(name="odd"), "odd normalises over neighbouring channels"),
        (Norm(name="odd", kind="layer"), "odd normalises over all channels of a place"),
        (Attention(name="odd", kind="cbam", reduction=2), "odd takes the maximum and the mean"),
        (Attention(name="odd", kind="eca"), "odd mixes neighbouring channels"),
    ],
)
def test_what_mixes_channels_stays_whole_and_is_named(layer: Any, reason: str) -> None:
    architecture = network(conv("stem", 8), layer, conv("last", 20))
    trained = random_network(architecture)
    slimmed = prune(architecture, trained, Budget(metric="params", target=0.7))
    assert "stem" not in slimmed.removed
    assert any(note.startswith("8 channels stay whole") and reason in note for note in slimmed.notes)
    assert_is_the_network_with_zeros(trained, slimmed)


# ---- importance and budget ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["bn", "l1", "l2"])
def test_the_least_important_go_first(by: Any) -> None:
    architecture = network(conv("stem", 10), conv("last", 10))
    trained = random_network(architecture)
    state = trained.state_dict()
    weak = [1, 4, 7]
    if by == "bn":
        state["stem.bn.weight"][weak] = 1e-3
    else:
        state["stem.conv.weight"][weak] *= 1e-3
    slimmed = prune(architecture, trained, Budget(metric="params", target=0.8), by=by)
    assert set(weak) <= set(slimmed.removed["stem"])


def test_each_layer_keeps_a_share_of_its_channels() -> None:
    architecture = network(conv("stem", 10), conv("last", 10))
    trained = random_network(architecture)
    trained.state_dict()["stem.conv.weight"][:] *= 1e-6
    whole = analyze(architecture).params
    slimmed = prune(architecture, trained, Budget(metric="params", target=0.5), minimum=0.4)
    assert len(slimmed.removed["stem"]) <= 6
    with pytest.raises(ValueError, match=r"with 90 % of each layer's channels kept it still has"):
        prune(architecture, trained, Budget(metric="params", target=whole // 2), minimum=0.9)


@pytest.mark.parametrize("metric", ["macs", "params", "inference_bytes", "training_bytes"])
def test_a_budget_is_met_by_the_fewest_sets(metric: str) -> None:
    """One set of channels more would be too much, and that is told."""
    architecture = small("inception-net")
    target = 0.75 * METRICS[metric].read(architecture, analyze(architecture))
    slimmed = prune(architecture, random_network(architecture), Budget(metric=metric, target=target), minimum=0.02)
    cost, one_more = (int(word.replace(",", "").split(" ")[0]) for word in (
        slimmed.notes[1], slimmed.notes[1].rpartition("it would be ")[2],
    ))  # fmt: skip
    assert cost == METRICS[metric].read(slimmed.architecture, analyze(slimmed.architecture)) <= target < one_more


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads that wait for one another take any time on a busy machine."""
    monkeypatch.setattr(_by_latency, "_PROBE_SECONDS", 0.1)
    monkeypatch.setattr(_by_latency, "_LAST_SECONDS", 0.3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_a_budget_of_latency_is_met_by_the_whole_interval() -> None:
    architecture = network(conv("stem", 96), conv("middle", 96), conv("last", 96), shape=(3, 16, 16))
    trained = random_network(architecture)
    slimmed = prune(architecture, trained, Budget(metric=LATENCY, target=0.7))
    assert slimmed.timed
    low, high = slimmed.timed.interval
    assert low <= slimmed.timed.ratio <= high <= 0.7
    assert slimmed.macs[1] < 0.9 * slimmed.macs[0]
    assert any(slimmed.timed.describe() in note for note in slimmed.notes)
    assert_is_the_network_with_zeros(trained, slimmed)
    with pytest.raises(ValueError, match=r"takes .* times as long .* not wholly within 1 %; ask for less"):
        prune(architecture, trained, Budget(metric=LATENCY, target=0.01), minimum=0.9)


@pytest.mark.parametrize(
    ("text", "metric", "target"),
    [("latency=80%", "latency", 0.8), ("macs=0.7", "macs", 0.7), ("params = 500k", "params", 500_000),
     ("macs=70%", "macs", 0.7), ("inference_bytes=1.5M", "inference_bytes", 1_500_000)],
)  # fmt: skip
def test_budgets_as_they_are_typed(text: str, metric: str, target: float) -> None:
    assert Budget.parse(text) == Budget(metric=metric, target=target)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("macs", "METRIC=NUMBER"), ("mcas=0.7", r"did you mean macs\?"), ("depth=3", "there is no budget"),
        ("macs=-1", "must be above 0"), ("macs=0", "must be above 0"), ("latency=2", "must be a share of the time"),
        ("macs=nan", "must be a whole number"),
        ("macs=many", "must be a whole number"), ("params=1kk", "must be a whole number"),
    ],
)  # fmt: skip
def test_budgets_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Budget.parse(text)


def test_what_cannot_be_asked_is_refused() -> None:
    architecture = network(conv("stem", norm="none"))
    trained = random_network(architecture)
    with pytest.raises(ValueError, match="has no batch norm by which"):
        prune(architecture, trained, Budget(metric="macs", target=0.7), by="bn")
    with pytest.raises(ValueError, match="the budget of 1,000,000 is met"):
        prune(architecture, trained, Budget(metric="params", target=1_000_000))
    with pytest.raises(ValueError, match="known: bn, l1, l2"):
        prune(architecture, trained, Budget(metric="macs", target=0.7), by="l3")  # type: ignore[arg-type]
