"""Networks beside one another: columns that add up, differences, marks, alignment."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given, settings

from explorer import catalog
from explorer.analysis import METRICS, analyze, depth, problems
from explorer.architecture import Architecture, ArchitectureError, Sequence, edit
from explorer.comparison import HEAD, Part, compare, find_stages
from tests.sizes import examples
from tests.strategies import architectures

ADDED_UP = ("params", "macs", "training_bytes")


def check_stages(architecture: Architecture) -> None:
    analysis = analyze(architecture)
    found = find_stages(architecture, analysis)
    for metric in ADDED_UP:
        assert sum(getattr(stage, metric) for stage in found) == getattr(analysis.totals, metric)
        for stage in found:
            assert sum(getattr(block, metric) for block in stage.blocks) == getattr(stage, metric)
            for block in stage.blocks:
                assert sum(getattr(branch, metric) for branch in block.branches) <= getattr(block, metric)
    keys = [stage.key for stage in found]
    assert len(set(keys)) == len(keys)
    if found:
        assert found[-1].output_shape == analysis.totals.output_shape


@pytest.mark.parametrize("name", catalog.names())
def test_stages_of_the_catalogue_add_up(name: str) -> None:
    check_stages(catalog.get(name))


@settings(max_examples=examples(200))
@given(architectures())
def test_stages_of_random_networks_add_up(architecture: Architecture) -> None:
    assume(not problems(architecture))
    check_stages(architecture)


def test_networks_of_different_sizes_meet_at_their_strides() -> None:
    found = compare([catalog.get("googlenet"), catalog.get("inception-v3"), catalog.get("cifar-inception")])
    assert [aligned.label for aligned in found.stages] == [
        "stride 2", "stride 4", "stride 8", "stride 16", "stride 32", "head",
    ]  # fmt: skip
    assert found.stages[-1].key == HEAD
    shapes = [[stage and stage.output_shape for stage in aligned.stages] for aligned in found.stages]
    assert shapes[2] == [(480, 28, 28), (288, 35, 35), (352, 4, 4)]
    assert shapes[3] == [(832, 14, 14), (768, 17, 17), None]


def test_features_in_a_sequence_are_cut_too() -> None:
    network = catalog.get("googlenet")
    inner = [node for node in network.trunk.nodes if node.op != "auxiliary"]
    wrapped = Sequence(name="features", children=tuple(inner[:-4]))
    packed = edit.replace(network, "", trunk=Sequence(name="trunk", children=(wrapped, *inner[-4:])))
    found, plain = find_stages(packed, analyze(packed)), find_stages(network, analyze(network))
    assert [(stage.label, stage.params, stage.macs) for stage in found] == [
        (stage.label, stage.params, stage.macs) for stage in plain
    ]
    branches = [block for block in found[2].blocks if block.branches]
    assert branches[0].branches[0].path == "features/inception_3a/branch_1x1"


def test_a_branch_has_the_field_of_its_own_path() -> None:
    network = catalog.get("googlenet")
    third = next(stage for stage in find_stages(network, analyze(network)) if stage.label == "stride 8")
    block = next(block for block in third.blocks if block.path == "inception_3a")
    assert [branch.receptive_field for branch in block.branches] == [(27, 27), (43, 43), (59, 59), (43, 43)]
    assert block.receptive_field == (59, 59)


def test_an_identity_branch_has_what_comes_in() -> None:
    network = edit.insert(catalog.get("googlenet"), "inception_3a", Sequence(name="pass"))
    third = next(stage for stage in find_stages(network, analyze(network)) if stage.label == "stride 8")
    block = next(block for block in third.blocks if block.path == "inception_3a")
    empty = next(branch for branch in block.branches if branch.path.endswith("/pass"))
    assert empty == Part(
        path="inception_3a/pass", amounts={"params": 0, "macs": 0, "training_bytes": 0}, output_shape=(192, 28, 28),
        receptive_field=(27, 27), shortest=block.shortest,
    )  # fmt: skip


def test_cells() -> None:
    found = compare([catalog.get("googlenet"), catalog.get("googlenet-torchvision"), catalog.get("googlenet")])
    rows = {row.metric.key: row.cells for row in found.rows}
    assert list(rows) == list(METRICS)
    macs = rows["macs"]
    assert [cell.value for cell in macs] == [1_582_671_872, 1_498_376_192, 1_582_671_872]
    assert [cell.difference for cell in macs] == [0, -84_295_680, 0]
    assert macs[1].percent == pytest.approx(-5.3261, abs=1e-3)
    assert [cell.best for cell in macs] == [False, True, False]
    assert not any(cell.best for cell in rows["receptive_field"])  # more is not better, nor is less
    assert [cell.value for cell in rows["depth"]] == [22, 22, 22]
    assert found.labels == ("GoogLeNet (1)", "GoogLeNet (torchvision)", "GoogLeNet (2)")


def test_equal_networks_have_no_best() -> None:
    found = compare([catalog.get("googlenet")] * 2)
    assert not any(cell.best for row in found.rows for cell in row.cells)


def test_from_nothing_there_is_no_percentage() -> None:
    found = compare([catalog.get("cifar-inception"), catalog.get("googlenet")])
    cell = next(row.cells[1] for row in found.rows if row.metric.key == "auxiliary_params")
    assert (cell.difference, cell.percent) == (6_379_728, None)


@pytest.mark.parametrize(("name", "layers"), [("googlenet", 22), ("inception-v3", 48), ("dilated-cnn", 5)])
def test_depth_as_people_say_it(name: str, layers: int) -> None:
    assert depth(catalog.get(name).trunk) == layers


def test_limits() -> None:
    network = catalog.get("residual-mnist")
    with pytest.raises(ValueError, match="1 to 4 networks, not 5"):
        compare([network] * 5)
    with pytest.raises(ValueError, match="1 to 4 networks, not 0"):
        compare([])
    with pytest.raises(ArchitectureError, match="window"):
        compare([network, edit.replace(catalog.get("googlenet"), "", input_shape=(3, 8, 8))])


def test_plain_data() -> None:
    data = json.loads(json.dumps(compare([catalog.get("googlenet"), catalog.get("cifar-inception")]).to_data()))
    assert data["networks"] == ["GoogLeNet", catalog.get("cifar-inception").name]
    assert data["stages"][3]["networks"][1] is None
    assert data["stages"][2]["networks"][0]["blocks"][1]["branches"][0]["path"] == "inception_3a/branch_1x1"
