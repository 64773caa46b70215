"""Published weights through the real loading path: random ones in torch's hub folder, judged by their library."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import get_model_weights

from explorer import catalog
from explorer.datasets import CancelledError
from explorer.inspection import PUBLISHED, PublishedWeights, fetch_weights, find_published, find_published_for
from explorer.inspection._fetch_weights import read_digest
from explorer.inspection._known_facts import imagenet_classes
from explorer.inspection._published import hub_folder
from explorer.inspection.models import Model
from explorer.inspection.opening import open_published
from explorer.modules import Outputs
from tests.datasets.makers import pixels
from tests.datasets.test_fetch import Server, giving

from .parts import shaken


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch")))
        (hub_folder() / "checkpoints").mkdir(parents=True)
        yield hub_folder() / "checkpoints"


def reference(name: str) -> nn.Module:
    make = getattr(torchvision.models, PUBLISHED[name].model)
    network = shaken(make(weights=None, aux_logits=True, init_weights=False))
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network


@pytest.fixture(scope="module", params=["googlenet-torchvision", "inception-v3"])
def pair(request: pytest.FixtureRequest, hub: Path) -> tuple[Any, Model]:
    torch.manual_seed(0)
    theirs = reference(request.param)
    spec = PUBLISHED[request.param]
    torch.save(theirs.state_dict(), hub / spec.file)
    ours = open_published(spec)
    (hub / spec.file).unlink()
    return theirs, ours


def scale(expected: Tensor) -> float:
    spread = float(expected.std())
    assert spread > 1e-3, "logits that are all alike would prove nothing"
    return spread


def inputs(model: Model, count: int = 2) -> Tensor:
    return torch.randn(count, *model.architecture.input_shape, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def test_logits_are_equal(pair: tuple[Any, Model]) -> None:
    theirs, ours = pair
    theirs.transform_input = False  # of pictures below; here both get the same numbers
    expected = theirs.eval()(inputs(ours))
    scale(expected)
    assert torch.equal(expected, ours.logits(inputs(ours)))
    assert ours.classes[:2] == ("tench", "goldfish")
    assert len(ours.notes) == 1, "it is said that these are not the published numbers"


@pytest.mark.parametrize("transform_input", [True, False])
@torch.no_grad()
def test_answers_to_a_picture_are_torchvisions(pair: tuple[Any, Model], transform_input: bool) -> None:
    """From the pixels on: their preset and their network, our preprocessing and our network."""
    theirs, ours = pair
    picture = pixels(5, 411, 300, 3)
    theirs.transform_input = transform_input
    preset = get_model_weights(PUBLISHED[ours.name].model).IMAGENET1K_V1.transforms()
    x_1CHW = preset(torchvision.transforms.functional.to_pil_image(picture))[None]
    model = ours
    if not transform_input:
        model = replace(ours, preprocessing=replace(ours.preprocessing, transform_input=False))
        assert model.digest != ours.digest
    expected, given = theirs.eval()(x_1CHW), model.logits(model.prepare(picture))
    assert torch.allclose(given, expected, rtol=1e-3, atol=1e-3 * scale(expected))
    other = replace(ours, preprocessing=replace(ours.preprocessing, transform_input=not transform_input))
    assert not torch.allclose(other.logits(other.prepare(picture)), expected, rtol=1e-2, atol=1e-2 * scale(expected))


@torch.no_grad()
def test_training_outputs_and_heads_are_equal(pair: tuple[Any, Model]) -> None:
    """Last: it moves the running statistics."""
    theirs, ours = pair
    theirs.transform_input = False
    for module in ours.network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    expected, given = theirs.train()(inputs(ours)), ours.network.train()(inputs(ours))
    ours.network.eval()
    assert isinstance(given, Outputs)
    assert torch.equal(expected.logits, given.logits)
    heads = [expected.aux_logits1, expected.aux_logits2] if hasattr(expected, "aux_logits1") else [expected.aux_logits]
    assert len(given.auxiliary) == len(heads)
    for (_, scores), head in zip(given.auxiliary, heads, strict=True):
        assert torch.equal(scores, head)


# ---- the file -------------------------------------------------------------------------------------------------------


@pytest.fixture
def googlenet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PublishedWeights:
    """The facts of a file, in a hub folder of its own."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    spec = PUBLISHED["googlenet-torchvision"]
    spec.path.parent.mkdir(parents=True)
    return spec


def without_numbers() -> dict[str, Tensor]:
    """torchvision's names and shapes, zeros for numbers."""
    with torch.device("meta"):
        network = torchvision.models.googlenet(weights=None, aux_logits=True, init_weights=False)
    return {key: torch.zeros(tensor.shape, dtype=tensor.dtype) for key, tensor in network.state_dict().items()}


def test_every_tensor_is_used_exactly_once(googlenet: PublishedWeights) -> None:
    weights = without_numbers()
    for spoilt in (
        {key: tensor for key, tensor in weights.items() if key != "inception3a.branch1.conv.weight"},
        weights | {"inception3a.branch9.conv.weight": torch.zeros(1)},
        {key.replace("conv2", "conv3"): tensor for key, tensor in weights.items()},
        weights | {"fc.weight": weights["fc.weight"].t().contiguous()},
    ):
        torch.save(spoilt, googlenet.path)
        with pytest.raises(ValueError, match="remove it to download it anew"):
            open_published(googlenet)


def test_weights_older_than_the_batch_counter_load(googlenet: PublishedWeights) -> None:
    weights = {key: each for key, each in without_numbers().items() if not key.endswith("num_batches_tracked")}
    torch.save(weights, googlenet.path)
    model = open_published(googlenet)
    assert "num_batches_tracked" in " ".join(model.conversions)
    assert not any(tensor.is_meta for tensor in model.network.state_dict().values())


def test_the_old_form_in_which_some_are_published(googlenet: PublishedWeights) -> None:
    torch.save(without_numbers(), googlenet.path, _use_new_zipfile_serialization=False)
    assert len(open_published(googlenet).notes) == 1
    digest = hashlib.sha256(googlenet.path.read_bytes()).hexdigest()
    known = replace(googlenet, file=f"googlenet-{digest[:8]}.pth")
    googlenet.path.rename(known.path)
    model = open_published(known)
    assert not model.notes
    assert model.preprocessing.to_data()["transform_input"] is True


def test_absent_weights_are_one_sentence(googlenet: PublishedWeights) -> None:
    with pytest.raises(ValueError, match=r"52\.1 MB: `python -m explorer predict googlenet-torchvision --download"):
        open_published(googlenet)


def of_library(library: str) -> list[PublishedWeights]:
    return [spec for spec in PUBLISHED.values() if spec.library == library]


@pytest.mark.parametrize("spec", of_library("torchvision"), ids=lambda spec: spec.name)
def test_the_facts_are_torchvisions(spec: PublishedWeights) -> None:
    weights = get_model_weights(spec.model)[spec.weights]
    assert weights.url == spec.url
    assert weights.url.endswith(f"/{spec.file}")
    assert spec.size_bytes == round(weights.meta["_file_size"] * 2**20)
    assert weights.meta["categories"] == [*imagenet_classes()]
    preset, how = weights.transforms(), spec.preprocessing
    assert (tuple(preset.mean), tuple(preset.std)) == (how.mean, how.std)
    assert (preset.crop_size * 2, preset.resize_size * 2) == ([*how.shape[1:]], [*(how.cover or ())])
    assert preset.interpolation.value == how.interpolation
    assert spec.sha256_prefix == spec.file.rpartition("-")[2].partition(".")[0]
    assert len(spec.sha256_prefix) == 8


@pytest.mark.parametrize("spec", of_library("timm"), ids=lambda spec: spec.name)
def test_the_facts_are_timms(spec: PublishedWeights) -> None:
    known = timm.get_pretrained_cfg(f"{spec.model}.{spec.weights}").to_dict()
    hub = f"https://huggingface.co/{known.get('hf_hub_id')}/resolve/main/model.safetensors"
    assert spec.url == (hub if known.get("hf_hub_id") else known["url"])
    how = spec.preprocessing
    assert (known["mean"], known["std"], known["input_size"]) == (how.mean, how.std, how.shape)
    assert (known["interpolation"], known["num_classes"]) == (how.interpolation, 1000)
    side = int(known["input_size"][1] / known["crop_pct"])
    assert how.cover == (side, side)
    with torch.device("meta"):
        tensors = timm.create_model(spec.model).state_dict().values()
    assert spec.size_bytes == sum(each.numel() * each.element_size() for each in tensors)
    assert len(spec.sha256_prefix) in (0, 9)


def test_each_is_found_by_both_names_and_is_a_network_of_the_catalogue() -> None:
    for spec in PUBLISHED.values():
        assert find_published(spec.model) is find_published(spec.name) is spec
        assert catalog.get(spec.name).input_shape == spec.preprocessing.shape
        assert find_published_for(catalog.get(spec.name)) is spec
    assert len({spec.file for spec in PUBLISHED.values()}) == len(PUBLISHED)
    assert find_published("resnet152") is None
    assert find_published_for(catalog.get("nin")) is None


def test_a_picture_is_scaled_as_timm_scales_it() -> None:
    from timm.data import create_transform, resolve_data_config

    spec = PUBLISHED["inception-resnet-v2"]
    settings = resolve_data_config({}, pretrained_cfg=timm.get_pretrained_cfg(spec.model).to_dict())
    picture = pixels(5, 411, 300, 3)
    theirs = create_transform(**settings)(torchvision.transforms.functional.to_pil_image(picture))
    how = spec.preprocessing
    ours = torch.from_numpy(how.pixels(picture)) / 255
    torch.testing.assert_close((ours - 0.5) / 0.5, theirs)
    assert "bicubic" in " ".join(how.steps())
    assert how == type(how).from_data(how.to_data())


@torch.no_grad()
def test_timms_weights_are_opened_as_torchvisions_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    spec = PUBLISHED["ghostnet-1.0"]
    theirs = shaken(timm.create_model(spec.model)).eval()
    spec.path.parent.mkdir(parents=True)
    save_file({name: each.contiguous() for name, each in theirs.state_dict().items()}, spec.path)
    model = open_published(spec)
    torch.testing.assert_close(model.logits(inputs(model)), theirs(inputs(model)), rtol=1e-4, atol=1e-4)
    assert "put there by hand" in model.notes[0]
    digest = hashlib.sha256(spec.path.read_bytes()).hexdigest()
    spec.path.with_name(f"{spec.file}.sha256").write_text(digest)
    assert not open_published(spec).notes
    spec.path.with_name(f"{spec.file}.sha256").write_text("0" * 64)
    assert "is not the file that was downloaded" in open_published(spec).notes[0]


def test_the_folder_is_torchs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variables in ({}, {"XDG_CACHE_HOME": str(tmp_path)}, {"TORCH_HOME": str(tmp_path / "home")}):
        monkeypatch.delenv("TORCH_HOME", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert hub_folder() == Path(torch.hub.get_dir())


# ---- from the web ---------------------------------------------------------------------------------------------------

CONTENT = bytes(pixels(9, 200_000).reshape(-1))


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()
    running.thread.join()


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path) -> PublishedWeights:
    """A file of 200 kB on a server of this machine."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    digest = hashlib.sha256(CONTENT).hexdigest()
    made = replace(
        PUBLISHED["googlenet-torchvision"], file=f"googlenet-{digest[:8]}.pth", size_bytes=len(CONTENT),
        url=f"{server.url}/weights",
    )  # fmt: skip
    monkeypatch.setitem(PUBLISHED, made.name, made)
    return made


def left(spec: PublishedWeights) -> list[str]:
    return sorted(path.name for path in spec.path.parent.iterdir())


def test_a_download_is_checked_and_told(server: Server, spec: PublishedWeights) -> None:
    server.answers["/weights"] = giving(CONTENT)
    told: list[tuple[int, int]] = []
    assert fetch_weights("googlenet", progress=lambda *done: told.append(done)) == spec.path
    assert spec.path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert left(spec) == [spec.file, f"{spec.file}.sha256"]
    assert read_digest(spec) == hashlib.sha256(CONTENT).hexdigest()
    fetch_weights(spec.name)
    assert server.asked == ["/weights"], "what is there is not fetched again"


@pytest.mark.parametrize(
    ("answer", "said", "kept"),
    [
        (giving(CONTENT[:-1] + b"x"), "its SHA-256 begins with", 0),
        (giving(CONTENT[:-9], promised=len(CONTENT)), "the connection broke after", len(CONTENT) - 9),
        (giving(CONTENT * 2), "it is longer than", 0),
        (None, "404", 0),
    ],
)
def test_a_bad_download_leaves_no_file_of_that_name(
    server: Server, spec: PublishedWeights, answer: Any, said: str, kept: int
) -> None:
    """One sentence names address, file, folder and checksum; what was received stays where it is of use."""
    if answer:
        server.answers["/weights"] = answer
    with pytest.raises(ValueError, match="could not be downloaded") as caught:
        fetch_weights(spec.name)
    for part in (said, spec.sha256_prefix, spec.file, str(spec.path.parent), spec.url):
        assert part in str(caught.value)
    assert left(spec) == ([f"{spec.file}.part"] if kept else [])
    assert not kept or spec.path.with_name(f"{spec.file}.part").stat().st_size == kept


def going_on(data: bytes, asked: list[str], *, ignore: bool = False) -> Any:
    """Answers the range that is asked for, or, with ``ignore``, the whole all the same."""

    def answer(handler: Any) -> None:
        wanted = handler.headers.get("Range", "")
        asked.append(wanted)
        start = 0 if ignore or not wanted else int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(data):
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        handler.wfile.write(data[start:])

    return answer


@pytest.mark.parametrize("ignore", [False, True], ids=["range", "whole again"])
@pytest.mark.parametrize("received", [70_000, len(CONTENT)])
def test_a_download_goes_on_where_it_broke_off(
    server: Server, spec: PublishedWeights, received: int, ignore: bool
) -> None:
    spec.path.parent.mkdir(parents=True)
    spec.path.with_name(f"{spec.file}.part").write_bytes(CONTENT[:received])
    asked: list[str] = []
    told: list[tuple[int, int]] = []
    server.answers["/weights"] = going_on(CONTENT, asked, ignore=ignore)
    assert fetch_weights(spec.name, progress=lambda *done: told.append(done)).read_bytes() == CONTENT
    assert asked == [f"bytes={received}-"]
    assert not told or told[-1] == (len(CONTENT), len(CONTENT))
    assert left(spec) == [spec.file, f"{spec.file}.sha256"]


def test_a_part_that_a_killed_download_left_is_taken_over_and_a_living_one_is_not(
    server: Server, spec: PublishedWeights
) -> None:
    spec.path.parent.mkdir(parents=True)
    old, young = (spec.path.with_name(f"{spec.file}.{name}.part") for name in ("old", "young"))
    for each in (old, young):
        each.write_bytes(CONTENT[:1000])
    os.utime(old, (0, 0))
    asked: list[str] = []
    server.answers["/weights"] = going_on(CONTENT, asked)
    fetch_weights(spec.name)
    assert asked == ["bytes=1000-"]
    assert left(spec) == [spec.file, f"{spec.file}.sha256", young.name]


def test_a_damaged_beginning_is_thrown_away(server: Server, spec: PublishedWeights) -> None:
    spec.path.parent.mkdir(parents=True)
    spec.path.with_name(f"{spec.file}.part").write_bytes(b"x" * 1000)
    server.answers["/weights"] = going_on(CONTENT, [])
    with pytest.raises(ValueError, match="its SHA-256 begins with"):
        fetch_weights(spec.name)
    assert left(spec) == []
    assert fetch_weights(spec.name).read_bytes() == CONTENT


@pytest.mark.parametrize("damaged", [False, True])
def test_what_the_hub_states_is_compared(
    monkeypatch: pytest.MonkeyPatch, server: Server, spec: PublishedWeights, damaged: bool
) -> None:
    """Hugging Face's hub states the SHA-256 on the way to another server; the file's name does not have it."""
    unnamed = replace(spec, file="ghostnet.in1k.safetensors")
    monkeypatch.setitem(PUBLISHED, spec.name, unnamed)

    def leading_on(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("X-Linked-Etag", f'"{hashlib.sha256(CONTENT).hexdigest()}"')
        handler.send_header("Location", "/elsewhere")
        handler.end_headers()

    server.answers |= {"/weights": leading_on, "/elsewhere": giving(CONTENT[::-1] if damaged else CONTENT)}
    if damaged:
        with pytest.raises(ValueError, match=r"damaged.*its SHA-256 stands on the page of the file"):
            fetch_weights(spec.name)
    else:
        assert fetch_weights(spec.name) == unnamed.path
        assert read_digest(unnamed) == hashlib.sha256(CONTENT).hexdigest()


def test_a_download_can_be_stopped_and_goes_on_later(server: Server, spec: PublishedWeights) -> None:
    server.answers["/weights"] = giving(CONTENT, block=1000)
    with pytest.raises(CancelledError):
        fetch_weights(spec.name, cancel=lambda: True)
    assert left(spec) in ([], [f"{spec.file}.part"])
    assert fetch_weights(spec.name).read_bytes() == CONTENT


def test_only_what_is_published_is_fetched() -> None:
    with pytest.raises(ValueError, match=r"published weights: alexnet, .*googlenet-torchvision, inception-v3"):
        fetch_weights("resnet152")


def test_pixels_have_no_order(pair: tuple[Any, Model]) -> None:
    """Several pictures at once are answered as one by one."""
    _, ours = pair
    pictures = [pixels(1, 260, 300, 3), pixels(2, 700, 320, 3)]
    together = ours.prepare(*pictures)
    assert all(torch.equal(together[number], ours.prepare(each)[0]) for number, each in enumerate(pictures))
    assert np.isfinite(together.numpy()).all()
