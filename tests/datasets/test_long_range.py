"""The proof of the long-range task, carried out: patches of the twins are equal as multisets, exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from explorer import datasets
from explorer.datasets import DatasetError, generate_long_range
from explorer.datasets._long_range import count_scenes, draw


def patches(image: NDArray[np.uint8], side: int, stride: int) -> Counter[bytes]:
    """All windows that a convolution with zero padding sees, centred on a grid; 0 is no pixel's value."""
    before, after = (side - 1) // 2, side // 2
    padded = np.pad(image, ((before, after), (before, after)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side))[::stride, ::stride]
    return Counter(window.tobytes() for row in windows for window in row)


@pytest.mark.parametrize(("distance", "size"), [(4, 13), (4, 16), (8, 25)])
def test_no_multiset_of_small_patches_knows_the_class(distance: int, size: int) -> None:
    # Ground and contrast do not move the marks: every place, with two of the levels, is the whole generator in small.
    scenes = (size - 3 * distance) * size
    chosen = np.arange(scenes) if distance == 4 else np.arange(0, scenes, 5)
    images, labels = draw(np.concatenate([chosen, chosen[:5] + 100 * scenes]), distance, size)
    assert labels.tolist() == [0, 1] * (len(labels) // 2)
    for light, dark in images[:, 0].reshape(-1, 2, size, size):
        for side in {1, 2, 3, distance - 1, distance}:
            for stride in (s for s in (1, 2, 4) if distance % s == 0):
                assert patches(light, side, stride) == patches(dark, side, stride)


def test_one_row_more_tells_them_apart() -> None:
    """The threshold is sharp: the proof fails for windows of distance + 1, as it must."""
    images, _ = draw(np.arange(count_scenes(4, 16))[:64], 4, 16)
    for light, dark in images[:, 0].reshape(-1, 2, 16, 16):
        assert patches(light, 5, 1) != patches(dark, 5, 1)


def test_an_odd_stride_would_leak() -> None:
    """Why the distance must be a multiple of the stride: otherwise the grid itself tells the places apart."""
    images, _ = draw(np.arange(count_scenes(4, 16))[:64], 4, 16)
    pairs = images[:, 0].reshape(-1, 2, 16, 16)
    assert any(patches(light, 3, 3) != patches(dark, 3, 3) for light, dark in pairs)


def test_samples_are_balanced_distinct_and_twins_stay_together() -> None:
    data = generate_long_range(8, samples=1200)
    train, test = data.train_images, data.test_images
    assert train.shape == (1000, 1, 32, 32)
    assert test.shape == (200, 1, 32, 32)
    for images, labels in ((train, data.train_labels), (test, data.test_labels)):
        assert np.bincount(labels).tolist() == [len(labels) // 2] * 2
        for light, dark in images[:, 0].reshape(-1, 2, 32, 32):
            assert np.array_equal(np.sort(light, axis=0), np.sort(dark, axis=0))  # each column holds the same pixels
    assert len({image.tobytes() for image in np.concatenate([train, test])}) == 1200


def test_labels_say_which_mark_is_above() -> None:
    data = generate_long_range(16, samples=120)
    for image, label in zip(data.train_images[:, 0], data.train_labels, strict=True):
        ground = np.bincount(image.reshape(-1)).argmax()
        (rows, columns) = np.nonzero(image != ground)
        assert rows[1] - rows[0] == 16
        assert columns[0] == columns[1]
        assert (image[rows[0], columns[0]] > ground) == (data.classes[label] == "light above dark")


def test_it_is_the_same_everywhere() -> None:
    first, again = generate_long_range(8, 40, 240, seed=5), generate_long_range(8, 40, 240, seed=5)
    assert first.fingerprint == again.fingerprint
    assert first.fingerprint != generate_long_range(8, 40, 240, seed=6).fingerprint
    assert datasets.load("long-range").fingerprint == datasets.load("long-range-8").fingerprint
    assert datasets.load("long-range-8").fingerprint.startswith("737c58c7d51d82a66174a948")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((6,), "distance"), ((0,), "distance"), ((68,), "distance"), ((8, 24), "size"), ((8, 4096), "size")]
    + [((8, 32, samples), "samples") for samples in (0, 7, 10**9, -12)],
)
def test_impossible_settings_are_refused(arguments: tuple[int, ...], said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        generate_long_range(*arguments)


class Tiny(nn.Module):
    """Two convolutions and global pooling; the vertical receptive field is 3 + 2 × dilation."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, (3, 1), padding=(1, 0))
        self.second = nn.Conv2d(8, 8, (3, 1), padding=(dilation, 0), dilation=(dilation, 1))
        self.out = nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.second(torch.relu(self.first(x))))
        return self.out(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Layers this small are quicker on one thread, and on a busy machine twenty times so."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("dilation", "solved"), [(1, False), (2, False), (4, True)])
def test_a_network_learns_it_exactly_when_it_sees_far_enough(dilation: int, solved: bool) -> None:
    """Distance 8: fields of 5 and 7 rows stay at 50.0 %, not about 50 %; the same layers spread to 11 rows solve it."""
    data = datasets.load("long-range-8")
    torch.manual_seed(0)
    network = Tiny(dilation)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    images = datasets.transforms.to_float(data.train_images, data.mean, data.std)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        pick = torch.randint(len(images), (32,), generator=generator)
        loss = nn.functional.cross_entropy(network(images[pick]), data.train_labels[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        tests = datasets.transforms.to_float(data.test_images, data.mean, data.std)
        logits = network(tests)
    accuracy = (logits.argmax(1) == data.test_labels).float().mean().item()
    if solved:
        assert accuracy > 0.95
    else:
        assert torch.allclose(logits[::2], logits[1::2], atol=1e-4)  # the twins get the same answer
        assert abs(accuracy - 0.5) < 0.02  # ties may fall either way by rounding
