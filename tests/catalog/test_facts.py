"""Published and hand-counted numbers of the catalogue's networks, to the last digit where they are exact."""

from __future__ import annotations

import re

import pytest
import torchvision

from explorer import analysis, catalog
from explorer.analysis import Totals, analyze
from explorer.architecture import LINK_PREFIX, Architecture, Conv, Sequence, edit

TOTALS = set(Totals.__slots__) | {"flops", "training_params"}


@pytest.mark.parametrize(
    ("name", "params", "macs", "field", "stride"),
    [
        ("inception-net", 326_122, 1_100_663_296, 43, 4),
        ("inception-net-32", 326_122, 22_465_024, 43, 4),
        ("googlenet-torchvision", 6_624_904, 1_498_376_192, 379, 32),
        ("googlenet", 6_998_552, None, 715, 32),
        ("bn-inception", 11_188_288, 1_934_857_216, 699, 32),
        ("bn-inception-plain", 11_194_984, 2_018_851_840, 699, 32),
        ("inception-v3", 23_834_568, 5_713_216_096, 1311, 32),
        ("inception-v4", 42_679_816, 12_253_974_624, 2071, 32),
        ("inception-resnet-v2", 55_843_464, 13_155_794_016, 3039, 32),
        ("xception", 22_855_952, 8_357_403_496, 1083, 32),
    ],
)
def test_numbers(name: str, params: int, macs: int | None, field: int, stride: int) -> None:
    totals = analyze(catalog.get(name)).totals
    assert totals.params == params
    if macs is not None:
        assert totals.macs == macs
    assert totals.receptive_field.size == (field, field)
    assert totals.receptive_field.stride == (stride, stride)


def test_googlenet_as_published_needs_about_1_58_billion_macs() -> None:
    assert round(analyze(catalog.get("googlenet")).macs / 1e9, 2) == 1.58


@pytest.mark.parametrize(("name", "with_heads"), [("googlenet-torchvision", 13_004_888), ("inception-v3", 27_161_264)])
def test_parameters_with_heads(name: str, with_heads: int) -> None:
    assert analyze(catalog.get(name)).training_params == with_heads


def test_shortest_path_of_googlenet() -> None:
    assert analyze(catalog.get("googlenet")).receptive_field.min_size == (75, 75)


@pytest.mark.parametrize(
    ("endpoint", "field"), [("Mixed_5d", 127), ("Mixed_6a", 159), ("Mixed_6e", 927), ("Mixed_7a", 1055)]
)
def test_endpoints_of_inception_v3(endpoint: str, field: int) -> None:
    """Araujo, Norris & Sim, Distill 2019, table of Inception v3's endpoints."""
    assert analyze(catalog.get("inception-v3")).by_path[endpoint].receptive_field.size == (field, field)


@pytest.mark.parametrize(
    ("entry", "fact"), [(entry, fact) for entry in catalog.entries() for fact in entry.facts if fact.metric in TOTALS]
)
def test_facts_of_the_catalogue(entry: catalog.Entry, fact: catalog.Fact) -> None:
    counted = getattr(analyze(entry.architecture).totals, fact.metric)
    if fact.exact:
        assert counted == fact.value
    else:
        assert abs(counted - fact.value) <= rounding(fact.value), f"{counted:,} is not {fact.value:,} rounded"


def test_facts_from_torchvision_are_its_own() -> None:
    """What a fact says to be in the meta of torchvision's weights is there."""
    checked = 0
    for entry in catalog.entries():
        for fact in entry.facts:
            found = re.match(r"torchvision, (\w+_Weights)\.(\w+)\.meta", fact.source)
            if found is None:
                continue
            meta = torchvision.models.get_weight(f"{found[1]}.{found[2]}").meta
            accuracy = meta["_metrics"]["ImageNet-1K"]
            named = {
                "top1_percent": accuracy["acc@1"], "top5_percent": accuracy["acc@5"], "macs": meta["_ops"] * 1e9,
                "params": meta["num_params"], "training_params": meta["num_params"],
            }  # fmt: skip
            close = pytest.approx(named[fact.metric], rel=1e-9)
            assert fact.value == close or fact.metric in ("params", "training_params"), (entry.name, fact)
            checked += 1
    assert checked > 20


def rounding(value: float) -> float:
    """A published number's tolerance: 6 % for two digits ("1.5 billion"), half a unit of the last digit otherwise."""
    digits = len(f"{value:.6e}".split("e")[0].rstrip("0").replace(".", ""))
    exponent = int(f"{value:e}".split("e")[1])
    return 0.06 * value if digits <= 2 else 0.5001 * 10 ** (exponent - digits + 1)


def test_every_metric_is_known() -> None:
    """A misspelt metric would otherwise never be compared with anything."""
    measured = {"top1_percent", "top5_percent"}
    for entry in catalog.entries():
        for fact in entry.facts:
            assert fact.metric in TOTALS | measured
            assert fact.source


def test_worked_example_of_the_bottleneck() -> None:
    """192 → 128 by 3×3: 221,184 weights; through a 1×1 to 96: 129,024, 42 % fewer."""
    def weights(*layers: Conv) -> int:
        network = Architecture(
            name="example", input_shape=(192, 28, 28), trunk=Sequence(name="trunk", children=layers)
        )
        return sum(layer.weight_params for layer in analyze(network).layers)

    direct = weights(Conv(name="conv", out_channels=128, kernel_size=3))
    reduced = weights(
        Conv(name="reduce", out_channels=96), Conv(name="conv", out_channels=128, kernel_size=3)
    )
    assert (direct, reduced) == (221_184, 129_024)
    assert round(100 * (1 - reduced / direct)) == 42


def test_block_of_288_channels() -> None:
    found = analyze(catalog.inception_block_bn())
    assert found.params == 140_576
    assert found.output_shape == (288, 28, 28)


def test_dilated_stack_sees_more_at_the_same_price() -> None:
    """A 3×3 with dilation 2 reaches as far as a 5×5 and costs 9/25 of it."""
    dilated = catalog.get("dilated-cnn")
    dense = edit.replace(dilated, "conv2", kernel_size=5, dilation=1)
    a, b = analyze(dilated), analyze(dense)
    assert a.receptive_field == b.receptive_field
    assert a.by_path["conv2"].macs * 25 == b.by_path["conv2"].macs * 9


@pytest.mark.parametrize("name", catalog.names())
def test_every_network_works(name: str) -> None:
    assert analysis.problems(catalog.get(name)) == ()


@pytest.mark.parametrize("name", ["inception-net", "googlenet-torchvision", "googlenet-96"])
def test_parameters_do_not_depend_on_the_image(name: str) -> None:
    """Global pooling before the classifier makes it so."""
    architecture = catalog.get(name)
    larger = analyze(architecture, (architecture.input_shape[0], 256, 320))
    assert larger.params == analyze(architecture).params


def test_names_aliases_and_suggestions() -> None:
    assert catalog.get("inception-v1") is catalog.get("googlenet")
    assert catalog.name_of(catalog.get("inception-v3")) == "inception-v3"
    assert catalog.name_of(edit.replace(catalog.get("inception-v3"), "", name="mine")) is None
    with pytest.raises(ValueError, match="did you mean googlenet"):
        catalog.get("googelnet")
    with pytest.raises(ValueError, match=r"has no 'x{58}…"):
        catalog.get("x" * 10_000)
    assert not any(name.startswith(LINK_PREFIX) for name in catalog.names()), "it tells links from names"
