"""``python -m explorer effective-field``: states, images, outputs, and mistakes of one line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.architecture import from_json, to_json
from explorer.cli import main
from explorer.inspection import _shipped
from explorer.inspection.effective_field import find_effective_field, make_noise
from explorer.inspection.opening import open_files, open_initial
from explorer.modules import build
from explorer.runs import Manager, RunFolder
from explorer.training import checkpoint
from explorer.training.state import State
from tests.datasets.makers import encoded, pixels
from tests.test_cli import error
from tests.training.parts import CPU, network

from .parts import learnt, shaken, trained_run
from .test_cli import said

VERB = "effective-field"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network, its weights, and pictures; nothing else is known."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(_shipped, "FOLDER", tmp_path / "models")
    (tmp_path / "net.json").write_text(to_json(network()))
    torch.manual_seed(0)
    torch.save(shaken(build(network())).state_dict(), tmp_path / "net.pt")
    (tmp_path / "pictures").mkdir()
    for place in range(3):
        (tmp_path / "pictures" / f"{place}.png").write_bytes(encoded(pixels(place, 40, 30, 3)))
    return tmp_path


def test_trained_and_initial(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, pair = folder / "net.json", f"{folder}/net.json:{folder}/net.pt"
    options = (VERB, pair, "--node", "residual", "--unit", "2,1", "--channel", "3", "--n", "4", "--seed", "5")
    both = said(capsys, *options, "--weights", "both")
    assert [each["state"] for each in both] == ["initial", "net.pt"]
    images = make_noise(network(), 4, 5)
    for told, state in zip(both, (open_initial(network(), 5), open_files(network(), folder / "net.pt")), strict=True):
        expected = find_effective_field(state, images, "residual", (2, 1), channel=3)
        assert {**told, "state": ""} == {"state": "", **json.loads(json.dumps(expected.to_data()))}
    (alone,) = said(capsys, VERB, str(net), *options[2:], "--weights", "initial")
    assert alone == both[0]
    picture = folder / "fields.png"
    assert main([*options, "--weights", "both", "--csv", "--png", str(picture)]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [float(row["size_px"]) for row in rows] == [each["size_px"] for each in both]
    colours = np.asarray(Image.open(picture).convert("RGB"))
    assert colours.shape[1] > 2 * 200
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) > 20
    assert main([VERB, pair, "--n", "2"]) == 0  # the last map, its middle unit
    text = capsys.readouterr().out
    assert "residual, unit 3, 3, all channels; 2 images of normal noise, seed 0" in text
    assert "; exact\n" in text


def test_pictures_and_data_sets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = f"{folder}/net.json:{folder}/net.pt"
    (whole,) = said(capsys, VERB, pair, "--images", str(folder / "pictures"))
    (two,) = said(capsys, VERB, pair, "--images", str(folder / "pictures"), "--n", "2")
    (one,) = said(capsys, VERB, pair, "--images", str(folder / "pictures" / "0.png"))
    (digits,) = said(capsys, VERB, pair, "--images", "digits", "--n", "5")
    assert [each["images"] for each in (whole, two, one, digits)] == [3, 2, 1, 5]


def test_the_course_of_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manager = Manager(folder / "home")
    run = trained_run(manager)
    assert "has 1 checkpoint; its course needs two or more: train with --keep-checkpoints" in error(
        capsys, VERB, run, "--checkpoints"
    )
    net, settings, captured = learnt(0)
    begun = {**captured, **State(net, settings, CPU).capture()}
    checkpoint.save_kept(RunFolder(manager.root, run).checkpoints, run, 0, begun)
    found = said(capsys, VERB, run, "--checkpoints", "--n", "3")
    assert [each["state"] for each in found] == [f"{run} step 0", f"{run} step 40"]
    (initial,) = said(capsys, VERB, run, "--weights", "initial", "--n", "3", "--seed", "0")
    assert {**initial, "state": ""} == {**found[0], "state": ""}
    (last,) = said(capsys, VERB, f"{run}@40", "--n", "3")
    assert {**last, "state": ""} == {**found[1], "state": ""}
    assert from_json(manager.run(run).architecture) == net


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--unit", "3"), "must be ROW,COLUMN such as 3,4"),
        (("--unit", "90,0"), "is outside the feature map of residual"),
        (("--channel", "8"), "channels are numbered from 0 to 7"),
        (("--node", "residul"), "did you mean residual"),
        (("--n", "0"), "must be from 1 to 10,000"),
        (("--seed", "-1"), "seed (=-1) must be from 0 to 4294967295"),
        (("--seed", "9" * 20), "must be from 0 to 4294967295"),
        (("--json", "--csv"), "choose one of --json and --csv"),
        (("--images", "digitz"), "digits"),
        (("--images", "."), "has no pictures"),
        (("--png", "no/such/folder.png", "--n", "1"), "cannot write 'no/such/folder.png'"),
        (("--checkpoints",), "no run"),
        (("--checkpoints", "--weights", "both"), "choose one of --checkpoints and --weights"),
    ],
)
def test_what_cannot_be_is_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    text: str,
) -> None:
    empty = folder / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert text in error(capsys, VERB, f"{folder}/net.json:{folder}/net.pt", *options)


def test_a_network_without_weights_is_told_what_to_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = error(capsys, VERB, "inception-net")
    assert "give inception-net:WEIGHTS; or --weights initial for random ones" in told
