"""What is done at random to the images of a run, in words; without torch."""

from __future__ import annotations

from ..architecture import Architecture
from ..text import compact_shape, format_share
from ._config import TrainConfig
from ._fit import training_window


def describe_augmentation(config: TrainConfig, architecture: Architecture) -> list[str]:
    """Describe what is done at random to the images of a run, in the order in which it is done.

    Args:
        config: How the network is trained.
        architecture: The network.

    Returns:
        A phrase for each step; none where images are shown as they are.
    """
    window = training_window(architecture, config)
    colours = [name for name in ("brightness", "contrast", "saturation") if getattr(config, name)]
    steps = {
        f"parts of at least {format_share(config.resized_crop, 0)} of the area": config.resized_crop < 1,
        f"turned by up to {config.rotate:g}°": config.rotate > 0,
        f"scaled by up to ± {format_share(config.zoom, 0)}": config.zoom > 0,
        f"windows of {compact_shape(window or (0, 0))} at first": window is not None,
        f"shifted by up to {config.crop} px{' afterwards' if window else ''}": config.crop > 0,
        "mirrored": config.flip,
        f"{config.rand_augment} of RandAugment's operations at strength {config.rand_magnitude}": config.rand_augment,
        ", ".join(f"{name} ± {format_share(getattr(config, name), 0)}" for name in colours): bool(colours),
        f"hue ± {format_share(config.hue, 0)} of the circle": config.hue > 0,
        f"a square of {config.cutout} px blanked": config.cutout > 0,
        f"mixed in pairs (alpha {config.mixup:g})": config.mixup > 0,
    }
    return [phrase for phrase, done in steps.items() if done]
