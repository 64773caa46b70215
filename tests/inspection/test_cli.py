"""``python -m explorer models``, ``predict``, ``evaluate``: what they print; every mistake is one line and status 2."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from explorer import datasets
from explorer.architecture import to_json, to_link
from explorer.cli import main
from explorer.inspection import PUBLISHED, _shipped
from explorer.inspection.opening import open_model
from explorer.inspection.perturbation import trace_perturbation
from explorer.modules import build
from explorer.runs import Manager, devices
from tests.datasets.makers import encoded, pixels, png, zipped
from tests.test_cli import ROOT, error
from tests.training.parts import network

from .parts import shaken

NET = network()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an architecture, its weights and a picture; nothing else is known."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(_shipped, "FOLDER", tmp_path / "models")
    (tmp_path / "net.json").write_text(to_json(NET))
    torch.manual_seed(0)
    torch.save(shaken(build(NET)).state_dict(), tmp_path / "net.pt")
    (tmp_path / "cat.png").write_bytes(encoded(pixels(1, 40, 30, 3)))
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    assert main([*args, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.isascii()
    return json.loads(out)


def test_predict_with_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair, picture = f"{folder}/net.json:{folder}/net.pt", str(folder / "cat.png")
    told = said(capsys, "predict", pair, picture, "--top", "2")
    assert told["model"]["preprocessing"]["mean"] == [0.5]
    assert told["model"]["device"] in [device.name for device in devices()]
    (image,) = told["images"]
    assert (image["format"], image["width"], image["height"]) == ("PNG", 30, 40)
    shares = [each["probability"] for each in image["predictions"]]
    assert len(shares) == 2
    assert shares == sorted(shares, reverse=True)
    # the same by hand
    network = shaken_again()
    side = Image.open(picture).resize((12, 16), Image.Resampling.BILINEAR).crop((0, 2, 12, 14))
    x_1CHW = torch.from_numpy(np.asarray(side).transpose(2, 0, 1).copy())[None].float() / 127.5 - 1
    with torch.no_grad():
        expected = network(x_1CHW).softmax(1)[0]
    for each in image["predictions"]:
        assert each["probability"] == pytest.approx(float(expected[each["index"]]), abs=1e-5)
    assert main(["predict", pair, picture, picture]) == 0
    text = capsys.readouterr().out
    assert text.count("class ") >= 8
    assert "weights of the file net.pt" in text
    assert main(["predict", pair, picture, "--device", "cpu"]) == 0
    assert "; computed on cpu\n" in capsys.readouterr().out
    assert main(["predict", pair, picture, "--device", "cuda:99"]) == 2
    assert "no device cuda:99" in capsys.readouterr().err


def shaken_again() -> torch.nn.Module:
    torch.manual_seed(0)
    return shaken(build(NET)).eval()


def test_evaluate_with_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members = {f"{split}/{name}/{number}.png": png(7 * ord(name) + number + 100 * (split == "test"), 12, 12)
               for split in ("train", "test") for name in "abcd" for number in range(6)}  # fmt: skip
    data = str(zipped(folder / "set.zip", members))
    pair = f"{folder}/net.json:{folder}/net.pt"
    told = said(capsys, "evaluate", pair, "--dataset", data)
    assert told["images"] == 24
    assert told["right"] == sum(told["confusion"][k][k] for k in range(4)) == round(24 * told["accuracy"])
    assert told["interval"][0] < told["accuracy"] < told["interval"][1]
    # the same by hand, from the files themselves
    network, right = shaken_again(), 0
    for name in "abcd":
        for number in range(6):
            image = np.asarray(Image.open(io.BytesIO(members[f"test/{name}/{number}.png"])).convert("RGB"))
            x_1CHW = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].float() / 127.5 - 1
            with torch.no_grad():
                right += int(network(x_1CHW).argmax()) == "abcd".index(name)
    assert told["right"] == right
    assert main(["evaluate", pair, "--dataset", data]) == 0
    out = capsys.readouterr().out
    assert f"{right} of 24 test images correct" in out
    mean = np.mean([row[k] / 6 for k, row in enumerate(told["confusion"])])
    assert told["average_recall"] == pytest.approx(mean)
    assert f"mean recall {100 * mean:.2f} %" in out.replace("\u202f", " ").replace("\xa0", " ")
    assert main(["evaluate", pair, "--dataset", data, "--csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["class", "images", "recall", "precision"]
    said_so = np.array(told["confusion"]).sum(0)
    assert [(name, images, float(recall)) for name, images, recall, _ in rows[1:]] == [
        (name, "6", told["confusion"][k][k] / 6) for k, name in enumerate("abcd")
    ]
    # JSON has no NaN: None stands for the precision of a class that nothing was taken for.
    assert [each["precision"] is None for each in told["classes"]] == (said_so == 0).tolist()
    assert [precision == "" for *_, precision in rows[1:]] == (said_so == 0).tolist()


def test_links_hold_colons_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = f"https://example.org:8501/design?net={to_link(NET)}"
    told = said(capsys, "predict", f"{link}:{folder}/net.pt", str(folder / "cat.png"))
    assert len(told["images"][0]["predictions"]) == 4


def test_models_lists_what_there_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "models")
    assert {each["name"]: each["ready"] for each in found} == dict.fromkeys(PUBLISHED, False)
    assert {"googlenet-torchvision", "inception-v3", "inception-v4", "resnet-50"} <= PUBLISHED.keys()
    assert main(["models"]) == 0
    assert "not downloaded, 52.1 MB" in capsys.readouterr().out


def test_models_needs_no_torch(folder: Path) -> None:
    script = "import sys; from explorer.cli import main; main(['models']); print('torch' in sys.modules)"
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.splitlines()[-1] == "False"


def test_a_folder_and_a_file_that_fails_among_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1, the predictions of the others, and the reason beside the one."""
    (folder / "photos" / "more").mkdir(parents=True)
    (folder / "photos" / ".hidden").mkdir()
    for name in ("b.png", "more/a.jpg", ".hidden/x.png", ".c.png"):
        (folder / "photos" / name).write_bytes((folder / "cat.png").read_bytes())
    (folder / "photos" / "notes.txt").write_text("x")
    pair, photos = f"{folder}/net.json:{folder}/net.pt", str(folder / "photos")
    told = said(capsys, "predict", pair, photos)
    assert [Path(each["file"]).name for each in told["images"]] == ["b.png", "a.jpg"]
    assert [Path(each).name for each in told["left_out"]] == ["notes.txt"]
    (folder / "photos" / "broken.png").write_bytes(b"no picture")
    assert main(["predict", pair, photos, str(folder / "cat.png"), str(folder / "none.png"), "--json"]) == 1
    rows = {Path(each["file"]).name: each for each in json.loads(capsys.readouterr().out)["images"]}
    assert set(rows) == {"b.png", "a.jpg", "broken.png", "cat.png", "none.png"}
    assert "not a supported image" in rows["broken.png"]["error"]
    assert "cannot read" in rows["none.png"]["error"]
    assert rows["b.png"]["predictions"] == rows["cat.png"]["predictions"]
    assert main(["predict", pair, photos]) == 1
    out, err = capsys.readouterr()
    assert "broken.png: no prediction" in out
    assert "1 of 3 files could not be classified" in err
    assert "1 files that are no pictures were left out" in err
    (folder / "empty").mkdir()
    assert "has no pictures" in error(capsys, "predict", pair, str(folder / "empty"))
    assert main(["predict", pair, photos, str(folder / "empty"), "--top", "2", "--csv"]) == 1
    out, err = capsys.readouterr()
    frame = pd.read_csv(io.StringIO(out))
    words = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    assert words == ["file", "class", "error"]
    assert frame["rank"].dropna().tolist() == [1, 2, 1, 2]
    assert frame["probability"].tolist()[:2] == [each["probability"] for each in rows["b.png"]["predictions"][:2]]
    assert frame["error"].count() == 2
    assert "2 of 4 files could not be classified" in err
    assert main(["predict", pair, str(folder / "empty"), str(folder / "none.png")]) == 2
    capsys.readouterr()


def test_what_was_converted_and_assumed_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrapped = {f"module.{key}": each for key, each in shaken_again().state_dict().items()}
    torch.save({"model": wrapped, "epoch": 3}, folder / "w.ckpt")
    told = said(capsys, "predict", f"{folder}/net.json:{folder}/w.ckpt", str(folder / "cat.png"))
    conversions = ["taken from 'model' of the file", "the prefix 'module.' taken off the names"]
    assert told["model"]["conversions"] == conversions
    assert told["images"][0]["conversions"] == told["model"]["conversions"]
    assert len(told["model"]["notes"]) == 2
    assert told["model"]["classes"] == [f"class {number}" for number in range(4)]
    assert main(["predict", f"{folder}/net.json:{folder}/w.ckpt", str(folder / "cat.png")]) == 0
    text = capsys.readouterr().out
    assert "about the file: taken from 'model' of the file; the prefix 'module.'" in text
    assert "It knows 4 classes and nothing else (class 0, class 1, class 2, class 3)" in text


def test_classes_and_normalisation_can_be_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair, picture = f"{folder}/net.json:{folder}/net.pt", str(folder / "cat.png")
    (folder / "names.txt").write_text("\ufeffeins\nzwei\n\ndrei\nvier\n", encoding="utf-8")
    typed = ("--classes", f"{folder}/names.txt", "--mean", "0,4", "--std", "0.2, 0.3, 0.4")
    told = said(capsys, "predict", pair, picture, *typed)
    assert told["model"]["classes"] == ["eins", "zwei", "drei", "vier"]
    assert told["model"]["preprocessing"]["mean"] == [0.4]
    assert told["model"]["preprocessing"]["std"] == [0.2, 0.3, 0.4]
    assert told["model"]["notes"] == []
    told = said(capsys, "predict", pair, picture, "--classes", "a, b,c,d", "--preset", "imagenet")
    assert told["model"]["classes"] == ["a", "b", "c", "d"]
    assert told["model"]["preprocessing"]["mean"] == [0.485, 0.456, 0.406]
    for args, text in (
        (["--mean", "half"], "--mean (='half') must be numbers"),
        (["--preset", "imagnet"], "there is no preset 'imagnet'; known: "),
        (["--classes", "a,b"], "has 4 scores, but 2 classes have names"),
        (["--std", "0"], "must be above zero"),
        (["--part", "model"], "has no part 'model'"),
    ):
        assert text in error(capsys, "predict", pair, picture, *args)
    assert "are for ARCH:WEIGHTS" in error(capsys, "predict", "googlenet", picture, "--mean", "0.5")


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["predict", "quirk", "cat.png"], "there is no model 'quirk'; `python -m explorer models` shows"),
        (["predict", "googlenet", "cat.png"], "are not on this machine; download them first"),
        (["predict", "googlenet", "cat.png"], "--download"),
        (["predict", "cifar10-incepton", "cat.png"], "did you mean cifar10-inception:WEIGHTS"),
        (["predict", "googlenet-96", "cat.png"], "give googlenet-96:WEIGHTS"),
        (["preditc", "net.json:net.pt", "cat.png"], "there is no 'preditc'; did you mean predict?"),
        (["frobnicate"], "there is no 'frobnicate'; known: list"),
        (["evaluate", "net.json:net.pt", "--dataset", "digits"], "knows 4 classes, digits has 10"),
        (["predict", "net.json:none.pt", "cat.png"], "is not a file"),
        (["predict", "none.json:net.pt", "cat.png"], "there is no file 'none.json'"),
        (["predict", "net.json:cat.png", "cat.png"], "cat.png is a picture, not weights"),
        (["predict", "googlenet-96:net.pt", "cat.png"], "net.pt belongs to another network than 'GoogLeNet 96×96'"),
        (["predict", "net.json:net.pt", "none.png"], "cannot read 'none.png'"),
        (["predict", "net.json:net.pt", "net.pt"], "'net.pt': this is not a supported image"),
        (["predict", "net.json:net.pt", "thread.png"], "'thread.png': the image (2,000×20 pixels)"),
        (["predict", "net.json:net.pt", "huge.png"], "'huge.png': the image is too large"),
        (["predict", "net.json:net.pt", "cut.png"], "'cut.png': the image file is incomplete or damaged"),
        (["predict", "net.json:net.pt", "cat.png", "--top", "0"], "--top (=0) must be at least 1"),
        (["predict", "net.json:net.pt"], "required: IMAGE"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, args: list[str], expected: str
) -> None:
    monkeypatch.chdir(folder)
    (folder / "thread.png").write_bytes(encoded(pixels(2, 20, 2000, 3)))
    (folder / "huge.png").write_bytes(encoded(Image.new("1", (9500, 9500))))
    (folder / "cut.png").write_bytes((folder / "cat.png").read_bytes()[:-400])
    assert expected in error(capsys, *args)


def test_perturb_is_the_curve_of_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    picture = Path(ROOT) / "assets" / "samples" / "digit-3.png"
    command = ("perturb", "mnist-inception", str(picture), "--along", "rotate", "--set", "blur=2", "--device", "cpu")
    model = open_model("mnist-inception", Manager(tmp_path / "home"))
    x_CHW = model.prepare(datasets.decode(picture.read_bytes()).pixels)[0]
    expected = trace_perturbation(model, x_CHW, "rotate", {"blur": 2.0})
    told = said(capsys, *command)
    assert told["values"] == list(expected.values)
    assert told["others"] == {"blur": 2.0}
    assert np.allclose(told["probabilities"], expected.probabilities.numpy(), atol=1e-6)
    assert main([*command, "--csv"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(table.columns) == ["rotate", *"0123456789"]
    assert np.allclose(table.to_numpy()[:, 1:], expected.probabilities.numpy(), atol=1e-6)
    assert main(list(command)) == 0
    assert "−90 °" in capsys.readouterr().out
    for wrong, message in (
        (("--along", "turn"), "--along (='turn') must be one of rotate"), (("--set", "blur"), "must be NAME=VALUE"),
        (("--set", "blur=x"), "--set 'blur'"), (("--set", "blur=99"), "blur (=99) must be from 0 to 12"),
    ):  # fmt: skip
        assert message in error(capsys, *command, *wrong)
