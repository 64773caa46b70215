"""What a training script says of itself: recipe, data, and each setting that it does not take over."""

from __future__ import annotations

from ..text import format_share
from ..training import OPTIMIZERS, TrainConfig, describe_augmentation
from ._script_loop import START_FILE, uses_torchvision_draws
from ._script_plan import FOLDERS, USUAL_RECIPE, Plan

LEFT_OUT = {
    "compile": "compile: the network is not compiled; that is for speed alone.",
    "processes": "processes: batches go through the network in as many parts, but in one process, and the statistics "
    "of batch norm are those of all parts.",
    "threads": "threads: torch decides how many CPU threads it takes.",
    "time_limit": "time_limit: the run would have stopped after {value:g} s, this file trains all epochs.",
    "keep_checkpoints": "keep_checkpoints: the weights are saved once, at the end.",
}
"""Settings that a script does not take over, and what is said where they are not the default's."""
IN_SCRIPT = (
    "dataset", "epochs", "batch_size", "accumulate", "optimizer", "lr", "momentum", "nesterov", "beta2", "eps",
    "weight_decay", "decay_all", "schedule", "warmup_epochs", "step_epochs", "step_factor", "class_weights", "sampling",
    "label_smoothing", "clip_norm", "ema_decay", "normalise", "crop", "flip", "rotate", "zoom", "window",
    "window_share", "resized_crop", "brightness", "contrast", "saturation", "hue", "rand_augment", "rand_magnitude",
    "cutout", "mixup", "flip_average", "precision", "channels_last", "device", "seed", "validation", "patience",
    "start",
)  # fmt: skip
"""Settings that a script takes over; what is otherwise even so is said by ``find_differences``."""
SILENT = ("checkpoint_seconds", "share_gpu", "range_low", "range_high", "range_steps")
"""Settings that change nothing in what is learnt, or belong to no training."""


def describe_recipe(plan: Plan) -> list[str]:
    """Say how the network is trained, in the terms of the configuration.

    Args:
        plan: What the script does.

    Returns:
        One paragraph.
    """
    config = plan.config
    facts = OPTIMIZERS[config.optimizer]
    said = [f"torch.optim.{facts.torch_name} with lr {config.lr:g}"]
    if facts.momentum is not None:
        said.append(f"{'momentum' if facts.optional_momentum else 'beta1'} {config.momentum:g}")
    if config.weight_decay:
        said.append(f"weight decay {config.weight_decay:g}{'' if config.decay_all else ' (biases and norms none)'}")
    warmup = f" after {config.warmup_epochs:g} epochs of warm-up" if config.warmup_epochs else ""
    said.append(f"schedule {config.schedule}{warmup}")
    parts = f" in {config.parts} parts" if config.parts > 1 else ""
    said.append(f"batch {config.batch_size:,}{parts}, {config.epochs:,} epochs, seed {config.seed}")
    if config.clip_norm is not None:
        said.append(f"gradients no longer than {config.clip_norm:g}")
    if config.validation:
        said.append(f"{format_share(config.validation, 0)} of the training images held out")
    if config.patience is not None:
        said.append(f"ends after {config.patience:,} epochs without a higher accuracy on those")
    if config.label_smoothing:
        said.append(f"label smoothing {config.label_smoothing:g}")
    if config.class_weights != "none" or config.sampling != "shuffle":
        said.append(f"class weights {config.class_weights}, sampling {config.sampling}")
    if config.ema_decay is not None:
        said.append(f"a running average of the weights ({config.ema_decay:g}), which is evaluated and saved")
    given = config.start is not None and config.start.normalisation is not None
    half = "pixels from -1 to 1" if config.normalise == "half" else "pixels normalised by the training images"
    said.append("pixels normalised as the weights expect them" if given else half)
    changed = describe_augmentation(config, plan.architecture)
    said.append(f"images {', '.join(changed)}" if changed else "images as they are")
    return [f"Recipe: {'; '.join(said)}."]


def describe_data(plan: Plan) -> list[str]:
    """Say where the images come from, and what has to be brought.

    Args:
        plan: What the script does.

    Returns:
        Paragraphs.
    """
    form, name = plan.form, plan.config.dataset
    channels, height, width = form.stored_shape
    arrays = (
        f"train_images and test_images, uint8 (N, {channels}, {height}, {width}), train_labels and test_labels, whole "
        f"numbers from 0 to {plan.classes - 1}"
    )
    if form.kind == "torchvision":
        said = [f"Data: {form.title}, which torchvision downloads into the folder of --data."]
    elif form.kind == "arrays":
        said = [f"Data: {form.title}, which is in no library: --data names an .npz file of {arrays}."]
    else:
        said = [
            f"Data: {form.title}: --data names a folder of train/CLASS/*.jpg and test/CLASS/*.jpg, {plan.classes:,} "
            f"classes in the order of their names; or an .npz file of {arrays}."
        ]
        if form.known and not form.streamed:
            said.append("Inception Explorer writes the .npz file:")
            said.append(f"python -m explorer datasets save {name} images.npz")
    if form.known and form.kind == "arrays":
        said.append("Inception Explorer writes it:")
        said.append(f"python -m explorer datasets save {name} images.npz")
    start = plan.config.start
    if start is not None:
        said.append(
            f"Weights: it starts from {start.weights}; bring them as {START_FILE} beside this file: `python -m "
            f"explorer export {start.weights} --format safetensors -o {START_FILE}`, or the file of that name in the "
            "run's folder. What has the name and shape of the network's own is taken; the run also took parts of "
            "tensors whose shape differs."
        )
    return said


def find_differences(plan: Plan) -> list[str]:
    """Say what a script does otherwise than the training here, setting by setting.

    Args:
        plan: What the script does.

    Returns:
        One paragraph a difference, the name of the setting first.
    """
    config = plan.config
    said = [
        "Seeds, order of images, dropout and changes of images are drawn as a run of Inception Explorer draws them: on "
        "equal hardware losses differ by the last digits alone, since convolutions are summed in another order."
    ]
    if plan.assumed:
        said.append(f"recipe and dataset: how this network was trained is not known here; these are {USUAL_RECIPE}'s.")
    if config.dataset == FOLDERS:
        said.append("dataset: no data set here has such classes, so folders of images are asked for.")
    if plan.form.kind == "folders":
        said.append(
            "dataset: images are scaled by Pillow as the import does; what the import held out for testing by itself "
            "is in that .npz file alone."
            if plan.form.known
            else f"dataset: images are scaled by Pillow to cover {plan.form.stored_shape[1]}×"
            f"{plan.form.stored_shape[2]}, and their middle is cut out."
        )
    if uses_torchvision_draws(config):
        names = [name for name in ("resized_crop", "rand_augment", "brightness", "contrast", "saturation", "hue")
                 if getattr(config, name) not in (0, 1)]  # fmt: skip
        said.append(
            f"{', '.join(names)}: by torchvision's transforms, the same operations with other draws; the draws of what "
            f"else is done to images are others, too."
        )
    if plan.cover is not None:
        said.append("start: images are scaled by torch, where the run used Pillow: pixels differ by rounding.")
    if config.precision == "auto":
        said.append(
            "precision auto: bfloat16 on a GPU that has it, else float32; the training here takes bfloat16 also on a "
            "CPU that computes in it."
        )
    if config.patience is not None or config.validation:
        said.append("validation: the weights of the last epoch are saved, not those of the best.")
    default = TrainConfig(dataset=config.dataset)
    said += [
        text.format(value=getattr(config, name))
        for name, text in LEFT_OUT.items()
        if getattr(config, name) != getattr(default, name)
    ]
    return said

