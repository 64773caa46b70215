"""Training: configurations, named recipes and how runs are launched here, without torch.

The loop and what it needs are modules of their own that import torch: ``loop``, ``state``, ``data``, ``evaluation``,
``recording``, ``checkpoint``, ``worker``.
"""

from ._config import TrainConfig, parse
from ._fit import Memory, check_classes, check_memory, memory_needed
from ._launch import clone, extend, prepare, start
from ._recipes import RECIPES, recipe

__all__ = [
    "RECIPES",
    "Memory",
    "TrainConfig",
    "check_classes",
    "check_memory",
    "clone",
    "extend",
    "memory_needed",
    "parse",
    "prepare",
    "recipe",
    "start",
]
