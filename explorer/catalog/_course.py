"""The networks of the course notes on Inception, each as its text intends it; what had to be repaired is named."""

from __future__ import annotations

from ..architecture import (
    Activation,
    Architecture,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Node,
    Parallel,
    Pool,
    Residual,
    Sequence,
    edit,
)
from ..architecture.blocks import inception as inception_block
from ..architecture.branches import one_by_one, pool_project, reduce_conv
from ._registry import Fact, register

_DAY54 = "Course notes, day 54: Inception networks"
_BLOCK_BN = "Course notes: the Inception block with batch normalisation"
_MNIST = "Course notes, day 4: advanced convolutional networks"


def _network(name: str, provenance: str, input_shape: tuple[int, int, int], *children: Node) -> Architecture:
    return Architecture(
        name=name, provenance=provenance, input_shape=input_shape, trunk=Sequence(name="trunk", children=children)
    )


def _notes_block(name: str) -> Parallel:
    """64 + 128 + 32 + 32 = 256 channels from any number of channels: block 3a of GoogLeNet."""
    return inception_block(name, ones=64, reduce_3x3=96, out_3x3=128, reduce_5x5=16, out_5x5=32, project=32)


def _inception_net(size: int) -> Architecture:
    return _network(
        f"InceptionNet {size}×{size}",
        _DAY54,
        (3, size, size),
        Sequence(
            name="conv1",
            children=(
                Conv(name="conv", out_channels=64, kernel_size=7, stride=2),
                Pool(name="pool", kernel_size=3, stride=2, padding=1),
            ),
        ),
        _notes_block("inception1"),
        _notes_block("inception2"),
        GlobalPool(name="avgpool"),
        Flatten(name="flatten"),
        Linear(name="fc", out_features=10),
    )


_NO_SUCH_ACCURACY = (
    "the text gives Inception-ResNet-v2 a top-1 accuracy of 96.4 % on ImageNet; it is 80.4 %, and its top-5 is 95.3 %"
)


@register(
    "inception-net",
    title="InceptionNet (two blocks)",
    summary="The first network to study: a stem, two Inception blocks, global pooling, ten classes.",
    source=_DAY54,
    repairs=(_NO_SUCH_ACCURACY,),
    facts=(
        Fact(metric="params", value=326_122, source="counted from the notes' code with torch"),
        Fact(metric="macs", value=1_100_663_296, source="FlopCounterMode / 2 on the notes' code"),
    ),
    tags=("course notes",),
    group="course",
)
def inception_net() -> Architecture:
    """The notes' InceptionNet on the 224×224 images of their example."""
    return _inception_net(224)


@register(
    "inception-net-32",
    title="InceptionNet (two blocks), 32×32",
    summary="The same two-block network on CIFAR-10's 32×32 images, as the homework asks.",
    source=_DAY54,
    repairs=(_NO_SUCH_ACCURACY,),
    facts=(Fact(metric="macs", value=22_465_024, source="FlopCounterMode / 2 on the notes' code"),),
    tags=("course notes", "CIFAR-10"),
    group="course",
)
def inception_net_32() -> Architecture:
    """The notes' InceptionNet at 32×32."""
    return _inception_net(32)


@register(
    "inception-block",
    title="One Inception block",
    summary="A single block, 64 to 256 channels on a 28×28 map: four branches and their concatenation, nothing else.",
    source=_DAY54,
    tags=("course notes", "block"),
    group="course",
)
def inception_block_28() -> Architecture:
    """The notes' example: (64, 28, 28) in, (256, 28, 28) out."""
    return _network("Inception block", _DAY54, (64, 28, 28), _notes_block("inception"))


def inception_block_bn(in_channels: int = 32, pool_features: int = 64, size: int = 28) -> Architecture:
    """Make the notes' block with batch normalisation, as a network of its own.

    Args:
        in_channels: Channels of the image.
        pool_features: Channels of the projection behind the pooling.
        size: Height and width of the image, in pixels.

    Returns:
        (in_channels, size, size) → (64 + 96 + 64 + pool_features, size, size).

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.
    """
    block = Parallel(
        name="inception",
        branches=(
            one_by_one(out_channels=64, norm="batch"),
            reduce_conv("branch_3x3", reduce=64, out_channels=96, kernel_size=3, norm="batch"),
            reduce_conv("branch_5x5", reduce=48, out_channels=64, kernel_size=5, norm="batch"),
            pool_project(out_channels=pool_features, norm="batch"),
        ),
    )
    return _network("Inception block with BN", _BLOCK_BN, (in_channels, size, size), block)


@register(
    "inception-block-bn",
    title="Inception block with batch normalisation",
    summary="Convolutions without bias, each followed by batch normalisation; 32 channels in, 288 out.",
    source=_BLOCK_BN,
    repairs=(
        "`branch_pool1x1n` in forward is `branch_pool1x1`",
        "the notes' sum of 140,904 parameters counts a bias that the convolutions do not have, omits batch "
        "normalisation and counts the 1×1 branch twice; counted, it is 140,576",
    ),
    facts=(Fact(metric="params", value=140_576, source="counted from the notes' code with torch"),),
    tags=("course notes", "block", "batch norm"),
    group="course",
)
def _inception_block_bn() -> Architecture:
    return inception_block_bn()


@register(
    "dilated-cnn",
    title="CNN with a dilated layer",
    summary="Three convolutions on CIFAR-10, one dilated by 2: the receptive field of a 5×5 at the cost of a 3×3.",
    source=_DAY54,
    repairs=(
        "the text says that dilation widens the receptive field exponentially; it does so only if the rates of "
        "successive layers double",
        "a comment equates the layer of dilation 2 with a 5×5: it reads 9 of the 25 units in that box; the convolution "
        "and the pooling before it fill the holes, and a unit sees 12×12 pixels of the image",
        "the text says that dilation, unlike pooling, loses no spatial information: the map keeps its size, but no "
        "unit sees what lies in its holes unless other layers fill them",
    ),
    tags=("course notes", "CIFAR-10", "dilation"),
    group="course",
)
def dilated_cnn() -> Architecture:
    """SimpleCNNWithDilation of the notes."""
    return _network(
        "Dilated CNN",
        _DAY54,
        (3, 32, 32),
        Conv(name="conv1", out_channels=16, kernel_size=3),
        Pool(name="pool1", kernel_size=2, stride=2, padding=0),  # 16 × 16 × 16
        Conv(name="conv2", out_channels=32, kernel_size=3, dilation=2),
        Pool(name="pool2", kernel_size=2, stride=2, padding=0),  # 32 × 8 × 8
        Conv(name="conv3", out_channels=64, kernel_size=3),
        Flatten(name="flatten"),
        Linear(name="fc1", out_features=256, activation="relu"),
        Linear(name="fc2", out_features=10),
    )


@register(
    "dilated-cnn-121",
    title="CNN with dilations 1, 2, 1",
    summary="The dilated layer as a stack of three with dilations 1, 2 and 1, whose receptive field has no holes.",
    source=_DAY54,
    repairs=(
        "the notes propose dilation=[1,2,1] as a change, but layer by layer their network already has it; here the "
        "three rates follow one another at one resolution, where each fills the holes of the others",
    ),
    tags=("course notes", "CIFAR-10", "dilation"),
    group="course",
)
def dilated_cnn_121() -> Architecture:
    """``dilated-cnn`` with its second layer replaced by a hybrid dilated stack."""
    stack = Sequence(
        name="conv2",
        children=tuple(
            Conv(name=f"conv_{letter}", out_channels=32, kernel_size=3, dilation=dilation)
            for letter, dilation in zip("abc", (1, 2, 1), strict=True)
        ),
    )
    return edit.put(edit.replace(dilated_cnn(), "", name="Dilated CNN 1-2-1"), "conv2", stack)


def _inception_a(name: str) -> Parallel:
    """16 + 24 + 24 + 24 = 88 channels; the notes' convolutions have no activation inside the block."""
    return Parallel(
        name=name,
        branches=(
            one_by_one(out_channels=16, activation="none"),
            reduce_conv("branch_5x5", reduce=16, out_channels=24, kernel_size=5, activation="none"),
            Sequence(
                name="branch_3x3",
                children=(
                    Conv(name="reduce", out_channels=16, activation="none"),
                    Conv(name="conv_a", out_channels=24, kernel_size=3, activation="none"),
                    Conv(name="conv_b", out_channels=24, kernel_size=3, activation="none"),
                ),
            ),
            pool_project(out_channels=24, kind="avg", activation="none"),
        ),
    )


@register(
    "inception-a-mnist",
    title="InceptionA on MNIST",
    summary="Two 88-channel blocks with average pooling between 5×5 convolutions; 1,408 features into ten classes.",
    source=_MNIST,
    repairs=(
        "`Conv2d(80, 20)` after an 88-channel block takes 88 channels",
        "`branch5x5_2` gives 24 channels, not 25: only then do the branches sum to 88 and the features to 1,408",
        "`x.view(batch_size - 1)` is `x.view(batch_size, -1)`",
        "misspelt names (`slef`, `brach_pool`, `ave_pool2d`, `kerner_size`, `in_channel`, `outputs` for `output`, "
        "`super(Inception, …)` in InceptionA, `optimizer.SGD`) are corrected",
    ),
    tags=("course notes", "MNIST"),
    group="course",
)
def inception_a_mnist() -> Architecture:
    """Net of the notes: pooling before the activation, as written there."""
    return _network(
        "InceptionA on MNIST",
        _MNIST,
        (1, 28, 28),
        Conv(name="conv1", out_channels=10, kernel_size=5, padding=0, activation="none"),  # 10 × 24 × 24
        Pool(name="pool1", kernel_size=2, stride=2, padding=0),  # 10 × 12 × 12
        Activation(name="relu1"),
        _inception_a("inception1"),  # 88 × 12 × 12
        Conv(name="conv2", out_channels=20, kernel_size=5, padding=0, activation="none"),  # 20 × 8 × 8
        Pool(name="pool2", kernel_size=2, stride=2, padding=0),  # 20 × 4 × 4
        Activation(name="relu2"),
        _inception_a("inception2"),  # 88 × 4 × 4
        Flatten(name="flatten"),  # 1408
        Linear(name="fc", out_features=10),
    )


def _residual_block(name: str, channels: int) -> Residual:
    """relu(x + conv(relu(conv(x)))): no activation before the addition."""
    return Residual(
        name=name,
        body=Sequence(
            name="body",
            children=(
                Conv(name="conv1", out_channels=channels, kernel_size=3),
                Conv(name="conv2", out_channels=channels, kernel_size=3, activation="none"),
            ),
        ),
    )


@register(
    "residual-mnist",
    title="Residual network on MNIST",
    summary="Two residual blocks between 5×5 convolutions: the smallest network that shows what a shortcut does.",
    source=_MNIST,
    repairs=(
        "`x.view(in_size, -1)` was computed and discarded; its result is the input of the classifier",
        "the colon after `def forward(self, x)` was missing",
    ),
    tags=("course notes", "MNIST", "residual"),
    group="course",
)
def residual_mnist() -> Architecture:
    """Net of the notes with residual blocks."""
    return _network(
        "Residual network on MNIST",
        _MNIST,
        (1, 28, 28),
        Conv(name="conv1", out_channels=16, kernel_size=5, padding=0),
        Pool(name="pool1", kernel_size=2, stride=2, padding=0),  # 16 × 12 × 12
        _residual_block("rblock1", 16),
        Conv(name="conv2", out_channels=32, kernel_size=5, padding=0),
        Pool(name="pool2", kernel_size=2, stride=2, padding=0),  # 32 × 4 × 4
        _residual_block("rblock2", 32),
        Flatten(name="flatten"),  # 512
        Linear(name="fc", out_features=10),
    )
