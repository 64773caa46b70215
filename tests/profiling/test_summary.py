"""torchinfo's summary as text and as rows."""

from __future__ import annotations

import json
import resource
from concurrent.futures import ThreadPoolExecutor

import pytest

from explorer import catalog
from explorer.architecture import Architecture, ArchitectureError, Flatten, Linear, Sequence, walk
from explorer.profiling import summarize
from tests.profiling.networks import everything


@pytest.mark.parametrize("depth", [None, 1, 2, 3])
@pytest.mark.parametrize("architecture", [catalog.get("googlenet"), everything()], ids=lambda a: a.name)
def test_rows_add_up_to_the_totals(architecture: Architecture, depth: int | None) -> None:
    reading = summarize(architecture, depth=depth)
    assert sum(row.params for row in reading.rows) == reading.total_params
    assert sum(row.mult_adds for row in reading.rows) == reading.total_mult_adds
    assert depth is None or max(row.depth for row in reading.rows) == depth


def test_rows_carry_our_names() -> None:
    architecture = catalog.get("googlenet-torchvision")
    reading = summarize(architecture)
    rows = {row.path: row for row in reading.rows}
    reduce = rows["inception_3a/branch_3x3/reduce/conv"]
    assert reduce.node == "inception_3a/branch_3x3/reduce"
    assert (reduce.kind, reduce.params, reduce.mult_adds) == ("Conv2d", 96 * 192, 96 * 192 * 28 * 28)
    assert (reduce.input_size, reduce.output_size, reduce.kernel_size) == ((1, 192, 28, 28), (1, 96, 28, 28), (1, 1))
    heads = {path for path, node in walk(architecture) if node.op == "auxiliary"}
    inside = {path for path, _ in walk(architecture) if path.partition("/")[0] in heads - {path}}
    assert {path for path, _ in walk(architecture)} - inside <= set(rows)
    assert not inside & set(rows)
    assert {row.node for row in reading.rows} == {path for path, _ in walk(architecture)} - inside | {""}


def test_auxiliary_heads_are_explained() -> None:
    reading = summarize(catalog.get("googlenet-torchvision"))
    heads = [row for row in reading.rows if row.kind == "AuxiliaryBlock"]
    assert sum(row.params for row in heads) == 13_004_888 - 6_624_904
    assert not any(row.mult_adds for row in heads)
    assert len(reading.notes) == 2
    for row, note in zip(heads, reading.notes, strict=True):
        assert row.path in note
        assert f"{row.params:,}" in note


def test_a_module_that_runs_twice_is_counted_once() -> None:
    rows = [row for row in summarize(everything()).rows if row.path == "cbam/reduce"]
    assert [row.recursive for row in rows] == [False, True]
    assert rows[0].params
    assert not rows[1].params
    assert rows[0].mult_adds == rows[1].mult_adds


def test_the_text_is_torchinfos_own() -> None:
    text = summarize(catalog.get("googlenet-torchvision")).text
    for part in ("Layer (type (var_name):depth-idx)", "Input Shape", "Output Shape", "Param #", "Kernel Shape",
                 "Mult-Adds", "Conv2d (conv)", "ParallelBlock (inception_3a)", "Total params: 13,004,888",
                 "Total mult-adds: 1,498,391,752", "Forward/backward pass size (MB): 51.63"):  # fmt: skip
        assert part in text
    assert "Conv2d" not in summarize(catalog.get("googlenet-torchvision"), depth=1).text


def test_depth_must_be_a_level() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        summarize(everything(), depth=0)


def test_layers_that_do_not_fit_are_our_error() -> None:
    with pytest.raises(ArchitectureError, match="window"):
        summarize(catalog.get("googlenet"), (3, 8, 8))


def test_nothing_is_allocated() -> None:
    """1.6 billion parameters, 6.4 GB if they existed."""
    wide = Architecture(
        name="wide",
        input_shape=(24, 32, 32),
        trunk=Sequence(
            name="trunk", children=(Flatten(name="flatten"), Linear(name="fc", out_features=65_536, bias=False))
        ),
    )
    summarize(catalog.get("dilated-cnn"))  # libraries loaded
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert summarize(wide).total_params == 24 * 32 * 32 * 65_536
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes


def test_sessions_at_the_same_time_do_not_disturb_each_other() -> None:
    names = ["inception-net-32", "residual-mnist", "inception-a-mnist", "dilated-cnn"] * 4
    alone = {name: summarize(catalog.get(name)) for name in set(names)}
    with ThreadPoolExecutor(4) as pool:
        for name, reading in zip(names, pool.map(lambda name: summarize(catalog.get(name)), names), strict=True):
            assert reading == alone[name]


def test_plain_data() -> None:
    data = json.loads(json.dumps(summarize(everything()).to_data()))
    assert data["total_params"] == sum(row["params"] for row in data["rows"])
