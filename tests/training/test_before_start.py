"""What cannot work is said before the start, as torch itself would end it; and a network is fitted to its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import catalog, datasets
from explorer.architecture import (
    Architecture,
    Auxiliary,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Norm,
    Pool,
    Residual,
    Sequence,
    edit,
    walk,
)
from explorer.datasets import DatasetCard
from explorer.training import (
    TrainConfig,
    check,
    check_disk,
    checkpoint,
    describe_fit,
    estimate_checkpoints,
    find_misfits,
    find_warnings,
    fit_to_data,
    recipe,
)
from explorer.training._fit import check_batches, check_split
from explorer.training.data import load_to_device
from explorer.training.loop import train
from explorer.training.recording import NullLog
from explorer.training.state import State
from tests.datasets.makers import pixels
from tests.sizes import examples

from .parts import CPU, config, network

SIDE = 8
PLACES = ("nowhere", "conv", "norm", "head", "shortcut", "wide")


def with_norm(place: str, side: int = SIDE) -> Architecture:
    """A small network; where, its batch norm has one number an image and channel to average."""
    lone = Conv(name="lone", out_channels=4, norm="batch")
    middle: dict[str, tuple[Any, ...]] = {
        "nowhere": (),
        "conv": (lone,),
        "norm": (Norm(name="lone"),),
        "shortcut": (
            Residual(name="res", body=Conv(name="body", out_channels=6), shortcut="projection", norm="batch"),
        ),
        "wide": (),
    }
    head = Auxiliary(
        name="aux", children=(GlobalPool(name="p"), lone, Flatten(name="f"), Linear(name="fc", out_features=2))
    )
    return Architecture(
        name=place,
        input_shape=(1, side, side),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="stem", out_channels=4, kernel_size=3, norm="batch" if place == "wide" else "none"),
                *((head,) if place == "head" else ()),
                GlobalPool(name="pool"),
                *middle.get(place, ()),
                Flatten(name="flat"),
                Linear(name="fc", out_features=2),
            ),
        ),
    )


def noise(images: int, side: int = SIDE) -> datasets.ImageArrays:
    return datasets.ImageArrays(
        name="noise",
        classes=("a", "b"),
        train_images=pixels(1, images, 1, side, side),
        train_labels=np.arange(images, dtype=np.int64) % 2,
        test_images=pixels(2, 2, 1, side, side),
        test_labels=np.array([0, 1]),
    )


@settings(max_examples=examples(100))
@given(st.sampled_from(PLACES), st.integers(1, 9), st.integers(1, 6), st.integers(1, 3), st.sampled_from([1.0, 0.5]))
def test_lone_numbers_in_a_batch_norm_are_refused_exactly_where_torch_refuses_them(
    place: str, images: int, batch: int, parts: int, window: float
) -> None:
    how = config(
        batch_size=max(batch, parts), accumulate=parts, epochs=1, window=window, window_share=0.5, precision="fp32"
    )
    net = with_norm(place)
    data = load_to_device(datasets.to_dataset(noise(images)), how, CPU)
    said = died = ""
    try:
        check_batches(net, how, images)
    except ValueError as error:
        said = str(error)
    try:
        train(State(net, how, CPU), data, how, NullLog())
    except ValueError as error:
        died = str(error)
    assert bool(said) is bool(died), (said, died)
    if said and images >= how.parts:
        assert "1×1" in said
        assert "Expected more than 1 value per channel" in died
        assert "left out" in said if place == "head" else "lone" in said or "res" in said


def test_the_way_out_that_is_named_works() -> None:
    net = with_norm("conv")
    with pytest.raises(ValueError, match=r"'lone' works on maps of 1×1.*set batch_size to 2 or more, or remove"):
        check_batches(net, config(batch_size=1), 100)
    check_batches(net, config(batch_size=2), 100)
    with pytest.raises(ValueError, match=r"set batch_size to 16 or more, or accumulate to 4 or less"):
        check_batches(net, config(batch_size=8, accumulate=8), 100)
    check_batches(net, config(batch_size=16, accumulate=8), 100)
    check_batches(net, config(batch_size=8, accumulate=4), 100)
    check_batches(net, config(batch_size=8), 17)  # an odd last image is left out
    with pytest.raises(ValueError, match="bring at least 2 training images"):
        check_batches(net, config(batch_size=8), 1)
    with pytest.raises(ValueError, match="3 training images cannot be cut into 4 parts"):
        check_batches(net, config(batch_size=8, accumulate=4), 3)
    with pytest.raises(ValueError, match="maps of 1×1"):
        check(edit.set_classes(with_norm("conv", 28), 10), recipe("course", "digits").changed(batch_size=1))


# ---- auxiliary heads ------------------------------------------------------------------------------------------------


def with_misfit(side: int = 12) -> Architecture:
    """The head's window of 5×5 needs maps of 5 pixels; one more head fits."""
    big = Auxiliary(
        name="big",
        children=(Pool(name="p", kind="avg", kernel_size=5, stride=3, padding=0), Flatten(name="f"),
                  Linear(name="fc", out_features=4)),
    )  # fmt: skip
    layers = (GlobalPool(name="p"), Flatten(name="f"), Linear(name="fc", out_features=4))
    small = Auxiliary(name="small", children=layers)
    first, *rest = network(classes=4).trunk.nodes
    second = Conv(name="down", out_channels=8, kernel_size=3, stride=2)
    trunk = Sequence(name="trunk", children=(first, second, big, small, *rest))
    return Architecture(name="heads", input_shape=(3, side, side), trunk=trunk)


def card(classes: int = 3, shape: tuple[int, int, int] = (3, 12, 12), train: int = 300, **fields: Any) -> DatasetCard:
    given: dict[str, Any] = {
        "name": "own", "title": "Own", "summary": "", "train_count": train, "test_count": 60,
        "classes": tuple(f"class {number}" for number in range(classes)), "shape": shape, "source": "", "licence": "",
        "size_bytes": 1, "available": True, "path": None,
    }  # fmt: skip
    return DatasetCard(**{**given, **fields})


def test_heads_that_do_not_fit_are_left_out_and_said() -> None:
    net = with_misfit()
    assert find_misfits(net) == ["big"]
    with pytest.raises(ValueError, match=r"head 'big' does not fit images of 3×12×12.*leave the head out \(--fit"):
        check(edit.set_classes(net, 10), recipe("course", "digits"))
    fitted = fit_to_data(net, card(), heads=True)
    assert [path for path, node in walk(fitted) if node.op == "auxiliary"] == ["small"]
    assert describe_fit(net, fitted) == [
        "the auxiliary head big is left out, since it does not fit 12×12",
        "gives 3 scores instead of 4",
    ]
    larger = edit.replace(net, "", input_shape=(3, 40, 40))
    assert fit_to_data(larger, card(classes=4), heads=True) == larger
    assert describe_fit(larger, larger) == []
    small = fit_to_data(larger, card(classes=4), image_size=True, heads=True)
    assert describe_fit(larger, small)[0] == "takes images of 12×12 instead of 40×40"
    assert not find_misfits(small)


def test_a_window_that_does_not_fit_a_head_is_not_shown() -> None:
    """Training would die of it: the whole images fit, their halves do not."""
    from explorer.training._fit import training_window

    net = edit.replace(with_misfit(), "", input_shape=(3, 24, 24))
    assert find_misfits(net) == []
    assert training_window(net, config(window=0.5)) is None
    assert training_window(edit.remove(net, "big"), config(window=0.5)) == (12, 12)


# ---- disk -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("ema", [None, 0.9])
@pytest.mark.parametrize("net", [network(heads=True), catalog.get("inception-net-32")])
def test_the_room_for_checkpoints_is_what_they_take(
    tmp_path: Path, net: Architecture, optimizer: str, ema: float | None
) -> None:
    how = config(optimizer=optimizer, ema_decay=ema)
    state = State(net, how, CPU)
    for parameter in state.model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    state.optimizer.step()
    path = checkpoint.save(tmp_path, "run", 1, {**state.capture(), "classes": ["a"] * 10})
    needed, size = estimate_checkpoints(net, how), path.stat().st_size
    assert 4 * size <= needed <= 4 * (1.02 * size + 200_000)


def test_a_disk_without_room_is_said_with_both_numbers(tmp_path: Path) -> None:
    free = check_disk(1000, tmp_path / "not" / "yet")
    assert free > 1000
    with pytest.raises(ValueError, match=r"checkpoints take up to 1,000,000 TB.* free; delete runs .*EXPLORER_HOME"):
        check_disk(10**18, tmp_path)


# ---- what is allowed and unwise -------------------------------------------------------------------------------------


def test_validation_needs_images_to_spare() -> None:
    assert check_split(card(train=100), config()) == 100
    assert check_split(card(train=100), config(validation=0.2)) == 80
    with pytest.raises(ValueError, match=r"3 training images in 3 classes leave none to spare; set validation to 0"):
        check_split(card(train=3), config(validation=0.2))
    one_each = noise(2)
    with pytest.raises(ValueError, match="no class of 'noise' has a training image to spare"):
        load_to_device(datasets.to_dataset(one_each), config(validation=0.5), CPU)


@pytest.mark.parametrize(
    ("net", "fields", "said"),
    [
        ("inception-net-32", {}, ""),
        ("googlenet-96", {}, "takes images of 96×96, and 5,000 digits has them at 28×28: they are enlarged"),
        ("inception-v3", {}, "they are enlarged, which costs time and shows nothing more"),
        ("inception-net-32", {"batch_size": 8000}, "a batch of 8,000 images is more than the 4,000"),
        ("inception-net-32", {"batch_size": 1, "mixup": 0.2}, "mixup mixes nothing in batches of one image"),
        ("inception-net-32", {"validation": 0.01}, "about 40 images are held out"),
        ("inception-net-32", {"flip": True}, "turn flip off"),
    ],
)
def test_what_is_unwise_is_said(net: str, fields: dict[str, Any], said: str) -> None:
    how: TrainConfig = recipe("course", "digits").changed(**fields)
    found = find_warnings(catalog.get(net), how)
    assert len(found) == bool(said)
    assert said in " ".join(found)
