"""The vanishing gradient: depths by a factor, the gradient of each block from the store, and the effect itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, edit
from explorer.experiments import (
    PRESETS,
    Experiment,
    collect_gradients,
    collect_results,
    describe_gradients,
    get_factor,
    start,
)
from explorer.modules import build
from explorer.runs import Point, series
from explorer.training import open_manager, recipe


def count_layers(network: Architecture) -> int:
    return sum(layer.op in ("conv", "linear") for layer in analyze(network).layers)


def experiment(seeds: tuple[int, ...] = (0,)) -> Experiment:
    preset = PRESETS["vanishing-gradient"]
    return preset.experiment(recipe(preset.recipe, preset.dataset), seeds=seeds)


def test_the_preset_has_8_20_and_44_layers_with_shortcuts_and_without() -> None:
    found = {variant.factors: count_layers(variant.architecture) for variant in experiment().variants}
    assert found == {
        (): 8, ("depth-3",): 20, ("depth-7",): 44, ("no-residual",): 8, ("depth-3", "no-residual"): 20,
        ("depth-7", "no-residual"): 44,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["residual-8", "residual-mnist", "inception-net-32", "cifar-inception-residual"])
def test_repeated_blocks_keep_the_map_and_the_scores(name: str) -> None:
    network = catalog.get(name)
    deeper = get_factor("depth-3").apply(network)
    before, after = analyze(network), analyze(deeper)
    assert after.output_shape == before.output_shape
    names = [node.name for node in deeper.trunk.nodes]
    for node in network.trunk.nodes:
        copies = [each for each in (f"{node.name}_2", f"{node.name}_3") if each in names]
        assert len(copies) in (0, 2)
        for copy in copies:
            assert after.below(copy)[-1].output_shape == before.below(node.name)[-1].output_shape
        assert edit.find(deeper, node.name) == node


def test_the_gradient_vanishes_without_shortcuts_and_not_with_them() -> None:
    """At first, of 44 layers less than a millionth arrives, with shortcuts more than a thousandth."""
    reach = {}
    for variant in experiment().variants:
        torch.manual_seed(0)
        network = build(variant.architecture).train()
        cross_entropy(network(torch.rand(16, 1, 28, 28)), torch.arange(16) % 10).backward()
        blocks = dict(network.named_children())
        first, last = (
            float(torch.stack([p.grad.norm() for p in block.parameters() if p.grad is not None]).norm())
            for block in (blocks["stem"], blocks["fc"])
        )
        reach[variant.factors] = first / last
    assert reach[("depth-7", "no-residual")] < 1e-6 < 1e-3 < reach[("depth-7",)]
    assert reach[("depth-7", "no-residual")] < reach[("depth-3", "no-residual")] < reach[("no-residual",)]


def test_profiles_are_read_from_what_runs_record(tmp_path: Path) -> None:
    manager = open_manager(tmp_path)
    manager.acquire()
    try:
        stored = start(manager, experiment())
        rows = collect_results(manager, stored)
        assert collect_gradients(manager, stored, rows) == ()
        for row, least in zip(rows, (1.0, 0.5, 0.2, 0.1, 1e-3, 1e-9), strict=True):
            values = {"stem": least, "block1": 1.0, "fc": 1.0}
            points = [
                Point(series=series.of_block(series.GRADIENT_NORM, block), step=step, value=value * step, seconds=0.0)
                for block, value in values.items()
                for step in (1, 2)
            ]
            manager.store.record(row.trials[0].run, points)
        profiles = collect_gradients(manager, stored, rows)
        assert [profile.label for profile in profiles] == [row.label for row in rows]
        for profile in profiles:
            assert profile.blocks == ("stem", "block1", "fc")
        assert [profile.layers for profile in profiles] == [(1, 3, 8), (1, 3, 20), (1, 3, 44)] * 2
        assert profiles[0].norms == (2.0, 2.0, 2.0)
        assert [profile.vanishes for profile in profiles] == [False] * 4 + [True] * 2
        said = describe_gradients(profiles)
        assert "44 layers" in said[5]
        assert "it vanishes" in said[5]
        assert "it vanishes" not in said[0]
    finally:
        manager.close()
