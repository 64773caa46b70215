"""The names of the curves in the store: who records them and who shows them take them from here.

They are stored, so a name never changes without a migration.
"""

from __future__ import annotations

TRAIN_LOSS = "train/loss"
"""Cross entropy of every step's batch."""
TRAIN_ACCURACY = "train/accuracy"
"""Share of correct predictions in every step's batch."""
LEARNING_RATE = "lr"
"""Of every step."""
IMAGES_PER_SECOND = "images_per_second"
"""Of the training steps alone."""
DATA_SHARE = "data_share"
"""Of the training steps' time, the share that was spent on data."""
MEMORY = "memory"
"""Bytes, now and then."""
MEMORY_PEAK = "memory_peak"
"""Bytes, after every epoch."""
GPU_UTILISATION = "gpu_utilisation"
"""Share of the time, 0 to 1."""
GRADIENT_NORM = "gradient_norm"
"""Family: one series a block, see ``of_block``."""
UPDATE_RATIO = "update_ratio"
"""Family: one series a block, see ``of_block``."""
ACTIVATION_SCALE = "activation_scale"
"""Family: one series a block, see ``of_block``; root of the mean square of its output."""
DEAD_RELUS = "dead_relus"
"""Family: one series a block with a ReLU, see ``of_block``; share of its units that answer to no image, 0 to 1."""
EPOCH = "epoch/"
"""What the names of series with one value an epoch begin with."""


def of_step(metric: str) -> str:
    """Name the series of a metric of the training batches.

    Args:
        metric: ``loss`` or ``accuracy``.

    Returns:
        The series' name.
    """
    return f"train/{metric}"


def of_epoch(split: str, metric: str) -> str:
    """Name the series of a metric over a whole split, with one value an epoch.

    Args:
        split: ``train``, ``validation`` or ``test``.
        metric: ``loss`` or ``accuracy``.

    Returns:
        The series' name.
    """
    return f"{EPOCH}{split}/{metric}"


def of_recall(split: str, class_name: str) -> str:
    """Name the series of a class's recall, which is made for export and not stored.

    Args:
        split: ``validation`` or ``test``.
        class_name: Name of the class.

    Returns:
        The series' name.
    """
    return f"{of_epoch(split, 'recall')}/{class_name}"


def of_block(family: str, block: str) -> str:
    """Name the series of a family for one block of the network.

    Args:
        family: ``GRADIENT_NORM``, ``UPDATE_RATIO``, ``ACTIVATION_SCALE`` or ``DEAD_RELUS``.
        block: Name of the block.

    Returns:
        The series' name.
    """
    return f"{family}/{block}"


TEST_ACCURACY = of_epoch("test", "accuracy")
"""What runs are compared by."""
