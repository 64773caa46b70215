"""A network that really exists and whose JSON is long: DenseNet-121 (Huang et al. 2017), in the algebra's terms."""

from __future__ import annotations

from explorer.architecture import (
    Activation,
    Architecture,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Norm,
    Parallel,
    Pool,
    Sequence,
)

GROWTH = 32


def dense_layer(name: str) -> Parallel:
    """What came before, and 32 channels more: norm, ReLU, 1×1; norm, ReLU, 3×3."""
    new = Sequence(
        name="new",
        children=(
            Norm(name="norm1"),
            Activation(name="relu1"),
            Conv(name="conv1", out_channels=4 * GROWTH, bias=False, norm="batch"),
            Conv(name="conv2", out_channels=GROWTH, kernel_size=3, bias=False, activation="none"),
        ),
    )
    return Parallel(name=name, branches=(Sequence(name="before"), new))


def densenet(
    blocks: tuple[int, ...] = (6, 12, 24, 16), input_shape: tuple[int, int, int] = (3, 224, 224), classes: int = 1000
) -> Architecture:
    stem = Conv(name="conv0", out_channels=2 * GROWTH, kernel_size=7, stride=2, padding=3, bias=False, norm="batch")
    features: list[object] = [stem, Pool(name="pool0", kernel_size=3, stride=2, padding=1)]
    channels = 2 * GROWTH
    for number, layers in enumerate(blocks, 1):
        steps = tuple(dense_layer(f"denselayer{layer}") for layer in range(1, layers + 1))
        features.append(Sequence(name=f"denseblock{number}", children=steps))
        channels += GROWTH * layers
        features += [Norm(name=f"norm{number}"), Activation(name=f"relu{number}")]
        if number < len(blocks):
            channels //= 2
            features.append(Conv(name=f"transition{number}", out_channels=channels, bias=False, activation="none"))
            features.append(Pool(name=f"pool{number}", kind="avg", kernel_size=2, stride=2, padding=0))
    head = (GlobalPool(name="avgpool"), Flatten(name="flatten"), Linear(name="classifier", out_features=classes))
    trunk = Sequence(name="trunk", children=(*features, *head))
    return Architecture(name="DenseNet-121", input_shape=input_shape, trunk=trunk)
