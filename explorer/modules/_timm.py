"""Our names of weights as timm names them, for the networks that torchvision does not have.

Our blocks have TF-Slim's names: in a branch, a layer's letter is its number, and ``1a`` is the one that follows them.
"""

from __future__ import annotations

import re

from ._renaming import PLAIN, Rule, places, rename

_V4_BLOCKS = (
    "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Mixed_3a", "Mixed_4a", "Mixed_5a",
    "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_5e",
    "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_6f", "Mixed_6g", "Mixed_6h",
    "Mixed_7a", "Mixed_7b", "Mixed_7c", "Mixed_7d",
)  # fmt: skip


def _number(match: re.Match[str]) -> str:
    return f"branch{match[1]}.{ord(match[2]) - ord('a')}."


_IN_BRANCH: Rule = (r"Branch_(\d)\.Conv2d_0([a-e])_\dx\d\.", _number)

INCEPTION_V4 = rename(
    (r"^Mixed_([35]a)\.Branch_\d\.Conv2d_\d\w_3x3\.", r"Mixed_\1.conv."),
    (r"^(Mixed_[567][b-h])\.Branch_0\.Conv2d_0a_1x1\.", r"\1.branch0."),
    (r"^(Mixed_6a)\.Branch_0\.Conv2d_1a_3x3\.", r"\1.branch0."),
    (r"^(Mixed_6a)\.Branch_1\.Conv2d_1a_3x3\.", r"\1.branch1.2."),
    (r"^(Mixed_[47]a)\.Branch_0\.Conv2d_1a_3x3\.", r"\1.branch0.1."),
    (r"^(Mixed_[47]a)\.Branch_1\.Conv2d_1a_3x3\.", r"\1.branch1.3."),
    (r"^(Mixed_7[bcd])\.Branch_1\.Conv2d_0a_1x1\.", r"\1.branch1_0."),
    (r"^(Mixed_7[bcd])\.Branch_1\.split\.Conv2d_0b_1x3\.", r"\1.branch1_1a."),
    (r"^(Mixed_7[bcd])\.Branch_1\.split\.Conv2d_0c_3x1\.", r"\1.branch1_1b."),
    (r"^(Mixed_7[bcd])\.Branch_2\.Conv2d_0([abc])_\dx\d\.", lambda m: f"{m[1]}.branch2_{ord(m[2]) - ord('a')}."),
    (r"^(Mixed_7[bcd])\.Branch_2\.split\.Conv2d_0d_1x3\.", r"\1.branch2_3a."),
    (r"^(Mixed_7[bcd])\.Branch_2\.split\.Conv2d_0e_3x1\.", r"\1.branch2_3b."),
    _IN_BRANCH,
    *places({block: f"features.{number}" for number, block in enumerate(_V4_BLOCKS)}),
    (r"^Logits\.linear\.", "last_linear."),
)
INCEPTION_RESNET_V2 = rename(
    (r"^Conv2d_(\d\w)_\dx\d\.", r"conv2d_\1."),
    (r"^Repeat(_\d)?\.block\d+_(\d+)\.", lambda m: f"repeat{m[1] or ''}.{int(m[2]) - 1}."),
    (r"^Block8\.", "block8."),
    (r"^Mixed_", "mixed_"),
    (r"\.body\.Conv2d_1x1\.conv\.", ".conv2d."),
    (r"\.body\.branches\.", "."),
    (r"\.Branch_(\d)\.Conv2d_1x1\.", r".branch\1."),
    (r"^(mixed_6a)\.Branch_0\.Conv2d_1a_3x3\.", r"\1.branch0."),
    (r"^(mixed_7a)\.Branch_([01])\.Conv2d_1a_3x3\.", r"\1.branch\2.1."),
    (r"^(mixed_[67]a)\.Branch_([12])\.Conv2d_1a_3x3\.", r"\1.branch\2.2."),
    _IN_BRANCH,
    (r"^Logits\.linear\.", "classif."),
)


def _in_block(match: re.Match[str]) -> str:
    """ReLU, separable convolution and norm take turns in their list of a block; the first begins without ReLU."""
    block, layer, part = match[1], int(match[2]), match[3]
    place = 3 * (layer - 1) + (block != "1")
    names = {"depthwise.conv": f"{place}.conv1", "pointwise.conv": f"{place}.pointwise", "pointwise.bn": str(place + 1)}
    return f"block{block}.rep.{names[part]}."


XCEPTION = rename(
    (r"^block(\d+)\.body\.sepconv(\d)\.(\w+\.\w+)\.", _in_block),
    (r"\.shortcut\.conv\.", ".skip."),
    (r"\.shortcut\.bn\.", ".skipbn."),
    (r"^conv(\d)\.(?:pointwise\.)?bn\.", r"bn\1."),
    (r"^conv(\d)\.depthwise\.", r"conv\1.conv1."),
    PLAIN,
)
