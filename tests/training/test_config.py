"""Configurations, recipes and what is refused before a run is started (fault F14)."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from explorer import catalog
from explorer.architecture import Architecture, Flatten, GlobalPool, Sequence, edit
from explorer.training import RECIPES, TrainConfig, check, check_classes, check_memory, estimate_memory, parse, recipe
from explorer.training._fit import check_heads
from explorer.training.data import open_data
from explorer.training.loop import resolve_precision

from .parts import config, cpu_of, network


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_whole_values_and_survive_json(name: str) -> None:
    made = recipe(name, "digits")
    assert made.dataset == "digits"
    assert parse(made.model_dump_json()) == made
    assert parse(made.model_dump()) == made
    assert hash(made) == hash(recipe(name, "digits"))


def test_the_recipes_of_the_documents() -> None:
    course = recipe("course", "digits")
    assert (course.optimizer, course.lr, course.batch_size, course.epochs) == ("adam", 1e-3, 128, 5)
    assert course.normalise == "half"
    lesson = recipe("mnist-lesson", "digits")
    assert (lesson.optimizer, lesson.lr, lesson.momentum) == ("sgd", 0.01, 0.5)
    d2l = recipe("d2l", "digits")
    assert (d2l.optimizer, d2l.lr, d2l.batch_size, d2l.epochs, d2l.momentum) == ("sgd", 0.1, 128, 10, 0.0)
    with pytest.raises(ValueError, match="known: course, mnist-lesson, d2l, quick"):
        recipe("slow", "digits")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lr": 0}, r"lr \(=0\): must be greater than 0"),
        ({"lr": float("nan")}, r"lr \(=nan\): must be a finite number"),
        ({"epochs": 2.5}, r"epochs \(=2.5\): must be a whole number such as 5"),
        ({"lr": "abc"}, r"lr \(='abc'\): must be a number such as 0.01"),
        ({"epochs": "abc"}, r"epochs \(='abc'\): must be a whole number such as 5"),
        ({"flip": 1}, r"flip \(=1\): must be true or false"),
        ({"schedule": "cosin"}, r"schedule \(='cosin'\): must be 'constant', 'step', 'cosine' or 'one_cycle'"),
        ({"momentum": 1}, r"momentum \(=1\): must be less than 1"),
        ({"crop": 65}, r"crop \(=65\): must be at most 64"),
        ({"crop": -1}, r"crop \(=-1\): must be at least 0"),
        ({"dataset": 3}, r"dataset \(=3\): must be a word or text"),
        ({"start": 3}, r"start \(=3\): must be a group of settings"),
        ({"epochs": True}, r"epochs \(=True\)"),
        ({"epochs": "3"}, r"epochs \(='3'\)"),
        ({"optimizer": "lion"}, r"optimizer \(='lion'\)"),
        ({"device": "cuda:x"}, r"device \(='cuda:x'\): must be auto, cpu, mps or cuda:N"),
        ({"speed": 3}, r"speed: no such setting; did you mean seed\?"),
        ({"quux": 3}, "quux: no such setting; known: dataset, epochs"),
        ({"dataset": ""}, "dataset"),
        ({"accumulate": 64}, r"accumulate \(=64\) must not exceed batch_size \(=32\)"),
        ({"accumulate": 9, "processes": 4}, r"accumulate \(=9\) times processes \(=4\) must not exceed"),
        ({"processes": 0}, r"processes \(=0\)"),
        ({"processes": 2, "device": "mps"}, r"processes \(=2\) must be 1 on mps"),
        ({"nesterov": True}, "nesterov needs optimizer sgd"),
        ({"warmup_epochs": 2.0}, r"warmup_epochs \(=2\) must be less than epochs \(=2\)"),
        ({"seed": -1}, r"seed \(=-1\)"),
    ],
)
def test_errors_name_field_value_and_rule(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**fields)


def test_several_errors_at_once_and_missing() -> None:
    with pytest.raises(ValueError, match=r"dataset: missing; give a value; lr \(=-1\)"):
        parse({"lr": -1})
    with pytest.raises(ValueError, match="JSON"):
        parse("{")


def test_changed_is_validated() -> None:
    assert config().changed(epochs=9).epochs == 9
    assert config().changed(device="cuda").device == "cuda:0"
    with pytest.raises(ValueError, match="epochs"):
        config().changed(epochs=0)


def test_every_field_is_documented() -> None:
    import ast
    import inspect

    tree = ast.parse(inspect.getsource(TrainConfig)).body[0]
    assert isinstance(tree, ast.ClassDef)
    for before, after in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign):
            assert isinstance(after, ast.Expr), ast.unparse(before)


def test_classes_must_fit() -> None:
    check_classes(network(), "four", 4)
    with pytest.raises(ValueError, match=r"gives 4 scores.*has 10 classes.*its last layer 10 outputs"):
        check_classes(network(), "digits", 10)
    with pytest.raises(ValueError, match=r"ends in a map of 256×28×28"):
        check_classes(catalog.get("inception-block"), "digits", 10)


@pytest.mark.parametrize("classes", [3, 12])
def test_an_auxiliary_head_of_other_scores_is_refused(classes: int) -> None:
    """With fewer than there are classes the loss of the head dies of an index that is out of range."""
    architecture = network(heads=True, classes=10)
    check_heads(architecture, "digits", 10)
    check_heads(network(), "digits", 10)
    other = edit.replace(architecture, "aux/fc", out_features=classes)
    with pytest.raises(ValueError, match=f"head 'aux' gives {classes} scores.* 10 classes; set out_features"):
        check(other, recipe("course", "digits"))
    with pytest.raises(ValueError, match=f"head 'aux' gives {classes} scores"):
        open_data(recipe("course", "digits"), other)


def test_half_precision_is_refused_where_it_cannot_be() -> None:
    settings = recipe("course", "digits").changed(precision="fp16", device="cpu")
    with pytest.raises(ValueError, match=r"precision \(=fp16\) needs a CUDA GPU, not cpu; choose bf16"):
        check(network(classes=10), settings)
    with pytest.raises(ValueError, match="needs a CUDA GPU, not mps"):
        resolve_precision(torch.device("mps"), settings)
    assert resolve_precision(torch.device("cuda"), settings) == torch.float16


def test_a_network_without_weights_is_refused() -> None:
    layers = (GlobalPool(name="pool", output_size=(2, 5)), Flatten(name="flatten"))
    bare = Architecture(name="bare", input_shape=(1, 28, 28), trunk=Sequence(name="trunk", children=layers))
    with pytest.raises(ValueError, match=r"'bare' has no weights.*add a convolution or a linear layer"):
        check(bare, recipe("course", "digits"))


def test_memory_is_refused_with_numbers_and_a_way_out() -> None:
    architecture = catalog.get("googlenet")
    settings = recipe("course", "digits").changed(batch_size=4096)
    needed = estimate_memory(architecture, settings, 10_000)
    assert needed.total > 100e9
    with pytest.raises(
        ValueError, match=r"needs about [\d.]+ GB on cpu .* which has 16\.0 GB; set accumulate to (\d+)"
    ):
        check_memory(needed, settings, cpu_of(16 * 10**9))
    few = estimate_memory(architecture, settings, 100)
    assert few.total < needed.total
    way = settings.changed(accumulate=512)
    with pytest.raises(ValueError, match="GB"):  # the images alone are too many
        check_memory(estimate_memory(architecture, way, 50_000), way, cpu_of(4 * 10**9))
    check_memory(estimate_memory(architecture, way, 5_000), way, cpu_of(16 * 10**9))


def test_the_suggested_accumulation_fits() -> None:
    import re

    settings = recipe("course", "digits").changed(batch_size=2048)
    architecture = catalog.get("inception-net")
    needed = estimate_memory(architecture, settings, 5000)
    room = needed.total // 2
    with pytest.raises(ValueError, match="accumulate to") as raised:
        check_memory(needed, settings, cpu_of(room))
    found = re.search(r"accumulate to (\d+)", str(raised.value))
    assert found is not None
    mended = settings.changed(accumulate=int(found[1]))
    check_memory(estimate_memory(architecture, mended, 5000), mended, cpu_of(room))


def refusal(name: str, value: object) -> str:
    """What is said of a value; '' where it is taken."""
    try:
        parse({"dataset": "digits", name: value})
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", TrainConfig.model_fields)
def test_no_value_is_answered_in_a_librarys_words(name: str) -> None:
    for value in ("abc", "", -1e12, 1e12, 2.5, True, None, [], {}, [1, 2, 3, 4, 5], "x" * 2000):
        assert not re.search("[Ii]nput should|valid (integer|number|string|dict)|String should", refusal(name, value))
