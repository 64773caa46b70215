"""Files of weights: read whole or not at all, and one sentence about whatever is wrong with them."""

from __future__ import annotations

import contextlib
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
from hypothesis import strategies as st
from torch import Tensor

from explorer.analysis import problems
from explorer.architecture import Architecture, Conv, Sequence
from explorer.modules import (
    WeightsError,
    WeightsFile,
    _pickle_data,
    build,
    fit_weights,
    open_weights_file,
    read_weights,
)
from tests.sizes import examples
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


def load(data: bytes, name: str = "w.pt", architecture: Architecture = SMALL) -> Weights:
    """What a network holds that was given the file."""
    return dict(fit_weights(architecture, read_weights([WeightsFile(name=name, data=data)])).network.state_dict())


def same(own: Weights, weights: Weights) -> bool:
    return own.keys() == weights.keys() and all(torch.equal(own[key], weights[key]) for key in own)


@settings(max_examples=examples(60))
@given(architectures())
def test_every_form_comes_back_bit_for_bit(architecture: Architecture) -> None:
    assume(not problems(architecture))
    weights = build(architecture).state_dict()
    assume(weights)
    forms = [saved(weights), safetensors.torch.save(dict(weights))]
    last = {key: t.to(memory_format=torch.channels_last) if t.ndim == 4 else t for key, t in weights.items()}
    forms += [saved(OrderedDict(last)), saved(weights, _use_new_zipfile_serialization=False)]
    for data in forms:
        assert same(load(data, architecture=architecture), dict(weights))


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
    "empty": (b"", "is empty"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"0" * 100, "is a picture"),
    "zeros": (bytes(1000), "nothing but zeros"),
    "noise": (random.Random(1).randbytes(1000), "neither a safetensors file nor saved by torch"),
    "cut archive": (saved(good())[:-40], "is cut off or damaged"),
    "cut safetensors": (safetensors.torch.save(good())[:-1], "is cut off: 1 bytes are missing"),
    "cut old form": (saved(good(), _use_new_zipfile_serialization=False)[:-9], "is cut off"),
    "safetensors, nothing but a length": ((10**9).to_bytes(8, "little") + b"{" * 90, "is cut off: its header"),
    "safetensors of garbage": ((80).to_bytes(8, "little") + b"{" * 90, "is damaged, or no safetensors file"),
    "compressed": (repacked(saved(good()), lambda _, data: data, zipfile.ZIP_DEFLATED), "is compressed"),
    "another program's pickle": (pickle.dumps(Evil()), "is a pickle that torch.save did not write"),
    "an object": (saved(Evil()), "holds a whole Python object (__builtin__.print), which is never made"),
    "objects": (saved({"a": Evil()}), "whole Python object (__builtin__.print), which is never made"),
    "an object, newer pickle": (with_pickle(pickle.dumps({"a": Evil()}, protocol=4)), "whole Python object"),
    "a name that torch trusts": (with_pickle(b"\x80\x02cbuiltins\nbytearray\nK\x08\x85R."), "(builtins.bytearray)"),
    "garbled pickle": (with_pickle(b"\x80\x02\xff\xff"), "list of tensors cannot be read"),
    "pickle of nothing": (with_pickle(b"\x80\x02."), "list of tensors cannot be read"),
    "no pickle": (repacked(saved(good()), lambda _, data: data).replace(b"data.pkl", b"data.pkx"), "is a zip archive"),
    "a list": (saved([torch.zeros(2)]), "holds a list, not weights by name"),
    "a tensor": (saved(torch.zeros(2)), "holds a single tensor"),
    "nothing": (saved({}), "holds no tensors by name"),
    "settings": (saved({"epoch": 3}), "holds no tensors by name, but 'epoch'"),
    "a whole model": (saved(build(SMALL)), "holds a whole Python object (explorer.modules._build.Network)"),
    "a whole model among others": (saved({"model": build(SMALL), "epoch": 1}), "its 'model' is a whole Python object"),
    "TorchScript": (with_member("archive/constants.pkl"), "is a program"),
    "exported program": (with_member("archive/models/model.json"), "is a program"),
    "two members of one name": (with_member("archive/versiom").replace(b"versiom", b"version"), "two members"),
    "missing": (saved(without(WEIGHT)), f"lacks '{WEIGHT}'"),
    "another name": (
        safetensors.torch.save(without(WEIGHT) | {"stem.conv.weigth": number(0)}),
        f"it has 'stem.conv.weigth', unknown to the network (nearest: '{WEIGHT}')",
    ),
    "another shape": (saved(changed(top__conv__bias=torch.zeros(5))), "'top.conv.bias' is 5, the network has 4"),
    "transposed": (saved(changed(stem__conv__weight=torch.zeros(3, 4, 3, 3))), "is 3×4×3×3, the network has 4×3×3×3"),
    "larger": (saved(changed(stem__conv__weight=torch.zeros(200_000))), "is 200,000, the network has 4×3×3×3"),
    "whole numbers": (saved(changed(stem__conv__weight=torch.zeros(4, 3, 3, 3, dtype=torch.int8))), "is int8"),
    "complex": (saved(changed(stem__conv__weight=torch.zeros(4, 3, 3, 3, dtype=torch.complex64))), "is complex64"),
    "beyond float32": (saved(changed(top__conv__bias=torch.full((4,), 1e30).double() * 1e30)), "beyond"),
    "sparse": (saved(changed(top__conv__bias=torch.zeros(4).to_sparse())), "(torch._utils._rebuild_sparse_tensor)"),
    "without numbers": (saved(changed(top__conv__bias=torch.zeros(4, device="meta"))), "not stored as plain numbers"),
    "not a number": (saved(changed(stem__conv__weight=number(float("nan")))), "not finite"),
    "infinite": (safetensors.torch.save(changed(stem__conv__weight=number(float("-inf")))), f"'{WEIGHT}' holds"),
    "names that command a terminal": (saved({"\x1b[31m<img src=x>": torch.zeros(1)}), "'\\x1b[31m<img src=x>'"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_one_sentence_and_change_nothing(kind: str) -> None:
    data, said = HOSTILE[kind]
    with pytest.raises(WeightsError) as caught:
        load(data)
    text = str(caught.value)
    assert said in text
    assert text.startswith("w.pt")
    assert text.isprintable()
    assert "weights_only" not in text
    assert "larger than" not in text
    assert len(text) < 400


def test_an_undamaged_file_of_the_table_loads() -> None:
    """The table's makers spoil nothing but what they mean to."""
    for data in (repacked(saved(good()), lambda _, data: data), safetensors.torch.save(good())):
        assert same(load(data), good())


def test_a_flipped_bit_never_loads_as_other_weights() -> None:
    data, rng, refused = saved(good()), random.Random(1), 0
    for _ in range(200):
        spoilt = bytearray(data)
        spoilt[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:
            found = load(bytes(spoilt))
        except WeightsError:
            refused += 1
        else:
            assert same(found, good()), "a bit of the frame that means nothing"
    assert refused > 60


@given(st.data())
@settings(max_examples=examples(300))
def test_whatever_is_done_to_a_pickle_is_an_answer_or_one_sentence(draw: st.DataObject) -> None:
    """Opcodes moved, doubled, cut and replaced: nothing is called, nothing but WeightsError comes out."""
    start = saved({"a": good(), "b": Evil(), "c": [1, (2.5, "x"), {3: b"y"}]})
    with zipfile.ZipFile(io.BytesIO(start)) as archive:
        pickled = bytearray(archive.read("archive/data.pkl"))
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(pickled) - 1))
        pickled[place : place + draw.draw(st.integers(0, 3))] = draw.draw(
            st.sampled_from([b"R", b"\x81", b"o", b"(", b"0", b"1", b"b", b"s", b"u", b"e", b"2", b"\x93", b"Q", b"."])
            | st.binary(max_size=3)
        )
    data = repacked(start, lambda name, old: bytes(pickled) if name.endswith("data.pkl") else old)
    with contextlib.suppress(WeightsError):
        assert set(load(data)) == set(good())


def test_a_pickle_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pickle_data, "_MAX_OPCODES", 1000)
    assert load(saved(good()))
    with pytest.raises(WeightsError, match="it has more than 1,000 steps"):
        load(with_pickle(b"\x80\x02" + b"N0" * 600 + b"N."))


def test_files_are_found_and_refused_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(safetensors.torch.save(good()))
    file = open_weights_file(path)
    assert bytes(file.data) == path.read_bytes()
    assert same(dict(fit_weights(SMALL, read_weights([file])).network.state_dict()), good())
    with pytest.raises(WeightsError, match="is not a file"):
        open_weights_file(tmp_path)
    with pytest.raises(WeightsError, match="is not a file"):
        open_weights_file(tmp_path / "none.pt")
    (tmp_path / "empty.pt").touch()
    with pytest.raises(WeightsError, match="is empty"):
        read_weights([open_weights_file(tmp_path / "empty.pt")])
    with (tmp_path / "huge.pt").open("wb") as huge:
        huge.truncate(10**12)  # sparse: never read whole
    with pytest.raises(WeightsError, match="nothing but zeros"):
        read_weights([open_weights_file(tmp_path / "huge.pt")])


BOMBS = """
import io, json, os, resource, sys, zipfile
import torch
from explorer.modules import WeightsError
from tests.modules.test_weights import good, load, saved, with_pickle

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

load(saved(good()))
if os.fork():  # a program inherits the peak of the process that started it; only a copy starts from what it has
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
load(saved(good()))  # the code that it runs counts from when the copy has run it, many pages at once or few
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
said = []
for data in (
    overlapping(),
    with_pickle(b"\\x80\\x02cbuiltins\\nbytearray\\nJ\\xff\\xff\\xff\\x7f\\x85R."),
    with_pickle(b"\\x80\\x02" + b"}" * 70_000 + b"."),
    with_pickle(b"\\x80\\x02" + b"]q\\x00h\\x00a" * 70_000 + b"."),
    with_pickle(b"\\x80\\x02" + b"Nr\\xff\\xff\\xff\\x7f" + b"."),
    saved({"a": torch.zeros(1).expand(10**6, 10**6)}),
):
    try:
        load(data)
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
    assert len(said) == 6, said
    assert grown < 40_000, f"{grown} kB"
