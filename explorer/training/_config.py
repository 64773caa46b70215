"""How a network is trained: one frozen value, checked, and as JSON in the run store."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ..text import suggest
from ._optimizers import OPTIMIZERS, OptimizerName
from ._start import StartFrom

Schedule = Literal["constant", "step", "cosine", "one_cycle"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Normalise = Literal["data", "half"]

_DEVICE = re.compile(r"auto|cpu|mps|cuda:[0-9]{1,2}")


def _check_device(value: object) -> object:
    if value == "cuda":
        return "cuda:0"
    if isinstance(value, str) and not _DEVICE.fullmatch(value):
        raise ValueError("must be auto, cpu, mps or cuda:N such as cuda:0")
    return value


Share = Annotated[float, Field(ge=0, lt=1)]
Device = Annotated[str, BeforeValidator(_check_device)]


class TrainConfig(BaseModel):
    """Everything that decides a training run, beside the architecture and the data themselves."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    dataset: Annotated[str, Field(min_length=1, max_length=1000)]
    """Name of a data set, or the path of a folder or zip of class folders."""
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 5
    """Passes over the training images."""
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 128
    """Images per update of the weights."""
    accumulate: Annotated[int, Field(ge=1, le=1024)] = 1
    """Parts in which a batch goes through the network, one after another; more parts need less memory."""
    optimizer: OptimizerName = "adam"
    """Rule of the update, as in torch.optim."""
    lr: Annotated[float, Field(gt=0, le=1000)] = 1e-3
    """Highest learning rate; the schedule scales it."""
    momentum: Share = 0.9
    """Momentum of sgd and rmsprop, beta1 of adam and its relatives; adagrad and adadelta have none."""
    nesterov: bool = False
    """Nesterov's form of the momentum; sgd only."""
    beta2: Share | None = None
    """Share that is kept of the squared gradients: beta2 of adam and its relatives, alpha of rmsprop, rho of adadelta;
    None is torch's own."""
    eps: Annotated[float, Field(ge=0, le=1)] | None = None
    """What is added to the divisor, in all but sgd; None is torch's own."""
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Decay of weights with two or more axes; biases and norms are left alone (He et al. 2019, section 3.1) unless
    ``decay_all``. In adamw the weights shrink by it, in the others it is added to the gradient."""
    decay_all: bool = False
    """Whether the decay acts on biases and norms, too, as in torch.optim by itself."""
    schedule: Schedule = "constant"
    """Course of the learning rate after the warm-up; one_cycle rises during the warm-up, 30 % unless given."""
    warmup_epochs: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Epochs in which the learning rate rises linearly from near 0."""
    step_epochs: Annotated[int, Field(ge=1, le=100_000)] = 30
    """Epochs between two drops of the schedule 'step'."""
    step_factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """What a drop of the schedule 'step' leaves of the learning rate."""
    class_weights: Literal["none", "inverse", "sqrt"] = "none"
    """What an image weighs in the loss of training, by its class of n of the N training images in K classes: 'inverse'
    N / (K n), so that each class counts the same, 'sqrt' in proportion to 1 / sqrt(n), 'none' 1; the mean over the
    images is 1. Losses and accuracies of evaluation are never weighted."""
    sampling: Literal["shuffle", "balanced"] = "shuffle"
    """'shuffle': each training image once an epoch; 'balanced': as many images, each class equally often, the images
    of a small class again and again, of a large one some. Accuracy and loss in training are then of equal classes."""
    label_smoothing: Share = 0.0
    """Share of the target that is spread over all classes (Szegedy et al. 2016, section 7)."""
    clip_norm: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Longest gradient, all parameters as one vector; None leaves it as it is."""
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share kept per step by the running average of the weights, which is then what is evaluated; None has none."""
    normalise: Normalise = "data"
    """'data': mean 0 and deviation 1 per channel of the training images; 'half': (x - 0.5) / 0.5 with x in 0 to 1."""
    crop: Annotated[int, Field(ge=0, le=64)] = 0
    """Pixels by which an image is shifted at most, each way on both axes."""
    flip: bool = False
    """Whether every second image, at random, is mirrored left to right."""
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Degrees by which an image is turned about its middle at most, either way."""
    zoom: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """Share by which an image is enlarged or shrunk at most."""
    window: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Side of the random part of an image that is shown in the first ``window_share`` of the training, as share of the
    image's side; 1 shows whole images. A small part costs little. A network made for one input size sees whole ones."""
    window_share: Share = 0.65
    """Share of the training in which only a ``window`` of each image is shown."""
    resized_crop: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Least share of an image's area that is cut out at random and enlarged to its size, for each image anew; 1 cuts
    nothing (Szegedy et al. 2015, section 6: 0.08)."""
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The brightness of each image is multiplied by a number drawn from 1 ± this."""
    contrast: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The contrast of each image, about its mean grey, is multiplied by a number drawn from 1 ± this."""
    saturation: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The saturation of each image is multiplied by a number drawn from 1 ± this; grey images stay as they are."""
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Share of the colour circle by which the hue of each image is turned at most, either way."""
    rand_augment: Annotated[int, Field(ge=0, le=8)] = 0
    """Operations of RandAugment, of fourteen, that are drawn for each image (Cubuk et al. 2020: 2); 0 has none."""
    rand_magnitude: Annotated[int, Field(ge=0, le=30)] = 9
    """Strength of the operations of ``rand_augment``, 0 to 30."""
    cutout: Annotated[int, Field(ge=0, le=512)] = 0
    """Side in pixels of a square that is blanked at a random place (DeVries & Taylor 2017)."""
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Alpha of the Beta distribution by which pairs of images are mixed (Zhang et al. 2018); 0 mixes none."""
    flip_average: bool = False
    """Whether evaluation averages the probabilities of an image and of its mirror image; takes twice its time."""
    precision: Precision = "auto"
    """Numbers of the forward pass; 'auto' takes bf16 where the hardware has it, else fp32."""
    channels_last: bool = True
    """Whether images lie in memory with their channels innermost, which convolutions like."""
    compile: bool = False
    """Whether torch.compile prepares the network; pays on GPUs and in long runs. Needs a C++ compiler."""
    device: Device = "auto"
    """auto, cpu, mps or cuda:N."""
    share_gpu: bool = False
    """Whether the run may share its GPU with others that agree to it, too: at most four, and only while 80 % of its
    memory are enough for what they are expected to need. Each takes longer; together small ones take less. One with
    several processes never shares."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes among which every batch is divided: GPUs from ``device`` on, one each, or parts of the CPU."""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """CPU threads of a process; 0 lets torch decide at the first start, and a resumed run keeps that number."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Where all random numbers come from."""
    validation: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """Share of the training images, drawn by the seed, that is held out and evaluated after each epoch."""
    patience: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Early stopping: the run ends after so many epochs without a higher validation accuracy; None trains all."""
    time_limit: Annotated[float, Field(gt=0, le=1e7)] | None = None
    """Seconds of training after which the run stops; None has no limit."""
    checkpoint_seconds: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    """Seconds between two checkpoints; one is also written at the start, at every pause and at the end."""

    range_steps: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Updates of a learning-rate range test (Smith 2015): the rate rises from ``range_low`` to ``range_high``, nothing
    is evaluated and no weights are kept; 0 trains. ``find-rate`` and the Train page make such runs."""
    range_low: Annotated[float, Field(gt=0, le=1000)] = 1e-6
    """Learning rate of the first update of a range test."""
    range_high: Annotated[float, Field(gt=0, le=1000)] = 10.0
    """Learning rate of its last update."""
    keep_checkpoints: Annotated[int, Field(ge=0, le=100)] = 0
    """Checkpoints whose weights are kept for good, spread evenly over the epochs: the first before the first step, the
    last at the end, at most one an epoch; they show how the network came to be what it is. 0 keeps none."""

    start: StartFrom | None = None
    """Weights that the run starts from, and how; None starts from random weights."""

    @model_validator(mode="after")
    def _fits_together(self) -> TrainConfig:
        if self.parts > self.batch_size:
            many = f"accumulate (={self.accumulate})"
            many += f" times processes (={self.processes})" if self.processes > 1 else ""
            raise ValueError(f"{many} must not exceed batch_size (={self.batch_size}); a part needs at least one image")
        if self.processes > 1 and self.device == "mps":
            raise ValueError(f"processes (={self.processes}) must be 1 on mps; there is one such device")
        if self.nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise ValueError(
                f"nesterov needs optimizer sgd and a momentum above 0 (here {self.optimizer}, "
                f"momentum {self.momentum}); set nesterov to false"
            )
        facts = OPTIMIZERS[self.optimizer]
        for name in ("beta2", "eps"):
            if getattr(self, name) is not None and getattr(facts, name) is None:
                raise ValueError(f"{name} (={getattr(self, name):g}) is no setting of {self.optimizer}; leave it out")
        if self.class_weights != "none" and self.sampling != "shuffle":
            raise ValueError(
                f"class_weights (={self.class_weights}) and sampling (={self.sampling}) would balance the classes "
                f"twice; set class_weights to none, or sampling to shuffle"
            )
        if self.patience is not None and not self.validation:
            raise ValueError(
                f"patience (={self.patience}) needs validation above 0: set it to a share of the training images such "
                f"as 0.1; a run that the test images end has a flattering accuracy"
            )
        if self.range_steps and self.range_low >= self.range_high:
            raise ValueError(
                f"range_low (={self.range_low:g}) must be less than range_high (={self.range_high:g}) in a range test"
            )
        if self.range_steps and (self.processes > 1 or self.keep_checkpoints or self.range_steps < 10):
            raise ValueError(
                f"a range test of {self.range_steps} steps needs at least 10, processes 1 and keep_checkpoints 0"
            )
        if self.keep_checkpoints == 1:
            raise ValueError("keep_checkpoints (=1) must be 0 or at least 2: one before the first step, one at the end")
        if self.warmup_epochs >= self.epochs and self.warmup_epochs > 0:
            raise ValueError(f"warmup_epochs (={self.warmup_epochs:g}) must be less than epochs (={self.epochs})")
        return self

    def count_updates(self, steps: int) -> int:
        """Updates of a whole run whose epochs have so many steps."""
        return self.range_steps or self.epochs * steps

    @property
    def parts(self) -> int:
        """Pieces that a batch is cut into."""
        return self.accumulate * self.processes

    @property
    def part_size(self) -> int:
        """Images of the largest piece of a batch: what goes through the network at a time."""
        return -(-self.batch_size // self.parts)

    @property
    def kept_epochs(self) -> tuple[int, ...]:
        """Numbers of complete epochs after which the weights are kept for good, from 0 on, rising."""
        last = self.keep_checkpoints - 1
        return tuple(sorted({round(place * self.epochs / last) for place in range(last + 1)})) if last > 0 else ()

    def changed(self, **fields: Any) -> TrainConfig:
        """Copy the configuration with other values, validated anew. Raises ValueError: each field, value and rule."""
        return parse({**self.model_dump(), **fields})


def parse(data: str | bytes | dict[str, Any]) -> TrainConfig:
    """Read a configuration.

    Args:
        data: JSON text, or plain data such as ``TrainConfig.model_dump`` gives.

    Returns:
        The configuration, every field of it checked.

    Raises:
        ValueError: Names each field that is wrong, its value and the rule.
    """
    try:
        if isinstance(data, dict):
            return TrainConfig.model_validate(data)
        return TrainConfig.model_validate_json(data)
    except ValidationError as error:
        raise ValueError("; ".join(_sentence(each) for each in error.errors(include_url=False))) from None


_RULES = {
    "float_type": "must be a number such as 0.01",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number such as 5",
    "int_from_float": "must be a whole number such as 5",
    "bool_type": "must be true or false",
    "string_type": "must be a word or text",
    "literal_error": "must be {expected}",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_too_short": "must have at least {min_length} letters",
    "string_too_long": "must have at most {max_length:,} letters",
    "tuple_type": "must be a list of numbers",
    "too_long": "must have at most {max_length} numbers",
    "model_type": "must be a group of settings",
}
"""What pydantic says of each kind of value, in our words."""


def _sentence(error: Any) -> str:
    field = ".".join(str(part) for part in error["loc"])
    own = _RULES.get(error["type"])
    rule = own.format(**error.get("ctx", {})) if own else error["msg"].removeprefix("Value error, ")
    rule = rule[:1].lower() + rule[1:]
    if not field:
        return f"configuration: {rule}"
    if error["type"] == "extra_forbidden":
        section, _, name = field.rpartition(".")
        known = StartFrom.model_fields if section == "start" else TrainConfig.model_fields
        return f"{field}: no such setting; {suggest(name, known.keys())}"
    if error["type"] == "missing":
        return f"{field}: missing; give a value"
    shown = repr(error["input"])
    return f"{field} (={shown if len(shown) <= 60 else shown[:59] + '…'}): {rule}"
