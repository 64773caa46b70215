"""Runs that start from weights as a person types them, with real workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.architecture import edit, to_json
from explorer.cli import main
from explorer.inspection.opening import open_model
from explorer.inspection.starting import open_start
from explorer.modules import build
from explorer.runs import Manager, RunFolder
from explorer.training import START_FILE, clone
from tests.training.parts import network

pytestmark = pytest.mark.usefixtures("light_workers")


def train(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[dict[str, Any], str]:
    assert main(["train", *args, "--epochs", "1", "--device", "cpu", "--set", "batch_size=512", "--json"]) == 0
    out, err = capsys.readouterr()
    return json.loads(out), err


def test_a_run_keeps_what_it_started_from_also_where_the_source_is_gone(
    root: Path, tmp_path: Path, manager: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    net, wider = tmp_path / "net.json", tmp_path / "wider.json"
    net.write_text(to_json(network(classes=10)), encoding="utf-8")
    edited = edit.replace(network(classes=7), "mixed/ones", out_channels=6)
    wider.write_text(to_json(edit.replace(edited, "residual/body", out_channels=10)), encoding="utf-8")
    first, _ = train(capsys, str(net))
    source = f"{first['id']}@best"
    given = open_start(source, manager)
    second, told = train(capsys, str(wider), "--from", source, "--freeze", "stem", "--old-rate", "0,5")
    # Its classes are those of the data: the head is kept, and the network got as many outputs.
    assert "0 begun anew" in told
    assert "cut: " in told
    assert {row["fate"] for row in second["carried"]} == {"taken", "cut"}
    assert second["config"]["start"]["old_rate"] == 0.5
    model = open_model(second["id"], manager)
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, given.tensors[name]) == name.startswith("stem.") or name.endswith("tracked"), name
    assert given.preprocessing is not None
    assert model.preprocessing.normalisation == given.preprocessing.normalisation
    # A run is whole without its source, and so is what is made of it.
    assert main(["runs", "delete", first["id"]]) == 0
    assert main(["runs", "extend", second["id"], "1"]) == 0
    assert main(["runs", "watch", second["id"]]) == 0
    assert manager.run(second["id"]).status == "finished"
    again = clone(manager, second["id"])
    copies = [RunFolder(manager.root, run).path / START_FILE for run in (second["id"], again.id)]
    assert copies[0].read_bytes() == copies[1].read_bytes()
    assert open_start(f"{second['id']}@start", manager).name == given.name
    manager.stop(again.id)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--freeze", "stem"), "--freeze is for a run that starts from weights; name them by --from"),
        (("--from", "nobody"), "there is no model 'nobody'"),
        (("--from", "cifar10-inception"), "nothing of cifar10-inception fits 'tiny'"),
        (("--from", "{file}", "--unfreeze", "soon"), "--unfreeze (='soon') must be block:N or all:N"),
        (("--from", "{file}", "--old-rate", "x"), "--old-rate: 'x' is not a number"),
        (("--from", "{file}", "--freeze", "steam"), "did you mean stem?"),
        (("--input", "weights"), "--input weights is for a run that starts from weights"),
    ],
)
def test_what_cannot_be_started_from_is_said_before(
    root: Path,
    tmp_path: Path,
    manager: Manager,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    said: str,
) -> None:
    design, file = tmp_path / "net.json", tmp_path / "weights.pt"
    design.write_text(to_json(network(classes=10)), encoding="utf-8")
    torch.save(build(network(classes=10)).state_dict(), file)
    assert main(["train", str(design), *(option.format(file=file) for option in options)]) == 2
    assert said in capsys.readouterr().err
    assert manager.runs() == []
