"""Every convention's total against what the tool itself prints, with its rules for torch's standard modules."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torchinfo
import torchvision
from fvcore.nn import FlopCountAnalysis
from hypothesis import assume, given, settings
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from explorer import catalog
from explorer.analysis import problems
from explorer.architecture import Architecture
from explorer.modules import build
from explorer.modules._containers import ParallelBlock
from explorer.profiling import CONVENTIONS, count_by_convention, reconcile_counts
from tests.profiling.networks import everything
from tests.sizes import THOROUGH, examples
from tests.strategies import architectures

FUNCTIONS: dict[type[nn.Module], str] = {
    nn.ReLU: "relu",
    nn.ReLU6: "relu6",
    nn.LeakyReLU: "leaky_relu",
    nn.ELU: "elu",
    nn.GELU: "gelu",
    nn.SiLU: "silu",
    nn.Mish: "mish",
    nn.Hardswish: "hardswish",
    nn.Sigmoid: "sigmoid",
    nn.Hardsigmoid: "hardsigmoid",
    nn.Tanh: "tanh",
}


class Function(nn.Module):
    """An activation or a pool as torchvision writes them: a call of a function."""

    def __init__(self, name: str, **settings: Any) -> None:
        super().__init__()
        self.name = name
        self.settings = settings

    def forward(self, x: Tensor) -> Tensor:
        return getattr(nn.functional, self.name)(x, **self.settings)  # looked up late: tools replace it meanwhile


def network(architecture: Architecture) -> nn.Module:
    """What a user would hand to the tools, but on the meta device."""
    return build(architecture, device="meta").eval()


_POOLS = {
    nn.MaxPool2d: ("max_pool2d", ("kernel_size", "stride", "padding", "ceil_mode")),
    nn.AvgPool2d: ("avg_pool2d", ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")),
}


def rewritten(architecture: Architecture, pools: bool = False) -> nn.Module:
    """The same with activations as functions, and with ``pools`` also the pools in the branches of blocks."""
    model = network(architecture)
    modules = dict(model.named_modules())
    blocks = tuple(f"{name}." for name, module in modules.items() if isinstance(module, ParallelBlock))
    for name, child in modules.items():
        above, _, key = name.rpartition(".")
        if type(child) in FUNCTIONS:
            modules[above]._modules[key] = Function(FUNCTIONS[type(child)])
        elif pools and type(child) in _POOLS and name.startswith(blocks):
            function, settings = _POOLS[type(child)]
            modules[above]._modules[key] = Function(function, **{each: getattr(child, each) for each in settings})
    return model


def image(architecture: Architecture) -> Tensor:
    return torch.zeros(1, *architecture.input_shape, device="meta")


def on_cpu(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    """The same with memory, for tools that need it; what is in it does not matter."""
    return model.to_empty(device="cpu"), torch.zeros(x.shape)


def by_fvcore(model: nn.Module, x: Tensor) -> int:
    model, x = on_cpu(model, x)  # tracing does not work on the meta device
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer
        return int(FlopCountAnalysis(model, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


@pytest.fixture(scope="module")
def by_thop() -> Callable[[nn.Module, Tensor], int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports distutils
        thop = pytest.importorskip(
            "thop", reason="thop needs distutils, which Python 3.12 dropped; setuptools brings it", exc_type=ImportError
        )
    return lambda model, x: int(thop.profile(model, (x,), verbose=False)[0])


def by_ptflops(model: nn.Module, x: Tensor) -> int:
    model, x = on_cpu(model, x)  # on the meta device a linear layer calls functions that ptflops counts once more
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ptflops import get_model_complexity_info

        count, _ = get_model_complexity_info(
            model, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False, ost=io.StringIO(),
            input_constructor=lambda shape: x,
        )  # fmt: skip
    assert count is not None
    return int(count)


def by_flopcounter(model: nn.Module, x: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        model(x)
    return counter.get_total_flops()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger = logging.getLogger("fvcore")
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)


def totals(architecture: Architecture) -> dict[str, int]:
    found = count_by_convention(architecture)
    assert [count.key for count in found] == list(CONVENTIONS)
    for count in found:
        assert all(item.value and item.label and item.convention for item in count.items)
    return {count.key: count.total for count in found}


def check(architecture: Architecture, by_thop: Callable[[nn.Module, Tensor], int]) -> None:
    ours, x = totals(architecture), image(architecture)
    theirs = {
        "flops": by_flopcounter(network(architecture), x),
        "torchinfo": reconcile_counts(architecture)["mult_adds"].theirs,
        "fvcore": by_fvcore(network(architecture), x),
        "thop": by_thop(network(architecture), x),
        "thop_functions": by_thop(rewritten(architecture, pools=True), x),
        "ptflops_modules": by_ptflops(network(architecture), x),
        "ptflops": by_ptflops(rewritten(architecture), x),
        "ptflops_functions": by_ptflops(rewritten(architecture, pools=True), x),
    }
    assert {key: ours[key] for key in theirs} == theirs


# The large ones are run by seven tools each, layer by layer; two of them come in torchvision's own code below.
SMALL = ("dilated-cnn", "inception-a-mnist", "residual-mnist", "inception-net-32", "cifar-inception-residual-cbam")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in SMALL else THOROUGH) for name in catalog.names()]
)
def test_the_catalogue(name: str, by_thop: Callable[[nn.Module, Tensor], int]) -> None:
    check(catalog.get(name), by_thop)


def test_every_node_kind(by_thop: Callable[[nn.Module, Tensor], int]) -> None:
    check(everything(), by_thop)


@settings(max_examples=examples(30))
@given(architectures())
def test_random_networks(by_thop: Callable[[nn.Module, Tensor], int], architecture: Architecture) -> None:
    assume(not problems(architecture))
    check(architecture, by_thop)


NUMBERS = {
    "ours": 1_498_376_192,
    "flops": 2_996_752_384,
    "torchinfo": 1_498_391_752,
    "fvcore": 1_504_878_688,
    "thop": 1_511_332_032,
    "ptflops": 1_513_907_448,
    "torchvision": 1_498_376_192,
}


def test_the_numbers_that_people_quote_of_googlenet() -> None:
    ours = totals(catalog.get("googlenet-torchvision"))
    assert {key: ours[key] for key in NUMBERS} == NUMBERS


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_torchvisions_own_code(name: str, by_thop: Callable[[nn.Module, Tensor], int]) -> None:
    """Not our modules: the class that people run these tools on, and the number that torchvision publishes."""
    architecture = catalog.get({"googlenet": "googlenet-torchvision", "inception_v3": "inception-v3"}[name])

    def model() -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with torch.device("meta"):
                made = torchvision.models.get_model(name, weights=None, aux_logits=True, init_weights=False)
        return made.eval()

    ours, x = totals(architecture), image(architecture)
    assert by_flopcounter(model(), x) == ours["flops"]
    assert torchinfo.summary(model(), input_data=x, device="meta", verbose=0).total_mult_adds == ours["torchinfo"]
    assert by_fvcore(model(), x) == ours["fvcore"]
    way = "_functions" if name == "inception_v3" else ""  # it pools in its blocks by functions, GoogLeNet by modules
    assert by_thop(model(), x) == ours[f"thop{way}"]
    assert by_ptflops(model(), x) == ours[f"ptflops{way}"]
    published = torchvision.models.get_model_weights(name).DEFAULT.meta["_ops"]
    assert round(ours["torchvision"] / 1e9, 3) == published
