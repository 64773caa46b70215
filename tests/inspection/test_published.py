"""torchvision's weights through the real loading path: random ones in torch's hub folder, judged by torchvision."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import get_model_weights

from explorer.datasets import CancelledError
from explorer.inspection import PUBLISHED, PublishedWeights, _published, fetch_weights, find_published
from explorer.inspection._published import hub_folder, weights_url
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
    make = getattr(torchvision.models, PUBLISHED[name].torchvision)
    network = shaken(make(weights=None, aux_logits=True, init_weights=False))
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network


@pytest.fixture(scope="module", params=[*PUBLISHED])
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
    preset = get_model_weights(PUBLISHED[ours.name].torchvision).IMAGENET1K_V1.transforms()
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


def test_the_facts_are_torchvisions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for spec in PUBLISHED.values():
        weights = get_model_weights(spec.torchvision).IMAGENET1K_V1
        assert weights.url == weights_url(spec)
        assert weights.url.endswith(f"/{spec.file}")
        assert spec.size_bytes == round(weights.meta["_file_size"] * 2**20)
        preset, how = weights.transforms(), spec.preprocessing
        assert (tuple(preset.mean), tuple(preset.std)) == (how.mean, how.std)
        assert (preset.crop_size * 2, preset.resize_size * 2) == ([*how.shape[1:]], [*how.cover])
        assert find_published(spec.torchvision) is find_published(spec.name) is spec
        assert len(spec.sha256_prefix) == 8
    assert find_published("resnet18") is None
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
    made = replace(PUBLISHED["googlenet-torchvision"], file=f"googlenet-{digest[:8]}.pth", size_bytes=len(CONTENT))
    monkeypatch.setitem(_published.PUBLISHED, made.name, made)
    monkeypatch.setattr(_published, "weights_url", lambda _: f"{server.url}/weights")
    return made


def left(spec: PublishedWeights) -> list[str]:
    return sorted(path.name for path in spec.path.parent.iterdir())


def test_a_download_is_checked_and_told(server: Server, spec: PublishedWeights) -> None:
    server.answers["/weights"] = giving(CONTENT)
    told: list[tuple[int, int]] = []
    assert fetch_weights("googlenet", progress=lambda *done: told.append(done)) == spec.path
    assert spec.path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert left(spec) == [spec.file]
    fetch_weights(spec.name)
    assert server.asked == ["/weights"], "what is there is not fetched again"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (giving(CONTENT[:-1] + b"x"), "its SHA-256 begins with"),
        (giving(CONTENT[:-9], promised=len(CONTENT)), "the connection broke after"),
        (giving(CONTENT * 2), "it is longer than"),
        (None, "404"),
    ],
)
def test_a_bad_download_leaves_nothing(server: Server, spec: PublishedWeights, answer: Any, said: str) -> None:
    if answer:
        server.answers["/weights"] = answer
    with pytest.raises(ValueError, match="could not be downloaded") as caught:
        fetch_weights(spec.name)
    assert said in str(caught.value)
    assert spec.sha256_prefix in str(caught.value)
    assert left(spec) == []


def test_a_download_can_be_stopped(server: Server, spec: PublishedWeights) -> None:
    server.answers["/weights"] = giving(CONTENT, block=1000)
    with pytest.raises(CancelledError):
        fetch_weights(spec.name, cancel=lambda: True)
    assert left(spec) == []


def test_only_what_is_published_is_fetched() -> None:
    with pytest.raises(ValueError, match="published weights: googlenet-torchvision, inception-v3"):
        fetch_weights("resnet18")


def test_pixels_have_no_order(pair: tuple[Any, Model]) -> None:
    """Several pictures at once are answered as one by one."""
    _, ours = pair
    pictures = [pixels(1, 260, 300, 3), pixels(2, 700, 320, 3)]
    together = ours.prepare(*pictures)
    assert all(torch.equal(together[number], ours.prepare(each)[0]) for number, each in enumerate(pictures))
    assert np.isfinite(together.numpy()).all()
