"""Finding networks of the catalogue by the words that people use, in English and as the course notes have them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from ..architecture import edit
from ._registry import ALIASES, Entry, entries

_WORDS = {
    "course notes": "homework 课程 课程笔记 作业",
    "batch norm": "batchnorm bn normalization 批归一化 批量归一化 批标准化",
    "dilation": "dilated atrous hole receptive field rf 空洞卷积 膨胀卷积 扩张卷积 感受野",
    "residual": "resnet skip connection shortcut identity 残差网络 残差块 残差连接 跳跃连接 捷径",
    "dense": "densenet dense connections concatenation 稠密连接网络 密集连接 稠密块",
    "squeeze": "squeeze-and-excitation excitation se senet 挤压激励 压缩激励",
    "ghost": "ghost module cheap operation 幽灵模块 廉价操作",
    "layer norm": "layernorm ln layer normalization 层归一化",
    "mobile": "phone light small efficient 轻量 移动端",
    "reparameterised": "reparameterized rep folding deploy 重参数化 结构重参数化",
    "attention": "squeeze excitation senet channel 通道注意力 空间注意力 注意力机制",
    "auxiliary heads": "auxiliary classifier 辅助分类器",
    "factorised": "factorized asymmetric 1x7 7x1 1x3 3x1 非对称卷积 卷积分解 因子分解",
    "separable": "depthwise separable dwconv 逐通道卷积 深度可分离卷积 可分离卷积",
    "grouped": "groups grouped convolution towers 分组卷积 双塔",
    "1×1": "network in network mlpconv pointwise 网中网 逐点卷积",
    "MNIST": "handwritten digits grey gray 手写数字 灰度",
    "Fashion-MNIST": "clothes grey gray 服装 灰度",
    "long-range": "receptive field rf 感受野 远距离",
    "lesson": "teaching 教学 演示",
}
"""What people call what a tag stands for, beside the tag itself."""
_BLOCK = (
    "inception block module branch parallel multi-scale concat 1x1 bottleneck "
    "起始模块 多尺度 并行 分支 拼接 瓶颈 降维"
)
"""The same for every network with a block of branches."""
_OF_SOURCES = re.compile(r"\b(?:19|20)\d\d\b|\b\d{4}\.\d{4,5}\b")
"""Years and numbers of papers: they say when something was written, not what a network is."""


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("×", "x")


def _squeeze(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text)


@lru_cache(maxsize=256)
def _haystack(entry: Entry) -> str:
    names = [alias for alias, name in ALIASES.items() if name == entry.name]
    words = [_WORDS.get(tag, "") for tag in entry.tags] + [_BLOCK] * bool(edit.blocks(entry.architecture))
    source = _OF_SOURCES.sub(" ", entry.source)
    own = (entry.name, entry.title, entry.architecture.name, entry.summary, source, *entry.tags)
    return _fold(" ".join((*own, *names, *words)))


def search(text: str, *, group: str = "", tags: Iterable[str] = ()) -> list[Entry]:
    """Find the networks that have all of some words.

    Args:
        text: Words in any case, in English or Chinese, each a name, a part of one, or what a network has; "" for all.
        group: A key of ``GROUPS``; "" for all of them.
        tags: Tags that a network must have, all of them.

    Returns:
        Entries, in the order of the catalogue.
    """
    words, wanted = _fold(text).split(), set(tags)
    return [
        entry
        for entry in entries()
        if group in ("", entry.group) and wanted <= set(entry.tags) and all(_has(entry, word) for word in words)
    ]


def _has(entry: Entry, word: str) -> bool:
    """Whether a word of the entry begins so; a long one may also be written together or apart, as inceptionv3."""
    haystack = _haystack(entry)
    if not word.isascii():  # Chinese has no spaces between words
        return word in haystack
    if any(each.startswith(word) for each in _words(haystack)):
        return True
    squeezed = _squeeze(word)
    return len(squeezed) > 3 and squeezed in _squeeze(haystack)


def _words(text: str) -> list[str]:
    return [*text.split(), *re.split(r"[^\w.]+", text)]


def suggest(text: str) -> list[str]:
    """Suggest words for a search that finds nothing.

    Args:
        text: What was searched.

    Returns:
        Up to three searches that find something, the nearest first; [] where nothing is near.
    """
    known = list(dict.fromkeys(word for entry in entries() for word in _words(_haystack(entry)) if len(word) > 2))
    found: list[str] = []
    for word in _fold(text).split()[:8]:
        found += difflib.get_close_matches(word[:40], known, n=2, cutoff=0.7)
    return list(dict.fromkeys(found))[:3]
