"""A sweep remembers subtrees; its totals are those of a fresh analysis, whatever was asked before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import Sweep, Totals, analyze
from explorer.architecture import Architecture, ArchitectureError, edit, walk
from tests.sizes import examples
from tests.strategies import architectures

VALUES: dict[str, tuple[tuple[str, tuple[Any, ...]], ...]] = {
    "conv": (
        ("out_channels", (1, 2, 5, 8, "same")),
        ("kernel_size", (1, 2, 3, (1, 5))),
        ("stride", (1, 2)),
        ("dilation", (1, 2)),
        ("groups", (1, 2, "depthwise")),
        ("activation", ("none", "relu", "gelu", "sigmoid")),
        ("norm", ("none", "batch")),
    ),
    "pool": (("kind", ("max", "avg")), ("ceil_mode", (False, True)), ("stride", (1, 2))),
    "parallel": (("fuse", ("concat", "add", "multiply")),),
    "residual": (("shortcut", ("identity", "projection")),),
    "dropout": (("p", (0, 0.5)),),
    "attention": (("kind", ("se", "cbam", "eca")), ("reduction", (1, 4))),
    "activation": (("kind", ("none", "relu", "silu")),),
    "linear": (("out_features", (1, 7)),),
    "global_pool": (("kind", ("avg", "max")), ("output_size", (1, 2))),
}


def afresh(architecture: Architecture) -> Totals | None:
    try:
        return analyze(architecture).totals
    except ArchitectureError:
        return None


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(architectures(), st.data())
def test_sweep_equals_analyze(architecture: Architecture, data: st.DataObject) -> None:
    sweep = Sweep()
    editable = [(path, node.op) for path, node in walk(architecture) if node.op in VALUES]
    for _ in range(8):
        assert sweep.totals(architecture) == afresh(architecture)
        if not editable:
            break
        path, op = data.draw(st.sampled_from(editable))
        field, values = data.draw(st.sampled_from(VALUES[op]))
        ribbon = sweep.ribbon(architecture, path, field, values)
        assert len(ribbon) == len(values)
        for value, totals in zip(values, ribbon, strict=True):
            try:
                variant = edit.replace(architecture, path, **{field: value})
            except ArchitectureError:
                assert totals is None
                continue
            assert totals == afresh(variant) == sweep.totals(variant)
            architecture = variant  # edits pile up, as they do under a person's hand


@pytest.mark.parametrize("name", ["googlenet-torchvision", "inception-v3", "googlenet"])
def test_ribbons_of_the_catalogue(name: str) -> None:
    architecture = catalog.get(name)
    sweep = Sweep()
    convs = [path for path, node in walk(architecture) if node.op == "conv"]
    for path in convs[::7]:
        widths = (1, 16, 48, 300)
        for width, totals in zip(widths, sweep.ribbon(architecture, path, "out_channels", widths), strict=True):
            assert totals == afresh(edit.replace(architecture, path, out_channels=width))


def test_unworkable_values_are_none() -> None:
    ribbon = Sweep().ribbon(catalog.get("residual-mnist"), "rblock1/body/conv2", "out_channels", (0, 8, 16, 5000))
    assert [totals is not None for totals in ribbon] == [False, False, True, False]


def test_memory_is_bounded() -> None:
    architecture = catalog.get("googlenet")
    sweep = Sweep(remember=50)
    for width in range(1, 40):
        sweep.totals(edit.replace(architecture, "conv2", out_channels=width))
        assert len(sweep._memory) <= 50 + 40
