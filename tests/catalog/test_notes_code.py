"""The course notes' networks, in plain PyTorch as the notes mean them, against ours with the same weights."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer import analysis, catalog
from explorer.modules import build


class Inception(nn.Module):
    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch1x1 = nn.Sequential(nn.Conv2d(in_channels, 64, kernel_size=1), nn.ReLU())
        self.branch3x3 = nn.Sequential(
            nn.Conv2d(in_channels, 96, kernel_size=1),
            nn.ReLU(),
            nn.Conv2d(96, 128, kernel_size=3, padding=1),
            nn.ReLU(),
        )
        self.branch5x5 = nn.Sequential(
            nn.Conv2d(in_channels, 16, kernel_size=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=5, padding=2),
            nn.ReLU(),
        )
        self.branch_pool = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1), nn.Conv2d(in_channels, 32, kernel_size=1), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        outputs = [self.branch1x1(x), self.branch3x3(x), self.branch5x5(x), self.branch_pool(x)]
        return torch.cat(outputs, dim=1)


class InceptionNet(nn.Module):
    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        self.inception1 = Inception(64)
        self.inception2 = Inception(256)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(256, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inception2(self.inception1(self.conv1(x)))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class SimpleCNNWithDilation(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=2, dilation=2)
        self.conv3 = nn.Conv2d(32, 64, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2, 2)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(64 * 8 * 8, 256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.conv1(x)))
        x = self.pool(self.relu(self.conv2(x)))
        x = self.relu(self.conv3(x))
        x = self.relu(self.fc1(x.view(-1, 64 * 8 * 8)))
        return self.fc2(x)


class InceptionA(nn.Module):
    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch_pool = nn.Conv2d(in_channels, 24, kernel_size=1)
        self.branch1x1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.branch5x5_1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.branch5x5_2 = nn.Conv2d(16, 24, kernel_size=5, padding=2)
        self.branch3x3_1 = nn.Conv2d(in_channels, 16, kernel_size=1)
        self.branch3x3_2 = nn.Conv2d(16, 24, kernel_size=3, padding=1)
        self.branch3x3_3 = nn.Conv2d(24, 24, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        branch1x1 = self.branch1x1(x)
        branch5x5 = self.branch5x5_2(self.branch5x5_1(x))
        branch3x3 = self.branch3x3_3(self.branch3x3_2(self.branch3x3_1(x)))
        branch_pool = self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return torch.cat([branch1x1, branch5x5, branch3x3, branch_pool], dim=1)


class InceptionAOnMnist(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(88, 20, kernel_size=5)
        self.incep1 = InceptionA(in_channels=10)
        self.incep2 = InceptionA(in_channels=20)
        self.mp = nn.MaxPool2d(2)
        self.fc = nn.Linear(1408, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.incep1(F.relu(self.mp(self.conv1(x))))
        x = self.incep2(F.relu(self.mp(self.conv2(x))))
        return self.fc(x.view(x.size(0), -1))


class ResidualBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv2(F.relu(self.conv1(x))) + x)


class ResidualNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=5)
        self.mp = nn.MaxPool2d(2)
        self.rblock1 = ResidualBlock(16)
        self.rblock2 = ResidualBlock(32)
        self.fc = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.rblock1(self.mp(F.relu(self.conv1(x))))
        x = self.rblock2(self.mp(F.relu(self.conv2(x))))
        return self.fc(x.view(x.size(0), -1))


class BlockWithBatchNorm(nn.Module):
    """64 + 96 + 64 + pool_features channels, every convolution without bias and followed by BatchNorm."""

    def __init__(self, in_channels: int = 32, pool_features: int = 64) -> None:
        super().__init__()

        def basic(in_channels: int, out_channels: int, **window: int) -> list[nn.Module]:
            conv = nn.Conv2d(in_channels, out_channels, bias=False, **window)  # type: ignore[arg-type]
            return [conv, nn.BatchNorm2d(out_channels), nn.ReLU()]

        self.branch1x1 = nn.Sequential(*basic(in_channels, 64, kernel_size=1))
        self.branch3x3 = nn.Sequential(
            *basic(in_channels, 64, kernel_size=1), *basic(64, 96, kernel_size=3, padding=1)
        )
        self.branch5x5 = nn.Sequential(
            *basic(in_channels, 48, kernel_size=1), *basic(48, 64, kernel_size=5, padding=2)
        )
        self.branch_pool = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), *basic(in_channels, pool_features, kernel_size=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1x1(x), self.branch3x3(x), self.branch5x5(x), self.branch_pool(x)], dim=1)


BLOCK = {
    "branch1x1.0": "branch_1x1.conv",
    "branch3x3.0": "branch_3x3.reduce.conv",
    "branch3x3.2": "branch_3x3.conv.conv",
    "branch5x5.0": "branch_5x5.reduce.conv",
    "branch5x5.2": "branch_5x5.conv.conv",
    "branch_pool.1": "branch_pool.project.conv",
}
BLOCK_A = {
    "branch1x1": "branch_1x1.conv",
    "branch5x5_1": "branch_5x5.reduce.conv",
    "branch5x5_2": "branch_5x5.conv.conv",
    "branch3x3_1": "branch_3x3.reduce.conv",
    "branch3x3_2": "branch_3x3.conv_a.conv",
    "branch3x3_3": "branch_3x3.conv_b.conv",
    "branch_pool": "branch_pool.project.conv",
}
BLOCK_BN = {
    "branch1x1.0": "branch_1x1.conv",
    "branch1x1.1": "branch_1x1.bn",
    "branch3x3.0": "branch_3x3.reduce.conv",
    "branch3x3.1": "branch_3x3.reduce.bn",
    "branch3x3.3": "branch_3x3.conv.conv",
    "branch3x3.4": "branch_3x3.conv.bn",
    "branch5x5.0": "branch_5x5.reduce.conv",
    "branch5x5.1": "branch_5x5.reduce.bn",
    "branch5x5.3": "branch_5x5.conv.conv",
    "branch5x5.4": "branch_5x5.conv.bn",
    "branch_pool.1": "branch_pool.project.conv",
    "branch_pool.2": "branch_pool.project.bn",
}


def inside(theirs: str, ours: str, block: dict[str, str]) -> dict[str, str]:
    return {f"{theirs}.{key}": f"{ours}.{value}" for key, value in block.items()}


CASES: dict[str, tuple[type[nn.Module], dict[str, str]]] = {
    "inception-net": (
        InceptionNet,
        {"conv1.0": "conv1.conv.conv", "fc": "fc.linear"}
        | inside("inception1", "inception1", BLOCK)
        | inside("inception2", "inception2", BLOCK),
    ),
    "dilated-cnn": (
        SimpleCNNWithDilation,
        {"conv1": "conv1.conv", "conv2": "conv2.conv", "conv3": "conv3.conv", "fc1": "fc1.linear", "fc2": "fc2.linear"},
    ),
    "inception-a-mnist": (
        InceptionAOnMnist,
        {"conv1": "conv1.conv", "conv2": "conv2.conv", "fc": "fc.linear"}
        | inside("incep1", "inception1", BLOCK_A)
        | inside("incep2", "inception2", BLOCK_A),
    ),
    "residual-mnist": (
        ResidualNet,
        {"conv1": "conv1.conv", "conv2": "conv2.conv", "fc": "fc.linear"}
        | {
            f"rblock{block}.conv{conv}": f"rblock{block}.body.conv{conv}.conv" for block in (1, 2) for conv in (1, 2)
        },
    ),
    "inception-block-bn": (BlockWithBatchNorm, inside("", "inception", BLOCK_BN)),
}


@pytest.mark.parametrize("name", CASES)
def test_same_weights_give_same_outputs(name: str) -> None:
    kind, mapping = CASES[name]
    torch.manual_seed(3)
    theirs, ours = kind(), build(catalog.get(name))
    mapping = {key.removeprefix("."): value for key, value in mapping.items()}
    weights = {}
    for key, tensor in theirs.state_dict().items():
        layer, _, tensor_name = key.rpartition(".")
        weights[f"{mapping[layer]}.{tensor_name}"] = tensor
    ours.load_state_dict(weights, strict=True)
    images = torch.randn(3, *catalog.get(name).input_shape)
    with torch.no_grad():
        for mode in (True, False):  # training first: it moves the running statistics of both
            expected, given = theirs.train(mode)(images), ours.train(mode)(images)
            assert expected.std() > 1e-3
            assert torch.equal(expected, given)


@pytest.mark.parametrize("name", CASES)
def test_parameters_are_those_of_the_notes_code(name: str) -> None:
    expected = sum(p.numel() for p in CASES[name][0]().parameters())
    assert analysis.analyze(catalog.get(name)).params == expected
