"""The functions of a training script that depend on its recipe, as lines of Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..training import OPTIMIZERS, TrainConfig
from ._code import Argument, Call, Code, call, lay_out, lay_out_def, quote_text
from ._script_plan import TORCHVISION, Plan

START_FILE = "start.safetensors"
"""Weights that a script starts from, beside it."""
_GIVEN_DRAWS = ("resized_crop", "brightness", "contrast", "saturation", "hue", "rand_augment")


def uses_torchvision_draws(config: TrainConfig) -> bool:
    """Whether images are changed by transforms of torchvision, which draw their numbers themselves."""
    return config.resized_crop < 1 or any(getattr(config, name) for name in _GIVEN_DRAWS[1:])


def write_constants(plan: Plan) -> list[str]:
    """The numbers of the recipe, at the top of the file; those that nothing reads are left out later."""
    config = plan.config
    _, height, width = plan.architecture.input_shape
    constants = {
        "EPOCHS": config.epochs,
        "BATCH_SIZE": config.batch_size,
        "SEED": config.seed,
        "WORKERS": 4,
        "CLASSES": plan.classes,
        "IMAGE_SIZE": (height, width),
    }
    lines = [f"{name} = {value!r}" for name, value in constants.items()]
    if plan.moments is not None:
        for name, values in zip(("MEAN", "STD"), plan.moments, strict=True):
            lines += lay_out(_tuple(map(repr, values)), 0, f"{name} = ")
    if config.start is not None:
        lines += lay_out(_tuple(map(quote_text, plan.new_head)), 0, "NEW_HEAD: tuple[str, ...] = ")
    if plan.frozen:
        rows = [Argument(_tuple(map(quote_text, names)), str(first)) for first, names in plan.frozen.items()]
        lines += lay_out(Call("{", tuple(rows), "}"), 0, "FROZEN: dict[int, tuple[str, ...]] = ")
    return lines


def _tuple(values: Iterable[str]) -> Code:
    listed = tuple(map(Argument, values))
    return Call("(", listed, ",)" if len(listed) == 1 else ")") if listed else "()"


def write_loading(plan: Plan) -> list[str]:
    """``load_data``: training and test images as they are stored."""
    head = lay_out_def("load_data", ["data: str"], "tuple[Images, Images]", 0)
    form = plan.form
    if form.kind == "torchvision":
        name = TORCHVISION[plan.config.dataset]
        return [
            *head,
            '    """(training, test) images; downloaded into the folder if they are not there."""',
            "    pixels = transforms.PILToTensor()",
            f"    train = datasets.{name}(data, train=True, download=True, transform=pixels)",
            f"    test = datasets.{name}(data, train=False, download=True, transform=pixels)",
            "    return train, test",
        ]
    if form.kind == "arrays":
        return [*head, '    """(training, test) images."""', "    return load_arrays(data)"]
    channels, height, width = form.stored_shape
    if form.squash:
        fit = f"image.resize(({width}, {height}), Image.Resampling.BILINEAR)"
    else:
        fit = f"ImageOps.fit(image, ({width}, {height}), Image.Resampling.BILINEAR)"
    lines = [
        "def fit_image(image: Image.Image) -> Tensor:",
        '    """The pixels of an image at the size of the data set."""',
        f"    image = {fit}",
    ]
    if channels == 1:
        lines.append('    image = image.convert("L")')
    return [
        *lines,
        "    pixels: Tensor = transforms.functional.pil_to_tensor(image)",
        "    return pixels",
        "",
        "",
        *head,
        '    """(training, test) images of an .npz file, or of DATA/train and DATA/test."""',
        '    if data.endswith(".npz"):',
        "        return load_arrays(data)",
        "    train, test = (",
        "        datasets.ImageFolder(f\"{data}/{part}\", fit_image, loader=open_image)",
        '        for part in ("train", "test")',
        "    )",
        "    return train, test",
    ]


def write_fitting(plan: Plan) -> list[str]:
    """``fit_to_input``: stored images at the network's channels and size; nothing where they are so."""
    (stored, *size), (channels, *wanted) = plan.form.stored_shape, plan.architecture.input_shape
    steps = []
    if (stored, channels) == (3, 1):
        steps.append("images = to_grey(images)")
    if plan.cover is not None:
        steps += _cover(plan, plan.cover)
    elif size != wanted:
        steps.append("images = scale_images(images)")
    if (stored, channels) == (1, 3):
        steps.append("images = images.repeat(1, 3, 1, 1)")
    if not steps:
        return []
    return [
        "def fit_to_input(images: Tensor) -> Tensor:",
        '    """Images with the channels and the size of the network\'s input."""',
        *(f"    {step}" for step in steps),
        "    return images",
    ]


def _cover(plan: Plan, cover: tuple[int, int]) -> list[str]:
    """Lines that scale images of the stored size to cover a size, and crop their middle."""
    start = plan.config.start
    assert start is not None
    (height, width), (tall, wide) = plan.form.stored_shape[1:], cover
    _, rows, columns = plan.architecture.input_shape
    if tall * width >= wide * height:
        size = tall, max(wide, int(tall * width / height))
    else:
        size = max(tall, int(wide * height / width)), wide
    top, left = round((size[0] - rows) / 2), round((size[1] - columns) / 2)
    steps = []
    if size != (height, width):
        mode = quote_text(start.interpolation)
        scaled = call("F.interpolate", "images.float()", str(size), mode=mode, antialias="True")
        steps += [*lay_out(scaled, 1, "scaled = "), "    images = to_bytes(scaled)"]
    if (rows, columns) != size:
        steps.append(f"    images = images[:, :, {top}:{top + rows}, {left}:{left + columns}]")
    return [step.removeprefix("    ") for step in steps]


def write_normalising(plan: Plan) -> list[str]:
    """``normalise``: bytes as numbers around 0."""
    given = plan.moments is not None
    head = lay_out_def("normalise", ["images: Tensor", *_moments(plan, ": tuple[Tensor, Tensor]")], "Tensor", 0)
    last = ["    x = (images / 255 - mean) / std"]
    last += ["    return x.contiguous(memory_format=torch.channels_last)"] if plan.config.channels_last else []
    if not plan.config.channels_last:
        last = ["    return (images / 255 - mean) / std"]
    if given:
        lines = [
            "    mean = torch.tensor(MEAN, device=images.device).view(1, -1, 1, 1)",
            "    std = torch.tensor(STD, device=images.device).view(1, -1, 1, 1)",
        ]
    else:
        lines = [
            "    mean, std = (each.to(images.device).view(1, -1, 1, 1) for each in moments)",
            "    std = std + (std == 0)  # a constant channel",
        ]
    return [*head, '    """Pixels from 0 to 255 as numbers around 0."""', *lines, *last]


def write_moments(plan: Plan) -> list[str]:
    """``measure_moments``; nothing where mean and deviation are known."""
    if plan.moments is not None:
        return []
    channels = plan.architecture.input_shape[0]
    pixels = "fit_to_input(batch)" if write_fitting(plan) else "batch"
    workers = ", num_workers=WORKERS" if plan.form.kind == "folders" else ""
    return [
        "def measure_moments(images: Images) -> tuple[Tensor, Tensor]:",
        '    """(mean, deviation) of each channel over all images, pixels 0 to 1."""',
        f"    sums = torch.zeros({channels}, dtype=torch.float64)",
        f"    squares = torch.zeros({channels}, dtype=torch.float64)",
        "    count = 0",
        f"    for batch, _ in DataLoader(images, 256{workers}):",
        f"        pixels = {pixels}.transpose(0, 1).flatten(1).double() / 255",
        "        sums += pixels.sum(1)",
        "        squares += (pixels**2).sum(1)",
        "        count += pixels.shape[1]",
        "    mean = sums / count",
        "    return mean.float(), (squares / count - mean**2).clamp(min=0).sqrt().float()",
    ]


def _moments(plan: Plan, tail: str = "") -> list[str]:
    return [] if plan.moments is not None else [f"moments{tail}"]


def write_augmentation(plan: Plan) -> list[str]:
    """``augment``: what is done at random to images; nothing where nothing is."""
    config = plan.config
    steps = []
    if config.resized_crop < 1:
        crop = call(
            "transforms.RandomResizedCrop", "IMAGE_SIZE", scale=f"({config.resized_crop!r}, 1.0)", antialias="True"
        )
        steps += lay_out(crop, 1, "cut = ")
        steps.append("    images = torch.stack([cut(image) for image in images])")
    if config.rotate or config.zoom:
        steps.append(f"    images = random_affine(images, {config.rotate!r}, {config.zoom!r}, generator)")
    shifted = f"random_crop(images, {config.crop}, generator)"
    if plan.window is not None:
        steps += ["    if shows_window:", f"        images = random_window(images, {plan.window}, generator)"]
        steps += ["    else:", f"        images = {shifted}"] if config.crop else []
    elif config.crop:
        steps.append(f"    images = {shifted}")
    if config.flip:
        steps.append("    images = random_flip(images, generator)")
    if config.rand_augment:
        steps += lay_out(
            call(
                "transforms.RandAugment", str(config.rand_augment), magnitude=str(config.rand_magnitude),
                interpolation="transforms.InterpolationMode.BILINEAR",
            ), 1, "change = ",
        )  # fmt: skip
        steps.append("    images = torch.stack([change(image) for image in images])")
    colours = {name: getattr(config, name) for name in ("brightness", "contrast", "saturation", "hue")}
    if any(colours.values()):
        told = {name: repr(value) for name, value in colours.items() if value}
        steps += lay_out(call("transforms.ColorJitter", **told), 1, "colour = ")
        steps.append("    images = torch.stack([colour(image) for image in images])")
    if not steps:
        return []
    parameters = ["images: Tensor", "generator: torch.Generator"]
    parameters += ["shows_window: bool"] if plan.window is not None else []
    head = lay_out_def("augment", parameters, "Tensor", 0)
    return [*head, '    """Change each image at random."""', *steps, "    return images"]


def write_schedule(plan: Plan) -> list[str]:
    """``learning_rate`` of an update; nothing where it is always the same."""
    config = plan.config
    peak = repr(config.lr)
    body: list[str] = []
    one_cycle = config.schedule == "one_cycle"
    if config.warmup_epochs or one_cycle:
        warmup = f"{config.warmup_epochs!r} * steps" if config.warmup_epochs else "0.3 * epochs * steps"
        body += [
            f"    warmup = {warmup}",
            "    if update < warmup:",
            f"        return {peak} * (update + 1) / (warmup + 1)",
        ]
    if config.schedule == "step":
        body.append(f"    drops = update // steps // {config.step_epochs}")
        body.append(f"    return {peak} * {config.step_factor!r}**drops")
    elif config.schedule == "constant":
        body.append(f"    return {peak}")
    else:
        past = "update - warmup" if body else "update"
        rest = "epochs * steps - warmup" if body else "epochs * steps"
        wrapped = f"({past})" if body else past
        body.append(f"    share = {wrapped} / max(1.0, {rest})")
        body.append(f"    return {peak} * 0.5 * (1 + math.cos(math.pi * share))")
    if body == [f"    return {peak}"]:
        return []
    return [
        *lay_out_def("learning_rate", ["update: int", "steps: int", "epochs: int"], "float", 0),
        '    """Of an update, counted from 0, in epochs of so many steps."""',
        *body,
    ]


def write_optimizer(plan: Plan) -> list[str]:
    """Lines that make ``optimizer``, within a function."""
    config = plan.config
    facts = OPTIMIZERS[config.optimizer]
    options: dict[str, Code] = {"lr": repr(config.lr)}
    beta2 = facts.beta2 if config.beta2 is None else config.beta2
    if facts.optional_momentum and config.momentum:
        options["momentum"] = repr(config.momentum)
    if facts.beta2_name != "beta2" and config.beta2 is not None:
        options[facts.beta2_name] = repr(config.beta2)
    adams = facts.beta2_name == "beta2" and beta2 is not None
    if adams and (config.momentum, beta2) != (facts.momentum, facts.beta2):
        options["betas"] = f"({config.momentum!r}, {beta2!r})"
    if config.nesterov:
        options["nesterov"] = "True"
    if config.eps is not None and config.eps != facts.eps:
        options["eps"] = repr(config.eps)
    parts = bool(config.weight_decay) and not config.decay_all
    slow = config.start is not None and config.start.old_rate < 1
    if not parts and not slow:
        if config.weight_decay != facts.weight_decay:
            options["weight_decay"] = repr(config.weight_decay)
        made = call(f"torch.optim.{facts.torch_name}", "model.parameters()", **options)
        return lay_out(made, 1, "optimizer = ")
    made = call(f"torch.optim.{facts.torch_name}", "groups", **options)
    lines = [
        "    groups: list[dict[str, Any]] = []",
        "    for name, parameter in model.named_parameters():",
    ]
    settings = [Argument("[parameter]", '"params"')]
    if parts:
        lines.append("        # Biases and norms do not decay.")
        lines.append(f"        decay = {config.weight_decay!r} if parameter.ndim > 1 else 0.0")
        settings.append(Argument("decay", '"weight_decay"'))
    else:
        settings.append(Argument(repr(config.weight_decay), '"weight_decay"'))
    if slow:
        assert config.start is not None
        lines.append(f"        rate = {config.start.old_rate!r} if name in taken else 1.0")
        settings.append(Argument("rate", '"rate"'))
    added = Call("{", tuple(settings), "}")
    lines += lay_out(call("groups.append", added), 2)
    return [*lines, *lay_out(made, 1, "optimizer = ")]


def write_criterion(plan: Plan) -> list[str]:
    """Lines that make ``criterion``, within a function."""
    config = plan.config
    options: dict[str, Code] = {}
    if config.class_weights != "none":
        options |= {"weight": "weights.to(device)", "reduction": '"sum"'}
    if config.label_smoothing:
        options["label_smoothing"] = repr(config.label_smoothing)
    made = lay_out(call("nn.CrossEntropyLoss", **options), 1, "criterion = ")
    if config.class_weights == "none":
        return made
    weigh = "weigh_equally" if config.class_weights == "inverse" else "weigh_by_roots"
    return [f"    weights = {weigh}(known)", *made]


def write_precision(plan: Plan) -> list[str]:
    """``autocast``: the numbers of the forward pass; nothing where they are float32."""
    precision = plan.config.precision
    if precision == "fp32":
        return []
    if precision == "auto":
        return [
            "def autocast(device: torch.device) -> torch.autocast:",
            '    """Compute in bfloat16 on a GPU that has it, else in float32."""',
            '    has_it = device.type == "cuda" and torch.cuda.is_bf16_supported(False)',
            "    return torch.autocast(device.type, torch.bfloat16, enabled=has_it)",
        ]
    kind = {"bf16": "bfloat16", "fp16": "float16"}[precision]
    return [
        "def autocast(device: torch.device) -> torch.autocast:",
        f'    """Compute in {kind}."""',
        f"    return torch.autocast(device.type, torch.{kind})",
    ]


def write_forward(plan: Plan, name: str, images: str, level: int) -> Iterator[str]:
    """Lines that compute the scores of images, in the recipe's precision."""
    space = "    " * level
    if plan.config.precision == "fp32":
        yield f"{space}{name} = model({images})"
    else:
        yield f"{space}with autocast(device):"
        yield f"{space}    {name} = model({images})"
