"""Weights as people save them: every wrapping, prefix and type has one meaning, and each conversion is told."""

from __future__ import annotations

import argparse
import collections
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from explorer import catalog
from explorer.architecture import Architecture, Linear, edit
from explorer.modules import (
    FittedWeights,
    WeightsError,
    WeightsFile,
    build,
    fit_weights,
    open_weights_file,
    read_weights,
    weights_paths,
)
from tests.sizes import examples
from tests.training.parts import network

NET = network(heads=True, classes=5)
Weights = dict[str, Any]


def weights(seed: int = 0, net: Architecture = NET) -> Weights:
    """Random numbers that half precision holds exactly, and counters that are not zero."""
    torch.manual_seed(seed)
    return {
        key: tensor + 7 if key.endswith("num_batches_tracked") else torch.randn(tensor.shape).bfloat16().half().float()
        for key, tensor in build(net).state_dict().items()
    }


def saved(content: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    torch.save(content, out, **options)
    return out.getvalue()


def opened(data: bytes, net: Architecture = NET, name: str = "w.pt", part: str | None = None) -> FittedWeights:
    return fit_weights(net, read_weights([WeightsFile(name=name, data=data)]), part)


def assert_same(fitted: FittedWeights, expected: Weights) -> None:
    found = fitted.network.state_dict()
    assert list(found) == list(expected)
    for key, tensor in found.items():
        assert torch.equal(tensor, expected[key]), key


def told(fitted: FittedWeights, *words: str) -> bool:
    text = "; ".join(fitted.conversions)
    return all(word in text for word in words)


class Settings:
    """What stands beside weights in files of others: an object of a class of theirs."""

    def __init__(self) -> None:
        self.values = {"lr": 0.1}


def beside() -> Weights:
    """What training scripts put beside the weights."""
    net = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return {
        "epoch": 3,
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1, classes=["a", "b"]),
        "config": Settings(),
        "best_acc": np.float64(0.93),
        "history": collections.defaultdict(list, loss=[1.0, 0.5]),
        "rng": torch.get_rng_state(),
        "hyper_parameters": {"path": Path("x"), "size": torch.Size([3, 4]), "kinds": {"a", "b"}},
        "pytorch-lightning_version": "2.1.0",
        "dtype": torch.float16,
        "when": np.datetime64("2020-01-01"),
    }


WRAPPINGS = ("state_dict", "model", "net", "weights", "model_state_dict", "params", "ema_state_dict", "module", "x")
PREFIXES = ("module.", "model.", "net.", "backbone.", "module.model.", "model.net.module.", "_orig_mod.",
            "module._orig_mod.", "_orig_mod.module.", "0.", "encoder._fsdp_wrapped_module.")  # fmt: skip


@st.composite
def forms(draw: st.DrawFn) -> tuple[bytes, Weights, list[str]]:
    """A file, what the network must hold, and words that must be told."""
    content, words = weights(draw(st.integers(0, 3))), []
    expected = dict(content)
    counters = [key for key in content if key.endswith("num_batches_tracked")]
    if draw(st.booleans()):
        content = {key: tensor for key, tensor in content.items() if key not in counters}
        expected |= dict.fromkeys(counters, torch.zeros((), dtype=torch.int64))
        words.append("num_batches_tracked")
    dtype = draw(st.sampled_from([None, torch.float16, torch.bfloat16, torch.float64]))
    if dtype:
        content = {key: tensor.to(dtype) if key not in counters else tensor for key, tensor in content.items()}
        words.append(str(dtype).removeprefix("torch."))
    if draw(st.booleans()):
        content = {key: nn.Parameter(each) if each.is_floating_point() else each for key, each in content.items()}
    if draw(st.booleans()):
        prefix = draw(st.sampled_from(PREFIXES))
        content = {prefix + key: tensor for key, tensor in content.items()}
        words.append(prefix.replace("_orig_mod.", "").replace("_fsdp_wrapped_module.", "") or "_orig_mod")
    whole: Any = collections.OrderedDict(content)
    if draw(st.booleans()):
        data = {key: tensor.detach() for key, tensor in content.items()}
        return safetensors.torch.save(data), expected, words
    for wrapping in draw(st.lists(st.sampled_from(WRAPPINGS), max_size=2)):
        whole = {**(beside() if draw(st.booleans()) else {}), wrapping: whole}
        words.append(wrapping)
    return saved(whole, _use_new_zipfile_serialization=draw(st.booleans())), expected, words


@given(forms())
@settings(max_examples=examples(150))
def test_wrappings_prefixes_and_types_have_one_meaning(form: tuple[bytes, Weights, list[str]]) -> None:
    data, expected, words = form
    fitted = opened(data)
    assert_same(fitted, expected)
    assert told(fitted, *words), (words, fitted.conversions)
    assert fitted.architecture == NET


def test_a_plain_state_dict_has_nothing_to_tell() -> None:
    fitted = opened(saved(weights()))
    assert (fitted.conversions, fitted.notes, fitted.parts) == ((), (), ("",))


@pytest.mark.parametrize("name", ["code", "models", "data", "archive_format", "constants", "a b", "ä"])
def test_torch_names_the_archive_after_the_file(tmp_path: Path, name: str) -> None:
    torch.save(weights(), tmp_path / f"{name}.pt")
    file = open_weights_file(tmp_path / f"{name}.pt")
    assert_same(fit_weights(NET, read_weights([file])), weights())


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_every_protocol(protocol: int, new: bool) -> None:
    content = {**beside(), "net": weights()}
    assert_same(opened(saved(content, pickle_protocol=protocol, _use_new_zipfile_serialization=new)), weights())


def test_one_shard_of_one_is_the_whole_file() -> None:
    assert_same(opened(safetensors.torch.save(weights()), name="model-00001-of-00001.safetensors"), weights())


def test_rounding_is_told_by_how_many_numbers_it_changes() -> None:
    doubled = {key: tensor.double() if tensor.is_floating_point() else tensor for key, tensor in weights().items()}
    assert told(opened(saved(doubled)), "float64", "every number is the same")
    doubled["fc.linear.bias"][:2] += 1e-12
    fitted = opened(saved(doubled))
    count = sum(tensor.numel() for key, tensor in doubled.items() if tensor.dtype == torch.float64)
    assert told(fitted, f"float64 turned into float32: 2 of {count:,} numbers were rounded")
    assert_same(fitted, {key: tensor.to(weights()[key].dtype) for key, tensor in doubled.items()})


def test_a_state_dict_halved_as_a_whole_has_counters_of_another_type() -> None:
    halved = {key: tensor.half() for key, tensor in weights().items()}
    halved["stem.bn.num_batches_tracked"] = torch.tensor(float("inf")).half()
    found = opened(saved(halved)).network.state_dict()
    assert found["stem.bn.num_batches_tracked"] == 0
    assert found["mixed.ones.bn.num_batches_tracked"] == 7


def test_float8_is_exact() -> None:
    small = {key: each.to(torch.float8_e5m2) if each.is_floating_point() else each for key, each in weights().items()}
    fitted = opened(saved(small))
    assert_same(fitted, {key: each.to(weights()[key].dtype) for key, each in small.items()})
    assert told(fitted, "float8_e5m2 turned into float32, which is exact")


def test_of_several_that_fit_the_average_is_taken_and_the_others_named() -> None:
    other = {f"module.{key}": tensor for key, tensor in weights(2).items()} | {"n_averaged": torch.tensor(3)}
    content = {"model": weights(1), "model_ema": other, "best": weights(3), "smaller": {"a": torch.ones(2)}}
    fitted = opened(saved(content))
    assert_same(fitted, weights(2))
    assert fitted.parts == ("model_ema.module", "model", "best")
    assert "'model_ema.module', a running average, was taken; 'model', 'best' can be chosen" in fitted.notes[0]
    assert told(fitted, "'n_averaged' left out")
    chosen = opened(saved(content), part="model")
    assert_same(chosen, weights(1))
    assert chosen.notes == ()
    with pytest.raises(WeightsError, match="has no part 'smaller' with weights of this network"):
        opened(saved(content), part="smaller")


def test_the_one_that_fits_is_taken_whatever_it_is_called() -> None:
    smaller = weights(0, network(classes=5, heads=False))
    smaller.pop("fc.linear.bias")
    fitted = opened(saved({"model_ema": smaller, "model": weights(1)}))
    assert_same(fitted, weights(1))
    assert fitted.notes == ()


def test_teacher_and_student_in_one_dict() -> None:
    both = {**{f"student.{key}": each for key, each in weights(1).items()},
            **{f"teacher.{key}": each for key, each in weights(2).items()}}  # fmt: skip
    fitted = opened(saved({"state_dict": both}))
    assert fitted.parts == ("state_dict.student", "state_dict.teacher")
    assert_same(fitted, weights(1))
    assert_same(opened(saved({"state_dict": both}), part="state_dict.teacher"), weights(2))


def test_lightning_keeps_the_loss_beside_the_network() -> None:
    inside = {f"model.{key}": tensor for key, tensor in weights().items()} | {"criterion.weight": torch.ones(5)}
    fitted = opened(saved({**beside(), "state_dict": inside}))
    assert_same(fitted, weights())
    assert told(fitted, "'criterion.weight' beside the network left out")


def test_thop_and_compiled_blocks_leave_their_marks() -> None:
    marked = {**weights(), "total_ops": torch.zeros(1), "stem.total_params": torch.zeros(1)}
    assert told(opened(saved(marked)), "'total_ops', 'stem.total_params' left out")
    marked = {key.replace("mixed.", "mixed._orig_mod."): tensor for key, tensor in weights().items()}
    assert_same(opened(saved(marked)), weights())


def test_tensors_that_share_memory_or_are_transposed() -> None:
    flat = torch.randn(10_000)
    views, place = weights(), 0
    for key, tensor in views.items():
        if tensor.is_floating_point():
            views[key] = flat[place : place + tensor.numel()].view(tensor.shape)
            place += tensor.numel()
    views["fc.linear.weight"] = torch.randn(8, 5).t()
    views["stem.conv.weight"] = torch.ones(1).expand(8, 3, 3, 3)
    for new in (True, False):
        assert_same(opened(saved(views, _use_new_zipfile_serialization=new)), views)


@pytest.mark.parametrize("wrap", [lambda key: f"lit.{key}", lambda key: key])
@pytest.mark.parametrize("classes", [1, 3, 700])
def test_the_network_gets_the_classes_of_the_file(classes: int, wrap: Callable[[str], str]) -> None:
    given = edit.set_classes(NET, classes)
    fitted = opened(saved({wrap(key): tensor for key, tensor in weights(0, given).items()}))
    assert fitted.architecture == given
    assert_same(fitted, weights(0, given))
    assert told(fitted, f"the classes are {classes}, as in the file, not 5")


def test_heads_that_are_not_in_the_file_are_left_out() -> None:
    fitted = opened(saved({key: each for key, each in weights().items() if not key.startswith("aux.")}))
    assert fitted.architecture == edit.remove(NET, "aux")
    assert told(fitted, "the auxiliary head 'aux' left out")
    halved = {key: each for key, each in weights().items() if key != "aux.fc.linear.bias"}
    fitted = opened(saved(halved))
    assert fitted.architecture == edit.remove(NET, "aux")
    assert "What the file has of 'aux' does not fit the network's auxiliary head and was left out" in fitted.notes[0]
    assert_same(fitted, {key: each for key, each in weights().items() if not key.startswith("aux.")})


HEADS: dict[str, tuple[nn.Module, str]] = {
    "fc": (nn.Sequential(nn.Dropout(), nn.Linear(8, 3)), "'fc.1' taken as the classifier"),
    "classifier": (nn.Linear(8, 3), "'classifier' taken as the classifier"),
    "last_linear": (nn.Linear(8, 3, bias=False), "'fc' has no bias"),
    "head": (nn.Sequential(nn.Linear(8, 9), nn.ReLU(), nn.Dropout(), nn.Linear(9, 3)), "the classes are 3"),
    "out": (nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(11)), nn.Linear(8, 2)), "are 2"),
    "fc_": (nn.Sequential(nn.Linear(8, 7, bias=False), nn.ReLU(), nn.Linear(7, 3)), "the classes are 3"),
}


@torch.no_grad()
@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("form", ["pt", "safetensors"])
def test_a_classifier_of_another_form_is_rebuilt(name: str, form: str) -> None:
    theirs, words = HEADS[name]
    torch.manual_seed(0)
    own = build(NET).state_dict()
    trunk = {key: each for key, each in own.items() if not key.startswith("fc.")}
    content = {**trunk, **{f"{name}.{key}": tensor for key, tensor in theirs.state_dict().items()}}
    fitted = opened(saved(content) if form == "pt" else safetensors.torch.save(content))
    x_1CHW = torch.randn(1, *NET.input_shape)
    whole = build(NET).eval()
    whole.load_state_dict(own)
    features: list[torch.Tensor] = []
    whole.get_submodule("fc").register_forward_pre_hook(lambda _, inputs: features.append(inputs[0]))
    whole(x_1CHW)
    assert torch.allclose(fitted.network.eval()(x_1CHW), theirs.eval()(features[0]), atol=1e-5)
    assert told(fitted, words)
    several = sum(isinstance(module, nn.Linear) for module in theirs.modules()) > 1
    assert any("ReLU between them is assumed" in note for note in fitted.notes) == several


@pytest.mark.parametrize("head", ["head", "model.classifier", "fc"])
def test_a_trunk_and_a_head_in_parts_of_a_module_are_one_network(head: str) -> None:
    trunk = {f"backbone.{key}": each for key, each in weights().items() if not key.startswith("fc.")}
    linear = {key.removeprefix("fc.linear."): each for key, each in weights().items() if key.startswith("fc.")}
    fitted = opened(saved({"state_dict": {**trunk, **{f"{head}.{key}": each for key, each in linear.items()}}}))
    assert_same(fitted, weights())
    assert told(fitted, f"{head!r} taken as the classifier", "the prefix 'backbone.' taken off the names")
    assert not told(fitted, "beside the network left out")


def test_linear_layers_that_the_network_has_are_taken_in_their_order() -> None:
    net = edit.insert(NET, "", Linear(name="hidden", out_features=9, activation="gelu"), len(NET.trunk.children) - 1)
    content = weights(0, net)
    renamed = {key.replace("hidden.linear", "fc.0").replace("fc.linear", "aux.fc.linear" if "aux" in key else "fc.3")
               .replace("aux.aux", "aux"): each for key, each in content.items()}  # fmt: skip
    fitted = opened(saved(renamed), net)
    assert_same(fitted, content)
    assert fitted.notes == ()
    assert told(fitted, "'fc.0', 'fc.3' taken as the linear layers 'hidden', 'fc', in this order")


def test_a_classifier_that_cannot_be_rebuilt_is_told() -> None:
    trunk = {key: each for key, each in weights().items() if not key.startswith("fc.")}
    normed = nn.Sequential(nn.Linear(8, 9), nn.BatchNorm1d(9), nn.Linear(9, 3))
    with pytest.raises(WeightsError, match=r"'fc\.1', where the network has its classifier .* is no linear layer"):
        opened(saved({**trunk, **{f"fc.{key}": each for key, each in normed.state_dict().items()}}))
    same = {f"{name}.weight": torch.ones(8, 8) for name in ("first", "second", "third")}
    with pytest.raises(WeightsError, match="the order of its linear layers 'first', 'second', 'third' cannot be told"):
        opened(saved({**trunk, **same}))
    sized = {"z.weight": torch.ones(9, 8), "a.weight": torch.ones(3, 9)}
    assert told(opened(saved({**trunk, **sized})), "the classes are 3")
    other = nn.Sequential(nn.Linear(7, 9), nn.Linear(9, 3))
    with pytest.raises(WeightsError, match=r"it lacks 'fc\.linear\.weight'.*it has 'fc\.0\.weight'"):
        opened(saved({**trunk, **{f"fc.{key}": each for key, each in other.state_dict().items()}}))


def test_checksums_that_were_switched_off_are_told() -> None:
    torch.serialization.set_crc32_options(False)
    try:
        fitted = opened(saved(weights()))
    finally:
        torch.serialization.set_crc32_options(True)
    assert_same(fitted, weights())
    assert told(fitted, "saved without checksums")


# ---- shards ---------------------------------------------------------------------------------------------------------


def shards(folder: Path, count: int, form: str, start: int = 1) -> list[Path]:
    """The weights of NET in several files, and their index, as Hugging Face names them."""
    content = weights()
    places, paths = {}, []
    for number in range(count):
        name = f"model-{number + start:05}-of-{count:05}.{form}"
        part = {key: content[key] for key in list(content)[number::count]}
        (folder / name).write_bytes(safetensors.torch.save(part) if form == "safetensors" else saved(part))
        places |= dict.fromkeys(part, name)
        paths.append(folder / name)
    index = folder / f"model.{form}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return [index, *paths]


def read(*paths: Path) -> FittedWeights:
    return fit_weights(NET, read_weights([open_weights_file(path) for path in paths]))


@pytest.mark.parametrize("form", ["safetensors", "bin"])
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("start", [0, 1])
def test_shards_together_are_one_file(tmp_path: Path, form: str, count: int, start: int) -> None:
    index, *parts = shards(tmp_path, count, form, start)
    found = weights_paths(index), weights_paths(tmp_path)
    for given_paths in ([index, *parts], [*reversed(parts), index], parts, *found):
        fitted = read(*given_paths)
        assert_same(fitted, weights())
        assert told(fitted, f"{count} shards joined")
    with pytest.raises(WeightsError, match=r"is one shard of .; give all shards together, with their index"):
        read(parts[0])
    with pytest.raises(WeightsError, match=f"belongs to {count} shards, of which .* missing; give all shards"):
        read(index, *parts[1:])
    with pytest.raises(WeightsError, match="give all shards together"):
        read(index)


def test_shards_that_do_not_belong_together(tmp_path: Path) -> None:
    index, first, second = shards(tmp_path, 2, "safetensors")
    third = tmp_path / "other.safetensors"
    third.write_bytes(first.read_bytes())
    with pytest.raises(WeightsError, match=r"'other\.safetensors' is no shard"):
        read(index, first, second, third)
    with pytest.raises(WeightsError, match="2 files that are not shards of one"):
        read(first, third)
    second.write_bytes(first.read_bytes())
    with pytest.raises(WeightsError, match="is in two shards"):
        read(index, first, second)
    for name in ("../secret.safetensors", "/etc/passwd", "a\\b", "c:x", ""):
        index.write_text(json.dumps({"weight_map": {"a": name}}))
        with pytest.raises(WeightsError, match="shards lie in the folder of their index"):
            read(index, first)
    for text in ("{}", "[1]", "no", '{"weight_map": 3}', "[" * 100_000):
        index.write_text(text)
        with pytest.raises(WeightsError, match="is no index of shards, or it is damaged"):
            read(index, first)


def test_a_folder_is_the_one_file_that_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="has no file of weights"):
        weights_paths(tmp_path)
    (tmp_path / "notes.txt").touch()
    torch.save(weights(), tmp_path / "best.ckpt")
    assert weights_paths(tmp_path) == [tmp_path / "best.ckpt"]
    (tmp_path / "last.ckpt").touch()
    with pytest.raises(WeightsError, match=r"2 files of weights \('best\.ckpt', 'last\.ckpt'\); give one file"):
        weights_paths(tmp_path)


# ---- what is refused, and why --------------------------------------------------------------------------------------


def test_the_network_that_weights_belong_to_is_named() -> None:
    near = {f"module.{key}": each for key, each in build(catalog.get("inception-net")).state_dict().items()}
    with pytest.raises(WeightsError, match=r"holds the weights of 'inception-net'.* of the catalogue, not of 'tiny'"):
        opened(saved({"state_dict": near}))


@pytest.mark.parametrize(
    ("keys", "family"),
    [
        (["conv1.weight", "layer1.0.conv1.weight", "fc.weight"], "a ResNet"),
        (["features.0.weight", "classifier.6.weight"], "a VGG or AlexNet"),
        (["patch_embed.proj.weight", "blocks.0.attn.qkv.weight"], "a vision transformer"),
        (["x.weight"], "the names 'x.weight'"),
    ],
)
def test_networks_that_are_not_ours_are_told_by_their_names(keys: list[str], family: str) -> None:
    with pytest.raises(WeightsError, match="belongs to another network than 'tiny'") as caught:
        opened(saved({key: torch.ones(2) for key in keys}))
    assert family in str(caught.value)


FOREIGN: dict[str, tuple[bytes, str]] = {
    "net.onnx": (b"\x08\x08\x12\x07pytorch\x1a\x052.0.1", "ONNX"),
    "renamed.pt": (b"\x08\x08\x12\x07pytorch\x1a\x052.0.1", "ONNX"),
    "net.h5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "Keras"),
    "net.npy": (b"\x93NUMPY\x01\x00", "numpy"),
    "net.tflite": (b"\x1c\0\0\0TFL3" + bytes(50), "TensorFlow Lite"),
    "saved_model.pb": (b"\x0a\xff\x12", "TensorFlow"),
    "model.ckpt-100.data-00000-of-00001": (b"\x01\x02\x03", "TensorFlow"),
    "net.pt.gz": (b"\x1f\x8b\x08" + bytes(20), "gzip"),
    "net.tar": (bytes(257).replace(b"\0", b"a") + b"ustar\0", "tar archive"),
    "net.pt": (b"<!DOCTYPE html><html>", "web page"),
    "pointer.pt": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", "Git LFS"),
    "net.json": (b'{"name": "x"}', "is text"),
    "net.gguf": (b"GGUF\x03\0\0\0", "GGUF"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_files_of_other_programs_are_told_what_they_are(name: str) -> None:
    data, word = FOREIGN[name]
    with pytest.raises(WeightsError) as caught:
        opened(data, name=name)
    assert word in str(caught.value)
    assert str(caught.value).startswith(name)


def test_archives_of_other_programs() -> None:
    out = io.BytesIO()
    np.savez(out, a=np.ones(3))
    with pytest.raises(WeightsError, match="numpy"):
        opened(out.getvalue())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("weights.pt", saved(weights()))
    with pytest.raises(WeightsError, match="is a zip archive of other files; unpack it"):
        opened(out.getvalue())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", "x")
    with pytest.raises(WeightsError, match="Keras"):
        opened(out.getvalue(), name="net.keras")
