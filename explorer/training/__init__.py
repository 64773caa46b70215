"""Training: configurations, named recipes and how runs are launched here, without torch.

The loop and what it needs are modules of their own that import torch: ``loop``, ``state``, ``data``, ``evaluation``,
``recording``, ``checkpoint``, ``starting``, ``job``, ``worker``.
"""

from ._augmentation import describe_augmentation
from ._balance import describe_imbalance, weigh_classes
from ._config import TrainConfig, parse
from ._fit import (
    check_classes,
    check_heads,
    describe_fit,
    find_heads,
    find_misfits,
    fit_to_data,
    training_window,
)
from ._forecast import Forecast, Speed, add_forecasts, collect_speeds, forecast
from ._launch import Fit, check, clone, extend, find_import_size, find_warnings, import_data, prepare, read_start, start
from ._lessons import LESSONS, Lesson, LessonRun, lesson, start_lesson
from ._networks import MeasuredNetwork, describe_structure, measure_networks
from ._optimizers import OPTIMIZERS, OptimizerFacts, OptimizerName, own_settings
from ._probe import measure_speed_again, probe_speed, speed_probe_failure
from ._queue import ExpectedStart, describe_next, describe_wait, expect_starts
from ._rate_range import RateRange, find_rate, read_rate_range, train_with_rate
from ._recipes import RECIPES, recipe
from ._resources import Memory, check_disk, check_memory, estimate_checkpoints, estimate_memory
from ._start import START_FILE, StartFrom, check_start, describe_start, find_frozen
from ._workers import find_platform_problem, open_manager, worker_command

__all__ = [
    "LESSONS",
    "OPTIMIZERS",
    "RECIPES",
    "START_FILE",
    "ExpectedStart",
    "Fit",
    "Forecast",
    "Lesson",
    "LessonRun",
    "MeasuredNetwork",
    "Memory",
    "OptimizerFacts",
    "OptimizerName",
    "RateRange",
    "Speed",
    "StartFrom",
    "TrainConfig",
    "add_forecasts",
    "check",
    "check_classes",
    "check_disk",
    "check_heads",
    "check_memory",
    "check_start",
    "clone",
    "collect_speeds",
    "describe_augmentation",
    "describe_fit",
    "describe_imbalance",
    "describe_next",
    "describe_start",
    "describe_structure",
    "describe_wait",
    "estimate_checkpoints",
    "estimate_memory",
    "expect_starts",
    "extend",
    "find_frozen",
    "find_heads",
    "find_import_size",
    "find_misfits",
    "find_platform_problem",
    "find_rate",
    "find_warnings",
    "fit_to_data",
    "forecast",
    "import_data",
    "lesson",
    "measure_networks",
    "measure_speed_again",
    "open_manager",
    "own_settings",
    "parse",
    "prepare",
    "probe_speed",
    "read_rate_range",
    "read_start",
    "recipe",
    "speed_probe_failure",
    "start",
    "start_lesson",
    "train_with_rate",
    "training_window",
    "weigh_classes",
    "worker_command",
]
