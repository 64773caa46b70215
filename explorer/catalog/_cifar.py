"""Small networks of our own for images of 32×32 and 28×28 pixels: BN-Inceptions that learn quickly, and variants.

Every variant is derived from the base by the same edits that a page offers, so that they differ in nothing else.
"""

from __future__ import annotations

from typing import Any

from ..architecture import Architecture, Conv, Flatten, GlobalPool, Linear, Parallel, Pool, Sequence, edit
from ..architecture.branches import double_3x3, one_by_one, pool_project, reduce_conv
from ._registry import register

_SOURCE = (
    "Inception Explorer, after Ioffe & Szegedy, Batch Normalization, ICML 2015 (arXiv 1502.03167), appendix: "
    "blocks of 1×1, 3×3, double 3×3 and average pooling, batch normalisation after every convolution"
)
_SE = "Hu et al., Squeeze-and-Excitation Networks, CVPR 2018 (arXiv 1709.01507)"
_CBAM = "Woo et al., CBAM: Convolutional Block Attention Module, ECCV 2018 (arXiv 1807.06521)"
_RESIDUAL = "He et al., Deep Residual Learning, CVPR 2016 (arXiv 1512.03385)"
_TAGS = ("CIFAR-10", "batch norm", "below 1 M params")
_BN: dict[str, Any] = {"norm": "batch"}


def _block(
    name: str, *, ones: int, reduce_3x3: int, out_3x3: int, reduce_5x5: int, out_5x5: int, project: int
) -> Parallel:
    return Parallel(
        name=name,
        branches=(
            one_by_one(out_channels=ones, **_BN),
            reduce_conv("branch_3x3", reduce=reduce_3x3, out_channels=out_3x3, kernel_size=3, **_BN),
            double_3x3(reduce=reduce_5x5, out_channels=out_5x5, **_BN),
            pool_project(out_channels=project, kind="avg", **_BN),
        ),
    )


@register(
    "cifar-inception",
    title="CIFAR Inception",
    summary="A BN-Inception for 32×32 images: three blocks, early downsampling, a high accuracy after a minute.",
    source=_SOURCE,
    tags=_TAGS,
    group="small",
)
def cifar_inception() -> Architecture:
    """Two strided convolutions to 8×8, one block there and two at 4×4, where channels are cheap."""
    return Architecture(
        name="CIFAR Inception",
        provenance=_SOURCE,
        input_shape=(3, 32, 32),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="conv1", out_channels=32, kernel_size=3, stride=2, **_BN),  # 32 × 16 × 16
                Conv(name="conv2", out_channels=64, kernel_size=3, stride=2, **_BN),  # 64 × 8 × 8
                _block("inception_a", ones=32, reduce_3x3=48, out_3x3=96, reduce_5x5=16, out_5x5=32, project=32),
                Pool(name="pool", kind="avg", kernel_size=2, stride=2, padding=0),  # 192 × 4 × 4
                _block("inception_b", ones=64, reduce_3x3=64, out_3x3=160, reduce_5x5=32, out_5x5=64, project=64),
                _block("inception_c", ones=64, reduce_3x3=64, out_3x3=160, reduce_5x5=32, out_5x5=64, project=64),
                GlobalPool(name="avgpool"),  # 352
                Flatten(name="flatten"),
                Linear(name="fc", out_features=10),
            ),
        ),
    )


@register(
    "cifar10-inception",
    title="CIFAR-10 Inception",
    summary="A BN-Inception that downsamples 32×32 images later: five blocks at 16×16, 8×8 and 4×4 positions.",
    source=_SOURCE,
    tags=_TAGS,
    group="small",
)
def cifar10_inception() -> Architecture:
    """Twice the work of ``cifar_inception``, most of it at high resolution."""
    middle: dict[str, int] = {
        "ones": 48, "reduce_3x3": 64, "out_3x3": 96, "reduce_5x5": 32, "out_5x5": 48, "project": 32,
    }  # fmt: skip
    last: dict[str, int] = {
        "ones": 96, "reduce_3x3": 96, "out_3x3": 160, "reduce_5x5": 32, "out_5x5": 64, "project": 64,
    }  # fmt: skip
    return Architecture(
        name="CIFAR-10 Inception",
        provenance=_SOURCE,
        input_shape=(3, 32, 32),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="conv1", out_channels=32, kernel_size=3, **_BN),  # 32 × 32 × 32
                Pool(name="pool1", kernel_size=2, stride=2, padding=0),
                _block("inception_3a", ones=24, reduce_3x3=32, out_3x3=48, reduce_5x5=16, out_5x5=24, project=24),
                Pool(name="pool2", kernel_size=2, stride=2, padding=0),  # 120 × 8 × 8
                _block("inception_4a", **middle),
                _block("inception_4b", **middle),
                Pool(name="pool3", kernel_size=2, stride=2, padding=0),  # 224 × 4 × 4
                _block("inception_5a", **last),
                _block("inception_5b", **last),
                GlobalPool(name="avgpool"),  # 384
                Flatten(name="flatten"),
                Linear(name="fc", out_features=10),
            ),
        ),
    )


@register(
    "mnist-inception",
    title="MNIST Inception",
    summary="A BN-Inception for handwritten digits: two blocks, at 14×14 and 7×7 positions, and global pooling.",
    source=_SOURCE,
    tags=("MNIST", "batch norm", "below 1 M params"),
    group="small",
)
def mnist_inception() -> Architecture:
    """Small enough to answer while somebody draws, with a field that covers the whole image."""
    return Architecture(
        name="MNIST Inception",
        provenance=_SOURCE,
        input_shape=(1, 28, 28),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="conv1", out_channels=16, kernel_size=5, stride=2, **_BN),  # 16 × 14 × 14
                _block("inception_a", ones=8, reduce_3x3=12, out_3x3=16, reduce_5x5=8, out_5x5=8, project=8),
                Pool(name="pool", kernel_size=2, stride=2, padding=0),  # 40 × 7 × 7
                _block("inception_b", ones=24, reduce_3x3=32, out_3x3=48, reduce_5x5=16, out_5x5=24, project=24),
                GlobalPool(name="avgpool"),  # 120
                Flatten(name="flatten"),
                Linear(name="fc", out_features=10),
            ),
        ),
    )


def _variant(what: str, *, residual: bool = False, attention: Any = None) -> Architecture:
    """The base with attention at the end of every block and a shortcut around it, the identity where channels allow."""
    changed = edit.replace(cifar_inception(), "", name=f"CIFAR Inception {what}")
    channels = {"inception_a": False, "inception_b": False, "inception_c": True}
    for block, kept in channels.items():
        if residual:
            changed = edit.set_residual(changed, block, "identity" if kept else "projection")
        changed = edit.set_attention(changed, block, attention)
    return changed


@register(
    "cifar-inception-residual",
    title="CIFAR Inception with residuals",
    summary="A shortcut around every block: 1×1 projections where the channels change, the identity elsewhere.",
    source=f"{_SOURCE}; {_RESIDUAL}",
    tags=(*_TAGS, "residual"),
    group="small",
)
def cifar_inception_residual() -> Architecture:
    """Residual connections, nothing else changed."""
    return _variant("with residuals", residual=True)


@register(
    "cifar-inception-se",
    title="CIFAR Inception with SE",
    summary="Squeeze-and-excitation at the end of every block weighs its channels.",
    source=f"{_SOURCE}; {_SE}",
    tags=(*_TAGS, "attention"),
    group="small",
)
def cifar_inception_se() -> Architecture:
    """Squeeze-and-excitation, nothing else changed."""
    return _variant("with SE", attention="se")


@register(
    "cifar-inception-cbam",
    title="CIFAR Inception with CBAM",
    summary="CBAM at the end of every block weighs its channels, then its positions.",
    source=f"{_SOURCE}; {_CBAM}",
    tags=(*_TAGS, "attention"),
    group="small",
)
def cifar_inception_cbam() -> Architecture:
    """CBAM, nothing else changed."""
    return _variant("with CBAM", attention="cbam")


@register(
    "cifar-inception-residual-cbam",
    title="CIFAR Inception with residuals and CBAM",
    summary="Both of the homework's additions: CBAM at the end of every block, and a shortcut around it.",
    source=f"{_SOURCE}; {_RESIDUAL}; {_CBAM}",
    tags=(*_TAGS, "residual", "attention"),
    group="small",
)
def cifar_inception_residual_cbam() -> Architecture:
    """Residual connections around blocks that end in CBAM."""
    return _variant("with residuals and CBAM", residual=True, attention="cbam")
