"""Training: configurations, named recipes and how runs are launched here, without torch.

The loop and what it needs are modules of their own that import torch: ``loop``, ``state``, ``data``, ``evaluation``,
``recording``, ``checkpoint``, ``worker``.
"""

from ._config import TrainConfig, parse
from ._fit import Memory, check_classes, check_memory, memory_needed
from ._forecast import Forecast, Speed, forecast, speeds, yardstick
from ._launch import Fit, check, clone, doubts, extend, prepare, start
from ._lessons import LESSONS, Lesson, Trial, lesson, start_lesson
from ._recipes import RECIPES, recipe

__all__ = [
    "LESSONS",
    "RECIPES",
    "Fit",
    "Forecast",
    "Lesson",
    "Memory",
    "Speed",
    "TrainConfig",
    "Trial",
    "check",
    "check_classes",
    "check_memory",
    "clone",
    "doubts",
    "extend",
    "forecast",
    "lesson",
    "memory_needed",
    "parse",
    "prepare",
    "recipe",
    "speeds",
    "start",
    "start_lesson",
    "yardstick",
]
