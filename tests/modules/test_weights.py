"""Weights from files: whole or not at all, and one sentence about whatever is wrong with them."""

from __future__ import annotations

import io
import json
import pickle
import random
import subprocess
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import assume, given, settings
from torch import Tensor

from explorer.analysis import problems
from explorer.architecture import Architecture, Conv, Sequence
from explorer.modules import Network, WeightsError, build, load_weights, load_weights_file
from tests.strategies import architectures

ROOT = Path(__file__).parents[2]
SMALL = Architecture(
    name="small",
    input_shape=(3, 8, 8),
    trunk=Sequence(
        name="trunk",
        children=(
            Conv(name="stem", out_channels=4, kernel_size=3, norm="batch"),
            Conv(name="top", out_channels=4, kernel_size=3),
        ),
    ),
)
WEIGHT = "stem.conv.weight"
Weights = dict[str, Any]


def saved(weights: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(weights, buffer, **options)
    return buffer.getvalue()


def good(seed: int = 1) -> Weights:
    torch.manual_seed(seed)
    return dict(build(SMALL).state_dict())


def repacked(data: bytes, change: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """The same archive, each member changed, with checksums that hold."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", compression) as new:
        for member in old.infolist():
            new.writestr(member.filename, change(member.filename, old.read(member)))
    return out.getvalue()


def with_pickle(pickled: bytes) -> bytes:
    return repacked(saved(good()), lambda name, data: pickled if name.endswith("data.pkl") else data)


def with_member(name: str) -> bytes:
    buffer = io.BytesIO(saved(good()))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, b"x")
    return buffer.getvalue()


def same(network: Network, weights: Weights) -> bool:
    own = network.state_dict()
    return own.keys() == weights.keys() and all(torch.equal(own[key], weights[key]) for key in own)


@settings(max_examples=30)
@given(architectures())
def test_both_forms_come_back_bit_for_bit(architecture: Architecture) -> None:
    assume(not problems(architecture))
    weights = build(architecture).state_dict()
    assume(weights)
    forms = [saved(weights), safetensors.torch.save(dict(weights))]
    last = {key: t.to(memory_format=torch.channels_last) if t.ndim == 4 else t for key, t in weights.items()}
    for data in (*forms, saved(OrderedDict(last))):
        network = build(architecture)
        load_weights(network, data)
        assert same(network, dict(weights))


class Evil:
    def __reduce__(self) -> Any:
        return print, ("never",)


def changed(**tensors: Any) -> Weights:
    return {**good(), **{key.replace("__", "."): value for key, value in tensors.items()}}


def without(key: str) -> Weights:
    return {name: tensor for name, tensor in good().items() if name != key}


def number(value: float) -> Tensor:
    tensor = good()[WEIGHT].clone()
    tensor.view(-1)[7] = value
    return tensor


HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "neither a safetensors file nor a state dict"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"0" * 100, "neither a safetensors file nor a state dict"),
    "cut archive": (saved(good())[:-40], "is damaged"),
    "cut safetensors": (safetensors.torch.save(good())[:-1], "is damaged, or no safetensors file"),
    "safetensors, nothing but a length": ((10**9).to_bytes(8, "little") + b"{" * 90, "names more tensors"),
    "safetensors of garbage": ((80).to_bytes(8, "little") + b"{" * 90, "is damaged, or no safetensors file"),
    "compressed": (repacked(saved(good()), lambda _, data: data, zipfile.ZIP_DEFLATED), "is compressed"),
    "old form": (saved(good(), _use_new_zipfile_serialization=False), "is a bare pickle"),
    "another program's pickle": (pickle.dumps(Evil()), "is a bare pickle"),
    "an object": (saved({"a": Evil()}), "Python objects (__builtin__.print), which are never made"),
    "an object, newer pickle": (with_pickle(pickle.dumps({"a": Evil()}, protocol=4)), "Python objects"),
    "a name that torch trusts": (with_pickle(b"\x80\x02cbuiltins\nbytearray\nK\x08\x85R."), "(builtins.bytearray)"),
    "garbled pickle": (with_pickle(b"\x80\x02\xff\xff"), "list of tensors cannot be read"),
    "pickle of nothing": (with_pickle(b"\x80\x02."), "does not hold tensors as torch saves them"),
    "no pickle": (repacked(saved(good()), lambda _, data: data).replace(b"data.pkl", b"data.pkx"), "not a state dict"),
    "a list": (saved([torch.zeros(2)]), "holds a list, not weights by name"),
    "a checkpoint": (saved({"model": good(), "epoch": 3}), "holds 'model', 'epoch', which are not tensors"),
    "TorchScript": (with_member("archive/constants.pkl"), "is a program"),
    "exported program": (with_member("archive/models/model.json"), "is a program"),
    "many members": (saved(good()) + b"PK\1\2" * 1000, "more members"),
    "too large": (saved(changed(stem__conv__weight=torch.zeros(200_000))), "larger than this network's weights"),
    "missing": (saved(without(WEIGHT)), f"lacks '{WEIGHT}'"),
    "another name": (
        safetensors.torch.save(without(WEIGHT) | {"stem.conv.weigth": number(0)}),
        f"it has 'stem.conv.weigth', unknown to the network (nearest: '{WEIGHT}')",
    ),
    "another shape": (saved(changed(top__conv__bias=torch.zeros(5))), "'top.conv.bias' is 5, the network has 4"),
    "transposed": (saved(changed(stem__conv__weight=torch.zeros(3, 4, 3, 3))), "is 3×4×3×3, the network has 4×3×3×3"),
    "half": (safetensors.torch.save({k: t.half() for k, t in good().items()}), "is float16, the network has float32"),
    "expanded": (
        saved(changed(stem__conv__weight=torch.zeros(1).expand(4, 3, 3, 3))),
        "is stored with strides (0, 0, 0, 0); save it contiguous",
    ),
    "sparse": (saved(changed(top__conv__bias=torch.zeros(4).to_sparse())), "(torch._utils._rebuild_sparse_tensor)"),
    "not a number": (saved(changed(stem__conv__weight=number(float("nan")))), "not finite"),
    "infinite": (safetensors.torch.save(changed(stem__conv__weight=number(float("-inf")))), f"'{WEIGHT}' holds"),
    "names that command a terminal": (saved({"\x1b[31m<img src=x>": torch.zeros(1)}), "'\\x1b[31m<img src=x>'"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_one_sentence_and_change_nothing(kind: str) -> None:
    data, said = HOSTILE[kind]
    network, before = build(SMALL), good(2)
    network.load_state_dict(before)
    with pytest.raises(WeightsError) as caught:
        load_weights(network, data, "w.pt")
    text = str(caught.value)
    assert said in text
    assert text.startswith("w.pt")
    assert text.isprintable()
    assert "weights_only" not in text
    assert len(text) < 400
    assert same(network, before)


def test_an_undamaged_file_of_the_table_loads() -> None:
    """The table's makers spoil nothing but what they mean to."""
    for data in (repacked(saved(good()), lambda _, data: data), safetensors.torch.save(good())):
        network = build(SMALL)
        load_weights(network, data)
        assert same(network, good())


def test_a_flipped_bit_never_loads_as_other_weights() -> None:
    data, rng, refused = saved(good()), random.Random(1), 0
    for _ in range(300):
        spoilt = bytearray(data)
        spoilt[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        network = build(SMALL)
        try:
            load_weights(network, bytes(spoilt))
        except WeightsError:
            refused += 1
        else:
            assert same(network, good()), "a bit of the frame that means nothing"
    assert refused > 100


def test_files_are_found_and_refused_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(safetensors.torch.save(good()))
    network = build(SMALL)
    assert load_weights_file(network, path) == path.read_bytes()
    assert same(network, good())
    with pytest.raises(WeightsError, match="is not a file"):
        load_weights_file(network, tmp_path)
    with pytest.raises(WeightsError, match="is not a file"):
        load_weights_file(network, tmp_path / "none.pt")
    with (tmp_path / "huge.pt").open("wb") as file:
        file.truncate(10**12)  # sparse: never read whole
    with pytest.raises(WeightsError, match="larger than this network's weights"):
        load_weights_file(network, tmp_path / "huge.pt")


BOMBS = """
import io, json, resource, sys, zipfile
import torch
from explorer.modules import WeightsError, build, load_weights
from tests.modules.test_weights import SMALL, good, repacked, saved, with_pickle

def overlapping():
    # one megabyte of zeros that five thousand members share
    data = bytearray(saved(good()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/data.pkl", b"x")
        archive.writestr("a/data/0", bytes(10_000))
        first = archive.infolist()[1]
        for number in range(50):
            twin = zipfile.ZipInfo(f"a/data/{number + 1}")
            for field in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(twin, field, getattr(first, field))
            archive.filelist.append(twin)
    return out.getvalue()

build(SMALL)
load_weights(build(SMALL), saved(good()))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
said = []
for data in (
    overlapping(),
    with_pickle(b"\\x80\\x02cbuiltins\\nbytearray\\nJ\\xff\\xff\\xff\\x7f\\x85R."),
    with_pickle(b"\\x80\\x02" + b"}" * 70_000 + b"."),
    with_pickle(b"\\x80\\x02" + b"Nr\\xff\\xff\\xff\\x7f" + b"."),
    saved({"a": torch.zeros(1).expand(10**6, 10**6)}),
):
    try:
        load_weights(build(SMALL), data)
    except WeightsError as error:
        said.append(str(error))
print(json.dumps([said, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))
"""


def test_bombs_take_no_memory() -> None:
    """Measured in a process of its own: what each would take by itself is 0.5 MB to 4 TB."""
    command = [sys.executable, "-c", BOMBS]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    said, grown = json.loads(run.stdout)
    assert len(said) == 5, said
    assert grown < 40_000, f"{grown} kB"
