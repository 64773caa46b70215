"""Training: configurations, named recipes and how runs are launched here, without torch.

The loop and what it needs are modules of their own that import torch: ``loop``, ``state``, ``data``, ``evaluation``,
``recording``, ``checkpoint``, ``worker``.
"""

from ._config import TrainConfig, parse
from ._fit import Memory, check_classes, check_memory, memory_needed
from ._launch import clone, extend, start
from ._lessons import LESSONS, Lesson, Trial, lesson, start_lesson
from ._recipes import RECIPES, recipe

__all__ = [
    "LESSONS",
    "RECIPES",
    "Lesson",
    "Memory",
    "TrainConfig",
    "Trial",
    "check_classes",
    "check_memory",
    "clone",
    "extend",
    "lesson",
    "memory_needed",
    "parse",
    "recipe",
    "start",
    "start_lesson",
]
