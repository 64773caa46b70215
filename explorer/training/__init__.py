"""Training: configurations, named recipes and how runs are launched here, without torch.

The loop and what it needs are modules of their own that import torch: ``loop``, ``state``, ``data``, ``evaluation``,
``recording``, ``checkpoint``, ``job``, ``worker``.
"""

from ._config import TrainConfig, parse
from ._fit import Memory, check_classes, check_memory, estimate_memory, fit_to_data
from ._forecast import Forecast, Speed, collect_speeds, forecast
from ._launch import Fit, check, clone, config_warnings, extend, prepare, start
from ._lessons import LESSONS, Lesson, LessonRun, lesson, start_lesson
from ._probe import measure_speed_again, probe_speed, speed_probe_failure
from ._recipes import RECIPES, recipe
from ._workers import find_platform_problem, open_manager, worker_command

__all__ = [
    "LESSONS",
    "RECIPES",
    "Fit",
    "Forecast",
    "Lesson",
    "LessonRun",
    "Memory",
    "Speed",
    "TrainConfig",
    "check",
    "check_classes",
    "check_memory",
    "clone",
    "collect_speeds",
    "config_warnings",
    "estimate_memory",
    "extend",
    "find_platform_problem",
    "fit_to_data",
    "forecast",
    "lesson",
    "measure_speed_again",
    "open_manager",
    "parse",
    "prepare",
    "probe_speed",
    "recipe",
    "speed_probe_failure",
    "start",
    "start_lesson",
    "worker_command",
]
