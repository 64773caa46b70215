"""How the course notes train: PIL images, torchvision transforms, a DataLoader, float32, ``loss.item()`` every step.

Written out as the notes have it; their networks are those of ``tests.catalog``. Our loop is measured against it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from explorer import datasets

DATA = os.environ.get("EXPLORER_DATA", "")
"""Folders with data sets; read when this file is, since the tests themselves run without it."""
CIFAR10 = os.environ.get("CIFAR10", "")
"""A zip or folder of CIFAR-10's images by class; without it one named cifar10*.zip is looked for in EXPLORER_DATA."""


def images_of(name: str, shape: tuple[int, int, int], patch: pytest.MonkeyPatch) -> Any:
    """A data set, adapted to a network; the benchmark is skipped where its files are not."""
    patch.setenv("EXPLORER_DATA", DATA)
    found: list[str | Path] = [name]
    if name == "cifar-10":
        zips = [zipped for place in DATA.split(os.pathsep) if place for zipped in Path(place).rglob("cifar10*.zip")]
        found = [CIFAR10] if CIFAR10 else [*zips, name]
    try:
        return datasets.load(found[0], shape)
    except datasets.DatasetError as error:
        pytest.skip(f"needs {name}: a folder that holds it in EXPLORER_DATA, or CIFAR-10's zip in CIFAR10 ({error})")


class Pictures(Dataset[tuple[Tensor, int]]):
    """As torchvision's CIFAR10 and FashionMNIST: an array in memory, a PIL image and its transforms for each access."""

    def __init__(self, images: Tensor, labels: Tensor, size: int | None = None) -> None:
        channels = images.shape[1]
        self.data = images.permute(0, 2, 3, 1).contiguous().numpy()
        if channels == 1:
            self.data = self.data[..., 0]
        self.targets = labels.tolist()
        half = (0.5,) * channels
        self.transform = transforms.Compose(
            [
                *([transforms.Resize(size)] if size else []),
                transforms.ToTensor(),
                transforms.Normalize(half, half),
            ]
        )

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]


def steps(model: nn.Module, pictures: Pictures, optimizer: torch.optim.Optimizer) -> Iterator[int]:
    """One step after another for ever; each gives the number of its images."""
    criterion = nn.CrossEntropyLoss()
    while True:
        model.train()
        for data in DataLoader(pictures, batch_size=128, shuffle=True):
            inputs, labels = data[0], data[1]
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            loss.item()
            yield len(labels)


def judgements(model: nn.Module, pictures: Pictures) -> Iterator[int]:
    """The notes' test, batch after batch for ever; each gives the number of its images."""
    correct = 0
    while True:
        model.eval()
        for data in DataLoader(pictures, batch_size=128, shuffle=False):
            with torch.no_grad():
                _, predicted = torch.max(model(data[0]), 1)
                correct += (predicted == data[1]).sum().item()
            yield len(data[1])


class GoogLeNet96(nn.Sequential):
    """Dive into Deep Learning's GoogLeNet: one input channel, 96×96, ten classes."""

    def __init__(self) -> None:
        super().__init__(
            nn.Sequential(nn.Conv2d(1, 64, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)),
            nn.Sequential(
                nn.Conv2d(64, 64, 1), nn.ReLU(), nn.Conv2d(64, 192, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
            ),
            nn.Sequential(
                Block(192, 64, (96, 128), (16, 32), 32),
                Block(256, 128, (128, 192), (32, 96), 64),
                nn.MaxPool2d(3, 2, 1),
            ),
            nn.Sequential(
                Block(480, 192, (96, 208), (16, 48), 64),
                Block(512, 160, (112, 224), (24, 64), 64),
                Block(512, 128, (128, 256), (24, 64), 64),
                Block(512, 112, (144, 288), (32, 64), 64),
                Block(528, 256, (160, 320), (32, 128), 128),
                nn.MaxPool2d(3, 2, 1),
            ),
            nn.Sequential(
                Block(832, 256, (160, 320), (32, 128), 128),
                Block(832, 384, (192, 384), (48, 128), 128),
                nn.AdaptiveAvgPool2d((1, 1)),
                nn.Flatten(),
            ),
            nn.Linear(1024, 10),
        )


class Block(nn.Module):
    """Four branches, as there."""

    def __init__(self, inputs: int, c1: int, c2: tuple[int, int], c3: tuple[int, int], c4: int) -> None:
        super().__init__()
        self.p1_1 = nn.Conv2d(inputs, c1, 1)
        self.p2_1, self.p2_2 = nn.Conv2d(inputs, c2[0], 1), nn.Conv2d(c2[0], c2[1], 3, padding=1)
        self.p3_1, self.p3_2 = nn.Conv2d(inputs, c3[0], 1), nn.Conv2d(c3[0], c3[1], 5, padding=2)
        self.p4_1, self.p4_2 = nn.MaxPool2d(3, 1, 1), nn.Conv2d(inputs, c4, 1)

    def forward(self, x: Tensor) -> Tensor:
        relu = nn.functional.relu
        branches = [self.p1_1(x), self.p2_2(relu(self.p2_1(x))), self.p3_2(relu(self.p3_1(x))), self.p4_2(self.p4_1(x))]
        return torch.cat([relu(branch) for branch in branches], dim=1)
