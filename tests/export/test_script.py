"""Training scripts: run, they do what `training` does with the same configuration, update by update."""

from __future__ import annotations

import pickle
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision.datasets
from PIL import Image
from torch import nn

from explorer import catalog, datasets
from explorer.analysis import analyze
from explorer.architecture import Architecture, edit
from explorer.cli import main
from explorer.cli._running import open_manager
from explorer.datasets import _official
from explorer.export import Subject, export
from explorer.export._script_facts import IN_SCRIPT, LEFT_OUT, SILENT
from explorer.export._script_plan import TORCHVISION
from explorer.modules import build
from explorer.runs import series
from explorer.training import OPTIMIZERS, RECIPES, StartFrom, TrainConfig, recipe
from explorer.training._start import describe_scaling
from explorer.training.data import load_to_device
from explorer.training.loop import train
from explorer.training.recording import Recorder
from explorer.training.starting import Beginning, StartWeights
from explorer.training.state import State
from tests.datasets import makers
from tests.inspection.parts import learnt, trained_run
from tests.sizes import ALL, thorough
from tests.training.parts import CPU, MemorySink, config, network

BIN = Path(sys.executable).parent
SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {"normalise": "half"},
    "a last batch of one image": {"batch_size": 32, "images": 97},
    "one cycle on windows": {
        "optimizer": "sgd", "lr": 0.05, "nesterov": True, "weight_decay": 1e-3, "schedule": "one_cycle", "crop": 2,
        "flip": True, "window": 0.75, "flip_average": True, "label_smoothing": 0.05, "warmup_epochs": 0.5,
    },
    "everything that is drawn": {
        "rotate": 10.0, "zoom": 0.1, "crop": 1, "flip": True, "cutout": 4, "mixup": 0.4, "validation": 0.2,
        "schedule": "cosine", "clip_norm": 1.0, "accumulate": 3, "ema_decay": 0.9, "optimizer": "adamw",
        "weight_decay": 1e-2, "decay_all": True,
    },
    "steps, equal classes": {"schedule": "step", "step_epochs": 1, "class_weights": "inverse", "optimizer": "rmsprop",
                             "eps": 1e-4, "beta2": 0.9},
    "roots of classes": {"class_weights": "sqrt", "validation": 0.2, "warmup_epochs": 1.0},
    "balanced": {"sampling": "balanced", "patience": 1, "validation": 0.3, "epochs": 3},
    "bfloat16": {"precision": "bf16", "optimizer": "sgd", "lr": 0.05},
    "parts of a batch": {"processes": 1, "accumulate": 2, "class_weights": "inverse", "label_smoothing": 0.1},
}  # fmt: skip
"""Fields of configurations by what they show; 'images' is the number of training images."""


def make_images(count: int, shape: tuple[int, int, int]) -> datasets.ImageArrays:
    """A random pattern for each of four classes, under noise, of unequal classes; half as many for testing."""
    generator = np.random.default_rng(1)
    means = generator.integers(64, 192, (4, *shape))

    def made(size: int) -> tuple[np.ndarray, np.ndarray]:
        labels = generator.choice(4, size, p=(0.4, 0.3, 0.2, 0.1)).astype(np.int64)
        noisy = means[labels] + generator.normal(0, 24, (size, *shape))
        return noisy.clip(0, 255).astype(np.uint8), labels

    (train_images, train_labels), (test_images, test_labels) = made(count), made(count // 2)
    return datasets.ImageArrays(
        name="patterns", classes=tuple("abcd"), train_images=train_images, train_labels=train_labels,
        test_images=test_images, test_labels=test_labels,
    )  # fmt: skip


def save_arrays(content: datasets.ImageArrays, file: Path) -> str:
    names = ("train_images", "train_labels", "test_images", "test_labels")
    np.savez(file, **{name: getattr(content, name) for name in names})
    return str(file)


def train_here(
    architecture: Architecture,
    settings: TrainConfig,
    content: datasets.ImageArrays,
    beginning: Beginning | None = None,
) -> tuple[State, MemorySink]:
    """Train as a run does."""
    torch.set_num_threads(1)
    data = datasets.to_dataset(content).prepared(describe_scaling(settings.start, architecture.input_shape))
    sink = MemorySink()
    state, log = State(architecture, settings, CPU, beginning), Recorder(CPU, sink)
    train(state, load_to_device(data, settings, CPU), settings, log)
    log.flush(state)
    return state, sink


def begin_with(architecture: Architecture, source: Architecture, start: StartFrom, folder: Path) -> Beginning:
    """A start from random weights of another network, which lie beside the script, too."""
    torch.manual_seed(7)
    tensors = {name: tensor.contiguous() for name, tensor in build(source).state_dict().items()}
    safetensors.torch.save_file(tensors, folder / "start.safetensors")
    weights = StartWeights(name="other", provenance="a test", architecture=source, tensors=tensors)
    return Beginning(start=start, weights=weights, plan=weights.plan(architecture, start, tuple("abcd")))


def source_of(architecture: Architecture, settings: TrainConfig | None = None) -> str:
    return export(Subject(architecture=architecture, config=settings), "script").data.decode()


def run_script(source: str, data: str, epochs: int, folder: Path) -> nn.Module:
    """What ``train`` of a script returns."""
    space: dict[str, Any] = {"__name__": "script", "__file__": str(folder / "script.py")}
    exec(compile(source, "script", "exec"), space)
    space["WORKERS"] = 0
    trained = space["train"](epochs, data, CPU)
    assert isinstance(trained, nn.Module)
    return trained


def check_equal(ours: nn.Module, others: nn.Module) -> None:
    """Equal names, and weights and statistics but for the order of float32 sums."""
    a, b = ours.state_dict(), others.state_dict()
    assert list(a) == list(b)
    for name, value in a.items():
        assert torch.allclose(value.float(), b[name].float(), rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("name", SETTINGS)
def test_a_script_trains_as_a_run_does(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fields = {"dataset": "patterns", "precision": "fp32", **SETTINGS[name]}
    content = make_images(int(fields.pop("images", 96)), (3, 12, 12))
    settings = config(**fields)
    architecture = network(heads=True, drop_path=0.2)
    state, sink = train_here(architecture, settings, content)
    file = save_arrays(content, tmp_path / "patterns.npz")
    trained = run_script(source_of(architecture, settings), file, settings.epochs, tmp_path)
    check_equal(state.eval_model, trained)
    told = [float(each) for each in re.findall(r"test loss ([0-9.]+)", capsys.readouterr().out)]
    assert told == pytest.approx([*sink.values[series.of_epoch("test", "loss")].values()], abs=1e-4)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_goes_the_same_way(optimizer: str, tmp_path: Path) -> None:
    content = make_images(64, (3, 12, 12))
    beta2 = {"beta2": 0.95} if OPTIMIZERS[optimizer].beta2 is not None else {}  # type: ignore[index]
    settings = config(dataset="patterns", precision="fp32", optimizer=optimizer, weight_decay=0.01, epochs=1, **beta2)
    state, _ = train_here(network(), settings, content)
    file = save_arrays(content, tmp_path / "patterns.npz")
    check_equal(state.model, run_script(source_of(network(), settings), file, 1, tmp_path))


def test_moments_are_those_of_the_training_images(tmp_path: Path) -> None:
    """Grey images, smaller than the input: scaled, repeated and normalised by numbers that the script measures."""
    content = make_images(64, (1, 9, 10))
    settings = config(dataset="patterns", precision="fp32", normalise="data", epochs=1, channels_last=False)
    architecture = network()
    how = datasets.Preprocessing(shape=architecture.input_shape, dataset_shape=(1, 9, 10), mean=(0.0,), std=(1.0,))
    state, _ = train_here(architecture, settings, content)
    data = load_to_device(datasets.to_dataset(content).adapted(architecture.input_shape), settings, CPU)
    source = export(Subject(architecture=architecture, config=settings, preprocessing=how), "script").data.decode()
    found = f"MEAN = {data.preprocessing.mean}\nSTD = {data.preprocessing.std}\n"
    given = re.sub(r"MEAN = .*\nSTD = .*\n", found, source)
    file = save_arrays(content, tmp_path / "patterns.npz")
    check_equal(state.model, run_script(given, file, 1, tmp_path))


def test_draws_of_torchvision_lead_near(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = make_images(96, (3, 12, 12))
    settings = config(
        dataset="patterns", precision="fp32", resized_crop=0.5, rand_augment=2, hue=0.1, brightness=0.2, saturation=0.2,
        contrast=0.1,
    )  # fmt: skip
    _, sink = train_here(network(), settings, content)
    run_script(source_of(network(), settings), save_arrays(content, tmp_path / "patterns.npz"), 2, tmp_path)
    told = [float(each) for each in re.findall(r"test loss ([0-9.]+)", capsys.readouterr().out)]
    assert told == pytest.approx([*sink.values[series.of_epoch("test", "loss")].values()], abs=2e-2)


START: dict[str, Any] = {"weights": "other", "images": "run"}


@pytest.mark.parametrize(
    "fields",
    [
        {"freeze": "mixed", "unfreeze": "block", "old_rate": 0.1},
        {"freeze": "stem", "unfreeze": "all", "unfreeze_epochs": 2, "head": "new"},
        {"head": "keep", "freeze": "residual"},
    ],
)
def test_a_script_starts_from_weights_as_a_run_does(fields: dict[str, Any], tmp_path: Path) -> None:
    architecture = network(heads=True, drop_path=0.2)
    source = architecture if fields.get("head") == "keep" else network(heads=True, classes=7)
    start = {**START, **fields}
    settings = config(dataset="patterns", precision="fp32", epochs=3, optimizer="sgd", lr=0.05, start=start)
    assert settings.start is not None
    content = make_images(64, (3, 12, 12))
    beginning = begin_with(architecture, source, settings.start, tmp_path)
    state, _ = train_here(architecture, settings, content, beginning)
    file = save_arrays(content, tmp_path / "patterns.npz")
    check_equal(state.model, run_script(source_of(architecture, settings), file, 3, tmp_path))


@pytest.mark.parametrize(("cover", "mode"), [((14, 14), "bicubic"), (None, "bilinear")])
def test_images_are_prepared_as_the_weights_expect(cover: Any, mode: str, tmp_path: Path) -> None:
    """Scaled to cover and cropped; Pillow's pixels but for rounding."""
    architecture = network()
    start = {**START, "images": "weights", "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.2, 0.3), "squash": False,
             "cover": cover, "interpolation": mode}  # fmt: skip
    settings = config(dataset="patterns", start=start)
    how = replace(describe_scaling(settings.start, architecture.input_shape), dataset_shape=(3, 20, 24))
    source = export(Subject(architecture=architecture, config=settings, preprocessing=how), "script").data.decode()
    space: dict[str, Any] = {"__name__": "script", "__file__": str(tmp_path / "script.py")}
    exec(compile(source, "script", "exec"), space)
    images = torch.from_numpy(make_images(8, (3, 20, 24)).train_images)
    ours = datasets.Preprocessing.adapt(describe_scaling(settings.start, architecture.input_shape), images)
    theirs = space["fit_to_input"](images)
    assert (ours.int() - theirs.int()).abs().max() <= 1
    assert space["MEAN"] == (0.4, 0.5, 0.6)


def test_torchvision_gives_the_images_in_our_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path))
    theirs = tmp_path / "theirs"  # as Python 2 wrote keys, they are text for torchvision
    cifar = theirs / "cifar-10-batches-py"
    cifar.mkdir(parents=True)
    for name, spec, files in (("mnist", *makers.small_idx()), ("cifar-10", *makers.small_cifar())):
        monkeypatch.setitem(_official.OFFICIAL, name, spec)
        folder = tmp_path / spec.folder
        folder.mkdir(parents=True)
        for file in spec.files:
            (folder / file.name).write_bytes(files[file.name])
    shutil.copytree(tmp_path / "MNIST", theirs / "MNIST")

    def write(name: str, data: dict[str, Any]) -> list[str]:
        (cifar / name).write_bytes(pickle.dumps(data))
        return [name, makers.md5(pickle.dumps(data))]

    for part in ("train", "test"):
        listed = [
            write(file.name, {key.decode(): each for key, each in pickle.loads(files[file.name]).items()})
            for file in getattr(_official.OFFICIAL["cifar-10"], part)
        ]
        monkeypatch.setattr(torchvision.datasets.CIFAR10, f"{part}_list", listed)
    name, md5 = write("batches.meta", {"label_names": list("abcdefghij")})
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "meta", {"filename": name, "key": "label_names", "md5": md5})
    for name, architecture in (("mnist", catalog.get("lenet-5")), ("cifar-10", catalog.get("cifar10-inception"))):
        space: dict[str, Any] = {"__name__": "script"}
        exec(compile(source_of(architecture, recipe("course", name)), "script", "exec"), space)
        ours = datasets.load(name)
        train_images, test_images = space["load_data"](str(theirs))
        for part, images, labels in (
            (train_images, ours.train_images, ours.train_labels),
            (test_images, ours.test_images, ours.test_labels),
        ):
            assert isinstance(images, torch.Tensor)
            assert torch.equal(torch.stack([pixels for pixels, _ in part]), images)
            assert [label for _, label in part] == labels.tolist()


def test_class_folders_give_the_images_of_their_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    generator = np.random.default_rng(3)
    for part, count in (("train", 6), ("test", 3)):
        for label, name in enumerate(("cat", "dog", "emu", "fox")):
            folder = tmp_path / "zoo" / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(0, 256, (20 + index, 30 - label, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    known = datasets.import_images(tmp_path / "zoo", size=(12, 16))
    stored = datasets.load(known.name)
    architecture = network()
    source = source_of(architecture, config(dataset=known.name, sampling="balanced"))
    space: dict[str, Any] = {"__name__": "script"}
    exec(compile(source, "script", "exec"), space)
    datasets.save(known.name, tmp_path / "zoo.npz")
    for data in (tmp_path / "zoo", tmp_path / "zoo.npz"):
        for part, images, labels in zip(
            space["load_data"](str(data)),
            (stored.train_images, stored.test_images),
            (stored.train_labels, stored.test_labels),
            strict=True,
        ):
            order = sorted(range(len(part)), key=lambda row: (part[row][1], part[row][0].sum()))
            own = sorted(range(len(labels)), key=lambda row: (labels[row], images[row].sum()))
            assert [int(part[row][1]) for row in order] == labels[own].tolist()
            assert torch.equal(torch.stack([part[row][0] for row in order]), images[own])
            assert space["read_labels"](part).tolist() == [int(part[row][1]) for row in range(len(part))]


def test_what_no_script_can_do_is_said_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="a range test of learning rates is no training"):
        source_of(network(), config(dataset="patterns", range_steps=20))
    with pytest.raises(ValueError, match="ends in a map of 256×28×28, not in scores"):
        source_of(catalog.get("inception-block"))
    with pytest.raises(ValueError, match="gives 4 scores, the data set 'MNIST' has 10 classes"):
        source_of(network(), config(dataset="mnist"))
    told = source_of(network(), config(dataset="patterns", time_limit=60.0, compile=True, rand_augment=2))
    assert "how this network was trained is not known here" in source_of(catalog.get("lenet-5"))
    for name in ("time_limit: the run would have stopped after 60 s", "compile:", "rand_augment: by torchvision"):
        assert name in " ".join(told.split())


def test_every_setting_is_decided() -> None:
    assert sorted((*IN_SCRIPT, *LEFT_OUT, *SILENT)) == sorted(TrainConfig.model_fields)


def test_torchvision_has_the_classes_of_the_well_known_sets() -> None:
    assert {name: each.torchvision for name, each in _official.OFFICIAL.items()} == TORCHVISION


def check_layout(folder: Path) -> None:
    for command in (["check"], ["format", "--diff"]):
        found = subprocess.run(
            [BIN / "ruff", *command, "--isolated", str(folder)], capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stdout[:4000] + found.stderr[:1000]


def write_all(folder: Path) -> None:
    """A script of networks of the catalogue that give scores, of each recipe and of each group of settings."""
    for name in catalog.names()[:: 1 if ALL else 7]:
        architecture = catalog.get(name)
        if len(analyze(architecture).totals.output_shape) == 1:
            (folder / f"{re.sub('[^a-z0-9]', '_', name)}.py").write_text(source_of(architecture))
    fitted = catalog.get("cifar10-inception")
    for name in RECIPES:
        (folder / f"recipe_{name.replace('-', '_')}.py").write_text(source_of(fitted, recipe(name, "cifar-10")))
    for index, fields in enumerate(SETTINGS.values()):
        settings = config(**{"dataset": "patterns", **{key: each for key, each in fields.items() if key != "images"}})
        (folder / f"settings_{index}.py").write_text(source_of(network(heads=True), settings))
    settings = config(dataset="patterns", resized_crop=0.5, rand_augment=2, brightness=0.2, hue=0.1, normalise="data",
                      precision="fp16", clip_norm=1.0)  # fmt: skip
    (folder / "colours.py").write_text(source_of(network(), settings))
    grey = edit.replace(catalog.get("lenet-5"), "", name="SEED")
    (folder / "names.py").write_text(source_of(grey))
    hostile = config(dataset='"""\nimport os\\', start={"weights": '"""; x = "\u202e\\'})
    (folder / "hostile.py").write_text(source_of(edit.replace(network(), "", name='a"""\nimport os'), hostile))


def test_scripts_are_laid_out_as_ruff_does(tmp_path: Path) -> None:
    write_all(tmp_path)
    check_layout(tmp_path)


@thorough("tests/export/test_script.py::test_scripts_are_laid_out_as_ruff_does")
def test_scripts_are_typed(tmp_path: Path) -> None:
    write_all(tmp_path)
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-torchvision.*]\nignore_missing_imports = True\n")
    found = subprocess.run(
        [BIN / "mypy", "--strict", "--config-file", tmp_path / "mypy.ini", tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[:4000]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words that train LeNet-5 by its script, in the folder of that."""
    architecture = catalog.get("lenet-5")
    (tmp_path / "train.py").write_text(source_of(architecture, recipe("course", "digits")))
    file = save_arrays(make_images(64, architecture.input_shape), tmp_path / "patterns.npz")
    monkeypatch.chdir(tmp_path)
    return ["train.py", "--data", str(file), "--device", "cpu", "--epochs", "1"]


def check_trained(printed: str) -> None:
    told = r"epoch 1/1: loss [0-9.]+, accuracy [0-9.]+ %; test loss [0-9.]+, accuracy [0-9.]+ %\n"
    assert re.fullmatch(f"{told}the weights are in LeNet-5.pt\n", printed)
    build(catalog.get("lenet-5")).load_state_dict(torch.load("LeNet-5.pt", weights_only=True))


def test_a_script_is_run_and_its_weights_load_here(
    script: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", script)
    with monkeypatch.context() as elsewhere:
        elsewhere.setitem(sys.modules, "explorer", None)  # whoever has the script need not have us
        runpy.run_path(script[0], run_name="__main__")
    check_trained(capsys.readouterr().out)


@thorough("tests/export/test_script.py::test_a_script_is_run_and_its_weights_load_here")
def test_a_script_runs_in_a_python_of_its_own(script: list[str]) -> None:
    found = subprocess.run([sys.executable, *script], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr[-2000:]
    check_trained(found.stdout)


def test_the_script_of_a_run_repeats_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the run store to weights, on the embedded digits, which the script measures and scales."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    with open_manager() as manager:
        run = trained_run(manager)
    script, digits = tmp_path / "train.py", str(tmp_path / "digits.npz")
    assert main(["export", run, "--format", "script", "-o", str(script)]) == 0
    assert main(["datasets", "save", "digits", digits]) == 0
    source = script.read_text()
    assert "python -m explorer datasets save digits images.npz" in source
    trained = run_script(source, digits, 2, tmp_path)
    _, _, captured = learnt(0)
    for name, value in trained.state_dict().items():
        assert torch.allclose(value.float(), captured["model"][name].float(), rtol=1e-3, atol=1e-4), name


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["lenet-5", "--format", "script", "--recipe", "quik"], "did you mean quick"),
        (["lenet-5", "--format", "script", "--dataset", "cifar-100"], "has 100 classes"),
        (["lenet-5", "--format", "json", "--recipe", "quick"], "--recipe and --dataset are for --format script"),
        (["inception-block", "--format", "script"], "not in scores"),
    ],
)
def test_what_the_command_line_cannot_do_is_one_line(
    args: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *args]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err
