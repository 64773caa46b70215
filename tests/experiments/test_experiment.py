"""The plan: which variants an experiment has, what is refused, and that it is read as it was written."""

from __future__ import annotations

import dataclasses

import pytest

from explorer import catalog
from explorer.architecture import edit
from explorer.experiments import BASE, PRESETS, Experiment, NotApplicable, get_factor, plan
from explorer.training import recipe
from tests.training.parts import config

from .parts import small

NET = catalog.get("inception-net-32")


def labels(experiment: Experiment) -> list[str]:
    return [variant.label for variant in experiment.variants]


def test_one_at_a_time_and_all_combinations() -> None:
    chosen = ("cbam", "residual", "batch-norm")
    single = plan(NET, chosen, config(), seeds=(0,))
    assert labels(single) == [BASE, "batch norm", "residual", "CBAM"]
    every = plan(NET, chosen, config(), seeds=(0,), combine=True)
    assert labels(every)[:4] == labels(single)
    assert labels(every)[4:] == [
        "batch norm + residual",
        "batch norm + CBAM",
        "residual + CBAM",
        "batch norm + residual + CBAM",
    ]
    assert len({variant.architecture for variant in every.variants}) == 8


def test_levels_of_one_thing_are_not_combined() -> None:
    experiment = plan(NET, ("se", "cbam", "residual"), config(), seeds=(0,), combine=True)
    assert labels(experiment) == [BASE, "residual", "SE", "CBAM", "residual + SE", "residual + CBAM"]


def test_variants_are_the_factors_one_after_another() -> None:
    experiment = plan(NET, ("cbam", "residual"), config(), seeds=(0,), combine=True)
    both = get_factor("cbam").apply(get_factor("residual").apply(NET))
    assert experiment.base == NET
    assert experiment.variants[-1].architecture == edit.replace(both, "", name=f"{NET.name} + residual + CBAM")


def test_trials_come_seed_by_seed() -> None:
    experiment = small(seeds=(4, 2))
    assert [seed for _, seed in experiment.trials] == [4] * 4 + [2] * 4
    base = experiment.variants[0]
    assert experiment.config_of(base, 2).seed == 2
    assert experiment.config_of(base, 2) == experiment.config.changed(seed=2)


def test_the_homework() -> None:
    experiment = PRESETS["homework"].experiment(recipe("course", "cifar-10"))
    assert labels(experiment) == [BASE, "residual", "CBAM", "residual + CBAM"]
    assert (experiment.base, experiment.seeds) == (NET, (0, 1, 2))


@pytest.mark.parametrize(
    ("factors", "fields", "part"),
    [
        ((), {}, "at least one factor"),
        (("resnet",), {}, "there is no factor 'resnet'"),
        (("no-norm",), {}, "no norm: nothing is normalised"),
        (("residual",), {"seeds": ()}, "0 seeds"),
        (("residual",), {"seeds": range(101)}, "1 to 100"),
        (("residual",), {"seeds": (1, 1)}, "given twice"),
        (("residual",), {"seeds": (-1,)}, r"seed \(=-1\)"),
        (("residual",), {"seeds": (2**32,)}, "must be from 0"),
        ([f"without-b{n}" for n in range(40)], {"combine": True}, "1,099,511,627,776 variants; at most 64"),
        (("without-branch_3x3", "dilation-2"), {"combine": True}, r"dilation 2: no undilated .* \(in without"),
    ],
)
def test_what_cannot_be_planned(factors: tuple[str, ...], fields: dict[str, object], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        plan(NET, factors, config(), **{"seeds": (0,), **fields})  # type: ignore[arg-type]


def test_factors_that_exclude_each_other_are_told() -> None:
    one = get_factor("without-branch_1x1").apply(NET)
    one = get_factor("without-branch_pool").apply(one)
    with pytest.raises(NotApplicable):  # each block keeps its last branch
        plan(one, ("without-branch_3x3", "without-branch_5x5"), config(), seeds=(0,), combine=True)


def test_a_long_name_is_cut_and_variants_keep_their_factors_name() -> None:
    base = edit.replace(NET, "", name="n" * 120)
    experiment = plan(base, ("residual",), config(), seeds=(0,))
    assert len(experiment.name) == 120
    assert experiment.variants[1].architecture.name.endswith("n + residual")
    assert len(experiment.variants[1].architecture.name) == 120


def test_it_is_read_as_it_was_written() -> None:
    experiment = plan(NET, ("cbam", "without-branch_5x5"), recipe("quick", "digits"), seeds=(3, 1), combine=True)
    assert Experiment.from_json(experiment.name, experiment.to_json()) == experiment


def test_further_seeds() -> None:
    experiment = small(seeds=(0, 1))
    assert experiment.with_seeds((1, 5)).seeds == (0, 1, 5)
    assert experiment.with_seeds((1, 5)) == dataclasses.replace(experiment, seeds=(0, 1, 5))
