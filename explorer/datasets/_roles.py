"""What the name of a folder or of a list of labels says about the split: training, validation, test, or none."""

from __future__ import annotations

import re
from typing import Literal

Role = Literal["train", "validation", "test", "unlabelled"]

_WORDS: dict[str, Role] = {
    **dict.fromkeys(
        ("train", "training", "trn", "trainval", "learn", "learning", "trainings", "lern", "entrenamiento",
         "entrainement", "entraînement", "apprentissage", "训练", "訓練", "学習"), "train"
    ),
    **dict.fromkeys(
        ("val", "valid", "validation", "validate", "dev", "eval", "evaluation", "validierung", "validierungs",
         "validación", "validacion", "验证", "驗證", "検証"), "validation"
    ),
    **dict.fromkeys(("test", "testing", "tst", "holdout", "prueba", "pruebas", "测试", "測試", "テスト"), "test"),
    **dict.fromkeys(
        ("pred", "predict", "prediction", "predictions", "unlabelled", "unlabeled", "inference"), "unlabelled"
    ),
}  # fmt: skip
_FILLERS = "(set|data|dataset|images?|imgs?|photos?|pictures?|pics?|files?|split|daten|bilder|集|数据|数据集|[0-9]+)?"
_GLUED = re.compile(f"({'|'.join(sorted(_WORDS, key=len, reverse=True))}){_FILLERS}")
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-zà-ÿ]+[0-9]*|[0-9]+|[\u3040-\u9fff]+")


def find_role(name: str) -> Role | None:
    """The split that a name speaks of, as in ``seg_train``, ``training_set``, ``Final_Test`` or ``val2017``.

    >>> find_role("seg_train"), find_role("TestImages"), find_role("valid"), find_role("cats")
    ('train', 'test', 'validation', None)
    """
    found: set[Role] = set()
    for token in _TOKENS.findall(name):
        match = _GLUED.fullmatch(token.lower())
        if match:
            found.add(_WORDS[match[1]])
    if found == {"train", "validation"}:  # as in train_val
        return "train"
    return found.pop() if len(found) == 1 else None


def is_plain_role(name: str) -> bool:
    """Whether the name says nothing but its split: ``train`` and ``Test1``, but not ``train_station``."""
    return _GLUED.fullmatch(name.strip().lower()) is not None
