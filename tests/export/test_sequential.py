"""The form for teaching: one nn.Sequential that computes what `build` computes, in the order of its weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import nn

from explorer import catalog
from explorer.analysis import problems
from explorer.architecture import Architecture, walk
from explorer.export import Subject, export
from explorer.modules import build
from tests.export.test_source import COMPUTED, HOSTILE, LONG, check_layout, equal, outputs
from tests.sizes import ALL, THOROUGH, thorough
from tests.strategies import analysis_or_skip, architectures


def sequential_of(architecture: Architecture) -> str:
    return export(Subject(architecture=architecture), "sequential").data.decode()


def network_of(source: str) -> nn.Sequential:
    space: dict[str, Any] = {"__name__": "source"}
    exec(compile(source, "source", "exec"), space)
    network = space["network"]
    assert type(network) is nn.Sequential
    return network


def check_equal(architecture: Architecture, source: str) -> None:
    """Without its auxiliary heads the network has the same tensors in the same order, and gives the same scores."""
    right, made = build(architecture), network_of(source)
    heads = tuple(f"{path.replace('/', '.')}." for path, node in walk(architecture) if node.op == "auxiliary")
    ours = [tensor for name, tensor in right.state_dict().items() if not f"{name}.".startswith(heads)]
    assert [each.shape for each in ours] == [each.shape for each in made.state_dict().values()]
    for own, other in zip(ours, made.state_dict().values(), strict=True):
        other.copy_(own)
    images = torch.randn(2, *architecture.input_shape)
    for training in [False] if heads else [True, False]:
        right.train(training), made.train(training)
        with torch.no_grad():
            assert equal(outputs(right, images), outputs(made, images))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in COMPUTED else THOROUGH) for name in catalog.names()]
)
def test_the_catalogue_is_equal_bit_for_bit(name: str) -> None:
    check_equal(catalog.get(name), sequential_of(catalog.get(name)))


@LONG
@settings(max_examples=500 if ALL else 25, deadline=None)
@given(architectures())
def test_random_networks_are_equal_bit_for_bit(architecture: Architecture) -> None:
    analysis_or_skip(architecture)
    check_equal(architecture, sequential_of(architecture))


def test_it_is_laid_out_as_ruff_does(tmp_path: Path) -> None:
    networks = [catalog.get(name) for name in catalog.names()]
    networks += [networks[0].model_copy(update={"name": title}) for title in HOSTILE]
    for index, network in enumerate(networks):
        (tmp_path / f"network_{index}.py").write_text(sequential_of(network))
    check_layout(tmp_path)


@LONG
@settings(max_examples=60 if ALL else 3, deadline=None)
@given(architectures())
def test_random_ones_are_laid_out_as_ruff_does(architecture: Architecture) -> None:
    import tempfile

    if not problems(architecture):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "network.py").write_text(sequential_of(architecture))
            check_layout(Path(folder))


def test_what_it_cannot_say_is_told_in_the_file_and_beside_it() -> None:
    file = export(Subject(architecture=catalog.get("googlenet")), "sequential")
    assert any("auxiliary_1 and 1 more" in note for note in file.notes)
    assert "auxiliary_1 and 1 more" in " ".join(file.data.decode().split())
    assert file.name == "GoogLeNet.sequential.py"


@thorough("tests/export/test_source.py::test_python_file_prints_the_shapes")
def test_python_file_prints_the_shapes(tmp_path: Path) -> None:
    (tmp_path / "network.py").write_text(sequential_of(catalog.get("inception-net-32")))
    found = subprocess.run(
        [sys.executable, "-I", "network.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[-1].split(maxsplit=1) == ["Linear", "(1, 10)"]
