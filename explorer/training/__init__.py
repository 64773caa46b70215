"""Training: the configuration and named recipes here, without torch; the loop and its parts in modules of their own."""

from ._config import TrainConfig, parse
from ._recipes import RECIPES, recipe

__all__ = ["RECIPES", "TrainConfig", "parse", "recipe"]
