"""Our names of weights as torchvision and timm name them, for the networks that came after Inception.

Inside a block a layer of ours says what it does (expand, depthwise, project), in the libraries mostly where it stands.
"""

from __future__ import annotations

import re

from ._renaming import PLAIN, Naming, Rule, rename

# ---- squeeze, concatenate -------------------------------------------------------------------------------------------

_DENSENET = rename(
    (r"conv0\.bn", "norm0"),
    (r"(denselayer\d+)\.new\.", r"\1."),
    (r"(denselayer\d+)\.conv1\.bn", r"\1.norm2"),
    PLAIN,
)


def _old_densenet(name: str) -> str:
    """The file that torchvision publishes is older than its names: norm1 is norm.1 there, conv2 conv.2."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", _DENSENET(name))


# ---- inverted residuals ---------------------------------------------------------------------------------------------


def _number(block: str, first: str, layers: tuple[str, ...], *, bare_last: bool = False) -> tuple[Rule, ...]:
    """torchvision numbers the layers of a block; the first block has no ``expand``, so that its numbers are others.

    Args:
        block: Pattern of the path of a block's layers.
        first: Pattern of the path of the first block's layers.
        layers: Their names in order.
        bare_last: Whether the norm of the last layer stands beside its convolution, with a number of its own.
    """
    rules: list[Rule] = []
    for where, names in ((first, layers[1:]), (block, layers)):
        for place, layer in enumerate(names):
            conv, norm = f"{place}.0", f"{place}.1"
            if bare_last and layer == layers[-1]:
                conv, norm = f"{place}", f"{place + 1}"
            rules += [
                (rf"^({where})\.{layer}\.conv\.", rf"\g<1>.{conv}."),
                (rf"^({where})\.{layer}\.bn\.", rf"\g<1>.{norm}."),
                (rf"^({where})\.{layer}\.gate\.", rf"\g<1>.{place}."),
            ]
    return tuple(rules)


_ENDS: tuple[Rule, ...] = (
    (r"^features\.(\d+)\.conv\.weight", r"features.\1.0.weight"),
    (r"^features\.(\d+)\.bn\.", r"features.\1.1."),
)
_TIMM_ENDS: tuple[Rule, ...] = (
    (r"^features\.0\.conv\.", "conv_stem."),
    (r"^features\.0\.bn\.", "bn1."),
    (r"^features\.\d+\.conv\.weight", "conv_head.weight"),
    (r"^features\.\d+\.bn\.", "bn2."),
    (r"^classifier\.1\.linear\.", "classifier."),
)
_TIMM_BLOCK: tuple[Rule, ...] = (
    (r"^(blocks\.0\.0)\.depthwise\.bn\.", r"\1.bn1."),  # the first block has no ``expand``
    (r"^(blocks\.0\.0)\.project\.conv\.", r"\1.conv_pw."),
    (r"^(blocks\.0\.0)\.project\.bn\.", r"\1.bn2."),
    (r"\.expand\.conv\.", ".conv_pw."),
    (r"\.expand\.bn\.", ".bn1."),
    (r"\.depthwise\.conv\.", ".conv_dw."),
    (r"\.depthwise\.bn\.", ".bn2."),
    (r"\.se\.gate\.fc1\.", ".se.conv_reduce."),
    (r"\.se\.gate\.fc2\.", ".se.conv_expand."),
    (r"\.project\.conv\.", ".conv_pwl."),
    (r"\.project\.bn\.", ".bn3."),
)


def _mobilenet_v2_stages() -> tuple[Rule, ...]:
    """timm counts the blocks in each stage, torchvision all of them."""
    places = [(stage, n) for stage, repeats in enumerate((1, 2, 3, 4, 3, 3, 1)) for n in range(repeats)]
    return tuple(
        (rf"^features\.{number}\.conv\.(?=expand|depthwise|project)", f"blocks.{stage}.{n}.")
        for number, (stage, n) in enumerate(places, 1)
    )


_EFFICIENTNET_STAGES: Rule = (r"^features\.(\d)\.(\d+)\.block\.", lambda m: f"blocks.{int(m[1]) - 1}.{m[2]}.")

_GHOSTNET = rename(
    (r"^conv_stem\.bn\.", "bn1."),
    (r"\.body\.", "."),
    (r"\.primary\.conv\.", ".primary_conv.0."),
    (r"\.primary\.bn\.", ".primary_conv.1."),
    (r"\.ghosts\.cheap\.conv\.", ".cheap_operation.0."),
    (r"\.ghosts\.cheap\.bn\.", ".cheap_operation.1."),
    (r"\.conv_dw\.bn\.", ".bn_dw."),
    (r"\.se\.gate\.fc1\.", ".se.conv_reduce."),
    (r"\.se\.gate\.fc2\.", ".se.conv_expand."),
    (r"\.shortcut\.depthwise\.conv\.", ".shortcut.0."),
    (r"\.shortcut\.depthwise\.bn\.", ".shortcut.1."),
    (r"\.shortcut\.pointwise\.conv\.", ".shortcut.2."),
    (r"\.shortcut\.pointwise\.bn\.", ".shortcut.3."),
    (r"^(blocks\.9\.0)\.bn\.", r"\1.bn1."),
    (r"^(?!blocks\.9)(.*)\.(?:conv|linear)\.(weight|bias)$", r"\1.\2"),
)

# ---- after transformers ---------------------------------------------------------------------------------------------

_CONVNEXT = rename(
    (r"^features\.0\.conv\.", "features.0.0."),
    (r"^features\.0\.norm\.", "features.0.1."),
    (r"\.block\.depthwise\.conv\.", ".block.0."),
    (r"\.block\.depthwise\.norm\.", ".block.2."),
    (r"\.block\.expand\.conv\.", ".block.3."),
    (r"\.block\.project\.conv\.", ".block.5."),
    (r"\.block\.layer_scale\.weight$", ".layer_scale"),
    PLAIN,
)
_TIMM_CONVNEXT = rename(
    (r"^features\.0\.conv\.", "stem.0."),
    (r"^features\.0\.norm\.", "stem.1."),
    (r"^features\.([246])\.", lambda m: f"stages.{int(m[1]) // 2}.downsample."),
    (r"^features\.([1357])\.(\d+)\.block\.", lambda m: f"stages.{int(m[1]) // 2}.blocks.{m[2]}."),
    (r"\.depthwise\.conv\.", ".conv_dw."),
    (r"\.depthwise\.norm\.", ".norm."),
    (r"\.expand\.conv\.", ".mlp.fc1."),
    (r"\.project\.conv\.", ".mlp.fc2."),
    (r"\.layer_scale\.weight$", ".gamma"),
    (r"^classifier\.0\.", "head.norm."),
    (r"^classifier\.2\.linear\.", "head.fc."),
    PLAIN,
)
_INCEPTION_NEXT = rename(
    (r"^stem\.conv\.", "stem.0."),
    (r"^stem\.bn\.", "stem.1."),
    (r"\.downsample\.norm\.", ".downsample.0."),
    (r"\.downsample\.conv\.conv\.", ".downsample.1."),
    (r"\.body\.token_mixer\.\w+\.", ".token_mixer."),
    (r"\.body\.(fc\d)\.", r".mlp.\1."),
    (r"\.body\.gamma\.weight$", ".gamma"),
    (r"\.body\.", "."),
    PLAIN,
)
_BARE_LINEAR: Rule = (r"\.linear\.(weight|bias)$", r".\1")

LATER: dict[str, Naming] = {
    "torchvision's names (SqueezeNet)": rename((r"\.expand\.expand", ".expand"), PLAIN),
    "torchvision's names (DenseNet), which timm shares": _DENSENET,
    "torchvision's older names (DenseNet)": _old_densenet,
    "torchvision's names (MobileNetV2)": rename(
        *_number(
            r"features\.\d+\.conv", r"features\.1\.conv", ("expand", "depthwise", "project"), bare_last=True
        ),
        *_ENDS,
        PLAIN,
    ),
    "timm's names (MobileNetV2)": rename(*_mobilenet_v2_stages(), *_TIMM_BLOCK, *_TIMM_ENDS, PLAIN),
    "torchvision's names (EfficientNet)": rename(
        *_number(
            r"features\.\d+\.\d+\.block", r"features\.1\.\d+\.block", ("expand", "depthwise", "se", "project")
        ),
        *_ENDS,
        PLAIN,
    ),
    "timm's names (EfficientNet)": rename(_EFFICIENTNET_STAGES, *_TIMM_BLOCK, *_TIMM_ENDS, PLAIN),
    "timm's names (GhostNet)": _GHOSTNET,
    "torchvision's names (ConvNeXt)": _CONVNEXT,
    "timm's names (ConvNeXt)": _TIMM_CONVNEXT,
    "timm's names (InceptionNeXt)": _INCEPTION_NEXT,
    "timm's names (RepVGG)": rename((r"\.sum\.", "."), _BARE_LINEAR),
    "timm's names (RepVGG, folded)": rename((r"\.sum\.conv\.", ".reparam_conv."), _BARE_LINEAR),
}
"""By what a person is told; see ``NAMINGS``."""
