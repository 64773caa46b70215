"""Runs that start from weights: what is held fixed does not move, and what resumes goes on as if never interrupted."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.models
from torchvision.transforms import InterpolationMode, v2

from explorer import catalog, datasets
from explorer.architecture import Architecture, edit, walk
from explorer.datasets import Preprocessing
from explorer.inspection import PUBLISHED
from explorer.inspection.starting import open_start_files
from explorer.modules import build, owner
from explorer.training import START_FILE, StartFrom, TrainConfig, find_frozen, find_import_size, parse
from explorer.training._start import describe_scaling
from explorer.training.data import load_to_device, open_data
from explorer.training.loop import train, update_weights
from explorer.training.recording import NullLog
from explorer.training.starting import Beginning, StartWeights, pin
from explorer.training.state import State

from .parts import CPU, SHAPE, config, network, tensors

CLASSES = ("a", "b", "c", "d")


def weights(architecture: Architecture, seed: int = 3, classes: tuple[str, ...] = CLASSES) -> StartWeights:
    """A network that counts as trained: random weights, and random statistics of its norms."""
    torch.manual_seed(seed)
    state = build(architecture).state_dict()
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.normal_()
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
    return StartWeights(
        name="teacher",
        provenance="made for a test",
        architecture=architecture,
        tensors=state,
        classes=classes,
        preprocessing=Preprocessing(shape=architecture.input_shape, mean=(0.4,), std=(0.3,)),
    )


def begin(tmp_path: Path, architecture: Architecture, settings: TrainConfig, given: StartWeights) -> Any:
    """(configuration, beginning) of a run whose folder is ``tmp_path``."""
    settings, copy, _ = pin(architecture, settings, given, CLASSES)
    (tmp_path / START_FILE).write_bytes(copy)
    return settings, Beginning.read(tmp_path, architecture, settings, CLASSES)


def frozen_tensors(state: State, architecture: Architecture, start: StartFrom, epoch: int = 0) -> dict[str, Any]:
    nodes, frozen = dict(walk(architecture)), find_frozen(architecture, start, epoch)
    return {name: value.clone() for name, value in state.model.state_dict().items() if owner(name, nodes) in frozen}


@pytest.mark.parametrize("freeze", ["stem", "mixed", "mixed/ones", "residual"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_what_is_held_fixed_does_not_move_by_a_bit(tmp_path: Path, freeze: str, optimizer: str) -> None:
    net = network(heads=True)
    how = config(
        optimizer=optimizer, lr=0.05, weight_decay=0.1, ema_decay=0.9, start={"weights": "teacher", "freeze": freeze}
    )
    how, beginning = begin(tmp_path, net, how, weights(net))
    state = State(net, how, CPU, beginning)
    before = frozen_tensors(state, net, how.start)
    moved = {name: value.clone() for name, value in state.model.state_dict().items() if name not in before}
    assert before
    train(state, tensors(how), how, NullLog())
    for held in (state.model, state.ema_model):
        after = held.state_dict()
        assert all(torch.equal(after[name], value) for name, value in before.items())
    after = state.model.state_dict()
    still = [name for name, value in moved.items() if torch.equal(after[name], value)]
    assert not still


def test_a_frozen_network_is_what_it_was_in_its_features(tmp_path: Path) -> None:
    """Also in training mode: statistics are those of the weights, not of the batch, and dropout is off."""
    net = network(dropout=0.5)
    how, beginning = begin(tmp_path, net, config(start={"weights": "t", "freeze": "dropout"}), weights(net))
    state = State(net, how, CPU, beginning)
    state.begin_epoch()
    x = torch.randn(4, *net.input_shape)
    given = build(net)
    given.load_state_dict(weights(net).tensors)
    given.eval()
    ours, theirs = x, x
    for name, block in state.model.named_children():
        if name != "fc":
            ours, theirs = block(ours), given.get_submodule(name)(theirs)
    torch.testing.assert_close(ours, theirs)


def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(tmp_path: Path) -> None:
    """With a start, two rates and unfreezing in the middle: the optimizer's state of what is thawed begins there."""
    net = network(heads=True)
    start = {"weights": "t", "freeze": "residual", "unfreeze": "block", "old_rate": 0.3}
    how, beginning = begin(tmp_path, net, config(epochs=3, optimizer="adam", start=start), weights(net))

    class Stop(Exception):
        pass

    captured: dict[str, Any] = {}

    def interrupt(state: State) -> None:
        if (state.epoch, state.step) == (1, 2):
            captured.update(copy.deepcopy(state.capture()))
            raise Stop

    whole = State(net, how, CPU, beginning)
    train(whole, tensors(how), how, NullLog())
    with pytest.raises(Stop):
        train(State(net, how, CPU, beginning), tensors(how), how, NullLog(), interrupt)
    again = State(net, how, CPU, Beginning.read(tmp_path, net, how, CLASSES))
    again.restore(captured)
    train(again, tensors(how), how, NullLog())
    expected = whole.model.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in again.model.state_dict().items())


def test_blocks_thaw_one_after_another_from_the_last(tmp_path: Path) -> None:
    net = network()
    start = {"weights": "t", "freeze": "residual", "unfreeze": "block", "unfreeze_epochs": 2}
    how, beginning = begin(tmp_path, net, config(epochs=7, start=start), weights(net))
    state, seen = State(net, how, CPU, beginning), []
    last = {name: value.clone() for name, value in state.model.state_dict().items()}

    def note(state: State) -> None:
        nonlocal last
        if state.step == 0:
            now = state.model.state_dict()
            moved = {name for name, value in now.items() if not torch.equal(value, last[name])}
            seen.append(sorted({name.split(".")[0] for name in moved}))
            last = {name: value.clone() for name, value in now.items()}

    train(state, tensors(how), how, NullLog(), note)
    moved = [each for each in seen if each]
    expected = [["fc"], ["fc", "residual"], ["fc", "mixed", "residual"], ["fc", "mixed", "residual", "stem"]]
    assert [moved[0], moved[2], moved[4], moved[6]] == expected


def test_the_old_part_learns_at_its_own_rate(tmp_path: Path) -> None:
    net = network()
    settings = config(optimizer="sgd", momentum=0.0, lr=0.5, epochs=1, start={"weights": "t", "old_rate": 0.01})
    how, beginning = begin(tmp_path, net, settings, weights(net, classes=()))
    state = State(net, how, CPU, beginning)
    state.begin_epoch()
    for parameter in state.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = {name: parameter.detach().clone() for name, parameter in state.model.named_parameters()}
    update_weights(state, how, 0.5, 0)
    now = state.model.state_dict()
    moved = {name: float((value - now[name]).mean()) for name, value in before.items()}
    new = {name for name in moved if name.startswith("fc.")}
    assert all(value == pytest.approx(0.5 if name in new else 0.005, rel=1e-3) for name, value in moved.items())


def test_images_are_normalised_as_the_weights_expect_them_and_so_are_predictions(tmp_path: Path) -> None:
    net = network()
    how, _ = begin(tmp_path, net, config(start={"weights": "t"}), weights(net))
    assert tensors(how).preprocessing.mean == (0.4,)
    assert tensors(how).preprocessing.std == (0.3,)
    own, _ = begin(tmp_path, net, config(start={"weights": "t", "images": "run"}, normalise="half"), weights(net))
    assert tensors(own).preprocessing.mean == (0.5,)


@pytest.mark.parametrize("name", ["vgg-11", "efficientnet-b0", "inception-v3"])
def test_images_are_scaled_and_cut_as_published_weights_expect_them(tmp_path: Path, name: str) -> None:
    """Held against torchvision's own transforms of the presets; at another size, nothing is cut but by proportions."""
    known = PUBLISHED[name].preprocessing
    side, cover = known.shape[1], (known.cover or known.shape[1:])[0]
    net = edit.replace(network(), "", input_shape=known.shape)
    given = replace(weights(network()), preprocessing=known)
    how, _ = begin(tmp_path, net, config(start={"weights": "t"}), given)
    labels = np.arange(4)
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 60, 90)).astype(np.uint8)
    content = datasets.ImageArrays(
        name="noise", classes=CLASSES, train_images=images, train_labels=labels, test_images=images,
        test_labels=labels,
    )  # fmt: skip
    mode = InterpolationMode.BICUBIC if known.interpolation == "bicubic" else InterpolationMode.BILINEAR
    pillow = [v2.functional.to_pil_image(torch.from_numpy(image)) for image in images]
    theirs = v2.Compose([v2.Resize(cover, mode, antialias=True), v2.CenterCrop(side), v2.PILToTensor()])
    data = load_to_device(datasets.to_dataset(content).prepared(describe_scaling(how.start, known.shape)), how, CPU)
    assert torch.equal(data.train.pick(range(4)), torch.stack([theirs(image) for image in pillow]))
    assert (data.preprocessing.mean, data.preprocessing.std) == known.normalisation
    assert find_import_size(net, how) == known.cover
    small, _ = begin(tmp_path, network(), config(start={"weights": "t"}), given)
    assert find_import_size(network(), small) == SHAPE[1:]
    at_another_size = describe_scaling(small.start, network().input_shape)
    assert (at_another_size.cover, at_another_size.squash) == (None, False)
    assert at_another_size.interpolation == known.interpolation
    opened = open_data(small, edit.set_classes(network(), 10))
    first = opened.train_images[:8]
    assert torch.equal(first, at_another_size.adapt(datasets.load("digits").train_images[:8]))
    assert known.interpolation == "bilinear" or not torch.equal(first, datasets.load("digits", SHAPE).train_images[:8])
    own, _ = begin(tmp_path, net, config(start={"weights": "t", "images": "run"}), given)
    assert describe_scaling(own.start, known.shape).squash


def test_the_head_is_kept_for_the_same_classes_alone() -> None:
    net = network()
    start = StartFrom(weights="t")

    def fate(given: StartWeights, how: StartFrom = start, classes: tuple[str, ...] = CLASSES) -> str:
        return next(each.fate for each in given.plan(net, how, classes).tensors if each.name == "fc.linear.weight")

    assert fate(weights(net)) == "taken"
    assert fate(weights(net), classes=("d", "c", "b", "a")) == "new"
    assert fate(weights(net, classes=())) == "new"
    assert fate(weights(net, classes=()), StartFrom(weights="t", head="keep")) == "taken"
    assert fate(weights(net), StartFrom(weights="t", head="new")) == "new"


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ({"freeze": "steam"}, r"freeze \(=steam\): .* has no such node; did you mean stem\?"),
        ({"freeze": "aux"}, r"is an auxiliary head, which is always trained"),
        ({"unfreeze": "all"}, r"unfreeze \(=all\) needs freeze"),
        ({"old_rate": 0.0}, r"start.old_rate \(=0.0\): must be greater than 0"),
        ({"thaw": 1}, r"start.thaw: no such setting; known: weights"),
    ],
)
def test_errors_before_the_start_name_the_place_and_a_way_out(tmp_path: Path, start: dict[str, Any], said: str) -> None:
    net = network(heads=True)
    with pytest.raises(ValueError, match=said):
        begin(tmp_path, net, config(start={"weights": "t", **start}), weights(net))


def test_weights_of_another_network_and_a_damaged_copy_are_refused(tmp_path: Path) -> None:
    net, other = network(), catalog.get("dilated-cnn")
    with pytest.raises(ValueError, match=r"nothing of teacher fits .* start from weights of a network with the same"):
        begin(tmp_path, net, config(), weights(other))
    how, _ = begin(tmp_path, net, config(), weights(net))
    copy_of = tmp_path / START_FILE
    copy_of.write_bytes(copy_of.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=r"start\.safetensors in the folder of the run.* is damaged"):
        Beginning.read(tmp_path, net, how, CLASSES)


def test_a_start_survives_its_file_and_json(tmp_path: Path) -> None:
    net = network(heads=True)
    given = weights(net)
    how, beginning = begin(tmp_path, net, config(start={"weights": "t", "freeze": "stem"}), given)
    assert parse(how.model_dump_json()) == parse(how.model_dump()) == how
    again = beginning.weights
    assert (again.architecture, again.classes, again.preprocessing) == (net, CLASSES, given.preprocessing)
    assert all(torch.equal(again.tensors[name], tensor) for name, tensor in given.tensors.items())
    assert how.start is not None
    assert hashlib.sha256(given.to_bytes()).hexdigest() == how.start.sha256


def test_an_edited_inception_v3_is_fine_tuned_from_published_like_weights(tmp_path: Path) -> None:
    """torchvision's network with random weights, through a file of its state dict, widened in the middle, at 96 px."""
    torch.manual_seed(0)
    theirs = torchvision.models.inception_v3(weights=None, init_weights=False, aux_logits=True)
    torch.save(theirs.state_dict(), tmp_path / "inception_v3.pth")
    base = catalog.get("inception-v3")
    edited = edit.replace(edit.replace(base, "Mixed_6a/branch3x3", out_channels=400), "", input_shape=(3, 96, 96))
    edited = edit.set_classes(edit.remove(edited, "AuxLogits"), 4)
    given = open_start_files(edited, tmp_path / "inception_v3.pth")
    assert given.preprocessing is not None
    assert given.preprocessing.normalisation == ((0.5,), (0.5,))  # transform_input of the published weights
    settings = config(epochs=1, batch_size=4, lr=0.01, optimizer="sgd", weight_decay=0.01, start={
        "weights": "inception_v3.pth", "freeze": "Mixed_7b",
    })  # fmt: skip
    how, beginning = begin(tmp_path, edited, settings, given)
    assert beginning.plan.count("cut") > 0
    anew = {each.name for each in beginning.plan.tensors if each.fate == "new"}
    assert anew == {"fc.linear.weight", "fc.linear.bias"}
    state = State(edited, how, CPU, beginning)
    before = frozen_tensors(state, edited, how.start)
    data = tensors(how, count=8, shape=(3, 96, 96))
    train(state, data, how, NullLog())
    after = state.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    held, learns = "Conv2d_1a_3x3.conv.weight", "Mixed_7c.branch1x1.conv.weight"
    assert torch.equal(after[held], theirs.state_dict()[held])
    assert not torch.equal(after[learns], theirs.state_dict()[learns])
