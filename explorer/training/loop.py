"""The training loop: ``train`` is the whole of it; what it calls is below, in the order in which it is called.

Every random number of a step comes from (seed, epoch, step) and every order of images from (seed, epoch). A run that
goes on from a checkpoint therefore needs no generator's state, and on a CPU it repeats the uninterrupted run bit for
bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..datasets import augmentations, transforms
from ..modules import Outputs
from ._config import TrainConfig
from ._fit import check_precision, steps_per_epoch
from ._rate_range import rate_at
from .balance import draw_order, make_class_weights
from .data import Tensors, derive_seed, make_generator, normalise_images, whole
from .distributed import SINGLE_PROCESS, ProcessGroup
from .evaluation import evaluate
from .recording import Log, block_norms
from .state import State

OBSERVED_STEPS = 100
"""Every so many updates, and after the last of an epoch, the blocks' gradients, answers and updates are recorded."""


def train(
    state: State,
    data: Tensors,
    config: TrainConfig,
    log: Log,
    after_batch: Callable[[State], None] = lambda _: None,
    group: ProcessGroup = SINGLE_PROCESS,
) -> None:
    """Train from where ``state`` stands to the end of the last epoch, or until ``config.patience`` is over.

    Args:
        state: Network, optimizer, epoch and step; it is changed.
        data: The images on the device.
        config: What the run was started with.
        log: Hears of every step and epoch.
        after_batch: Called after every batch and every epoch; it may raise to end the training there.
        group: The processes that do this together.

    Raises:
        Diverged: A loss is no longer finite.
    """
    steps = steps_per_epoch(len(data.train), config)
    weights = make_class_weights(data, config)
    model = None
    epochs = -(-config.count_updates(steps) // steps)
    while state.epoch < epochs and not state.is_out_of_patience(config.patience):
        if state.begin_epoch() or model is None:  # gradients are exchanged, and code made, for what learns
            network: Any = state.compilation.compile(state.model) if config.compile else state.model
            model = ModelWithLoss(group.wrap_model(network), config, make_autocast(state.device, config), weights)
        order = draw_order(data.train, config, state.epoch)
        own = whole if config.mixup else group.own_places(config.parts)  # what is mixed comes from the whole batch
        batches = data.train.batches(config.batch_size, range(state.step, steps), order, own)
        while state.step < steps:
            log.begin_step()
            torch.manual_seed(derive_seed(config.seed, state.epoch, state.step, *group.seed_suffix))  # for dropout
            update = state.epoch * steps + state.step
            observed = state.step == steps - 1 or (update + 1) % OBSERVED_STEPS == 0
            window = state.window if update < config.window_share * config.epochs * steps else None
            generator = make_generator(config.seed, state.epoch, state.step, "images")
            images, labels = next(batches)
            batch = Batch.assemble(images, labels, data, config, generator, window)
            log.data_ready()

            lr = learning_rate(config, update, steps)
            loss, correct = compute_gradients(model, state, batch, group)
            if observed:
                log.record_gradients(state, update + 1, block_norms(state.model, lambda parameter: parameter.grad))
                log.record_activations(state, update + 1, batch.x_BCHW[: config.part_size], model.precision)
                before = [parameter.detach().clone() for parameter in state.model.parameters()]
            update_weights(state, config, lr, update)
            if observed:
                log.record_updates(state, update + 1, before)

            state.step += 1
            log.end_step(state, update + 1, loss, correct, len(labels), lr)
            after_batch(state)
        results = {
            name: evaluate(state.eval_model, subset, data, config, model.precision, lambda: after_batch(state), group)
            for name, subset in data.evaluated.items()
            if not config.range_steps
        }
        log.end_epoch(state, (state.epoch + 1) * steps, results)
        state.epoch, state.step = state.epoch + 1, 0
        state.note_epoch(results, state.epoch * steps, keep=group.rank == 0)
        after_batch(state)


def compute_gradients(model: ModelWithLoss, state: State, batch: Batch, group: ProcessGroup) -> tuple[Tensor, Tensor]:
    """Run the forward and backward pass of every part of a batch. Nothing here waits for the device.

    Args:
        model: The network with its loss.
        state: Its scaler and optimizer; the gradients are left in the parameters, unscaled.
        batch: The whole batch; each process of the group takes its share.
        group: The processes that train together.

    Returns:
        (mean loss, right predictions) over all processes, on the device.
    """
    loss, correct = torch.zeros((), device=state.device), torch.zeros((), device=state.device)
    parts = group.shard(batch.split(model.config.parts))
    for index, part in enumerate(parts):
        with group.sync_gradients(model.forward, index == len(parts) - 1):
            part_loss, part_correct = model(part)
            torch.autograd.backward(state.scaler.scale(part_loss * part.share * group.world_size))
        loss += part_loss.detach() * part.share
        correct += part_correct
    loss, correct = group.all_reduce(loss, correct)
    state.scaler.unscale_(state.optimizer)
    return loss, correct


def update_weights(state: State, config: TrainConfig, lr: float, update: int) -> None:
    """One step of the optimizer and of the running average; ``update`` counts from 0."""
    for parameters in state.optimizer.param_groups:
        parameters["lr"] = lr * parameters.get("rate", 1.0)  # a checkpoint of an earlier version has none
    if config.clip_norm is not None:
        nn.utils.clip_grad_norm_(state.model.parameters(), config.clip_norm)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    state.optimizer.zero_grad(set_to_none=True)
    state.update_ema(config.ema_decay, update)


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """Find the learning rate of an update, a function of nothing but its number.

    Args:
        config: Schedule, warm-up and peak.
        step: Number of the update, from 0.
        steps: Updates an epoch.

    Returns:
        The learning rate.
    """
    if config.range_steps:
        return rate_at(config, step)
    total = config.epochs * steps
    warmup = config.warmup_epochs * steps
    if config.schedule == "one_cycle" and warmup == 0:
        warmup = 0.3 * total
    if step < warmup:
        return config.lr * (step + 1) / (warmup + 1)
    if config.schedule == "step":
        return config.lr * config.step_factor ** (step // steps // config.step_epochs)
    if config.schedule in ("cosine", "one_cycle"):
        return config.lr * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, total - warmup)))
    return config.lr


def resolve_precision(device: torch.device, config: TrainConfig) -> torch.dtype:
    """Find the dtype of the forward pass.

    Args:
        device: Where it runs.
        config: Its ``precision``; 'auto' is bfloat16 where the device computes in it, else float32.

    Returns:
        float32, bfloat16 or float16.

    Raises:
        ValueError: The device has no such arithmetic.
    """
    check_precision(config, device.type)
    if config.precision == "auto":
        if device.type == "cuda":
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            features = torch.cpu.get_capabilities() if device.type == "cpu" else {}
            fast = bool(features.get("avx512_bf16") or features.get("amx_bf16"))
        return torch.bfloat16 if fast else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[config.precision]


def make_autocast(device: torch.device, config: TrainConfig) -> Callable[[], Any]:
    """Makes the context in which the network runs."""
    dtype = resolve_precision(device, config)
    return lambda: torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images ready for the network, and what they show."""

    x_BCHW: Tensor
    target: Tensor
    """Classes, int64 (B,); for mixed images shares of all classes, float32 (B, K)."""
    share: float = 1.0
    """Part of the whole batch that this is."""

    @classmethod
    def assemble(
        cls,
        images_BCHW: Tensor,
        labels_B: Tensor,
        data: Tensors,
        config: TrainConfig,
        generator: torch.Generator,
        window: tuple[int, int] | None = None,
    ) -> Batch:
        """uint8 images, or a window of each, augmented by the generator's choices."""
        if config.resized_crop < 1:
            images_BCHW = augmentations.random_resized_crop(images_BCHW, config.resized_crop, generator)
        if config.rotate or config.zoom:
            images_BCHW = transforms.random_affine(images_BCHW, config.rotate, config.zoom, generator)
        if window is not None:
            images_BCHW = transforms.random_window(images_BCHW, window, generator)
        elif config.crop:
            images_BCHW = transforms.random_crop(images_BCHW, config.crop, generator)
        if config.flip:
            images_BCHW = transforms.random_flip(images_BCHW, generator)
        if config.rand_augment:
            count, magnitude = config.rand_augment, config.rand_magnitude
            images_BCHW = augmentations.rand_augment(images_BCHW, count, magnitude, generator)
        colours = {name: getattr(config, name) for name in ("brightness", "contrast", "saturation", "hue")}
        if any(colours.values()):
            images_BCHW = augmentations.random_colours(images_BCHW, generator, **colours)
        x_BCHW = normalise_images(images_BCHW, data, channels_last=config.channels_last)
        if config.cutout:
            x_BCHW = transforms.cutout(x_BCHW, config.cutout, generator)
        if not config.mixup:
            return cls(x_BCHW=x_BCHW, target=labels_B)
        x_BCHW, target_BK = transforms.mixup(x_BCHW, labels_B, data.classes, config.mixup, generator)
        return cls(x_BCHW=x_BCHW, target=target_BK)

    def split(self, count: int) -> list[Batch]:
        """The batch in pieces whose sizes differ by one at most."""
        if count == 1:
            return [self]
        pieces = zip(self.x_BCHW.tensor_split(count), self.target.tensor_split(count), strict=True)
        return [Batch(x_BCHW=x, target=target, share=len(x) / len(self.x_BCHW)) for x, target in pieces]


@dataclass(frozen=True)
class ModelWithLoss:
    """Forward pass and loss; auxiliary heads count by their weights."""

    forward: Callable[[Tensor], Any]
    config: TrainConfig
    precision: Callable[[], Any]
    weights: Tensor | None = None
    """Of the classes, float32 (K,); None: 1."""

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(mean loss, number of images whose class, the larger one of mixed images, has the highest score)."""
        with self.precision():
            output = self.forward(batch.x_BCHW)
        logits_BK, auxiliary = output if isinstance(output, Outputs) else (output, ())
        loss = self.loss(logits_BK, batch.target)
        for weight, scores_BK in auxiliary:
            loss = loss + weight * self.loss(scores_BK, batch.target)
        labels_B = batch.target if batch.target.ndim == 1 else batch.target.argmax(1)
        return loss, (logits_BK.detach().argmax(1) == labels_B).sum()

    def loss(self, scores_BK: Tensor, target: Tensor) -> Tensor:
        """Cross entropy in float32, in natural logarithms; weighted ones are summed and divided by the images."""
        smoothing = self.config.label_smoothing
        if self.weights is None:
            return F.cross_entropy(scores_BK.float(), target, label_smoothing=smoothing)
        # torch's mean would divide by the weights of the batch: then its parts would not add up to the whole.
        total = F.cross_entropy(scores_BK.float(), target, self.weights, label_smoothing=smoothing, reduction="sum")
        return total / len(target)
