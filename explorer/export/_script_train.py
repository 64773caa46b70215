"""``train``, ``evaluate`` and ``main`` of a training script, as lines of Python."""

from __future__ import annotations

from ._code import call, lay_out, lay_out_def, quote_text
from ._script_loop import (
    START_FILE,
    uses_torchvision_draws,
    write_criterion,
    write_forward,
    write_optimizer,
)
from ._script_plan import Plan


class TrainWriter:
    """Writes what is called when a script is run.

    Args:
        plan: What the script does.
        name: Class of the network.
        has_draws: Whether the network itself draws numbers in training, as dropout does.
        functions: Names of the functions that the script has beside.
        file: Where the weights are saved.
    """

    def __init__(self, plan: Plan, name: str, has_draws: bool, functions: set[str], file: str) -> None:
        self.plan, self.config, self.name, self.file = plan, plan.config, name, file
        self.has_draws = has_draws or uses_torchvision_draws(plan.config)
        self.functions = functions

    def _prepared(self, images: str) -> str:
        """Code: images on the device as the network's input, before they are changed at random."""
        placed = f"{images}.to(device)"
        return f"fit_to_input({placed})" if "fit_to_input" in self.functions else placed

    def _normalised(self, images: str) -> str:
        return f"normalise({images}{'' if self.plan.moments is not None else ', moments'})"

    def write_evaluate(self) -> list[str]:
        """Loss and accuracy on images that are not trained on."""
        parameters = ["model: nn.Module", "images: Images"]
        if self.plan.moments is None:
            parameters.append("moments: tuple[Tensor, Tensor]")
        parameters.append("device: torch.device")
        lines = [
            "@torch.no_grad()",
            *lay_out_def("evaluate", parameters, "tuple[float, float]", 0),
            '    """(mean loss, share of right predictions)."""',
            "    model.eval()",
            "    loss, correct, count = 0.0, 0, 0",
            f"    for batch, labels in {self._loader('images', 'BATCH_SIZE')}:",
            f"        x, labels = {self._normalised(self._prepared('batch'))}, labels.to(device)",
        ]
        if self.config.flip_average:
            lines += [
                "        both = []",
                "        for image in (x, x.flip(3)):  # and its mirror image",
                *write_forward(self.plan, "scores", "image", 3),
                "            both.append(scores.float().log_softmax(1))",
                "        scores = torch.stack(both).logsumexp(0) - math.log(2)",
            ]
        else:
            lines += write_forward(self.plan, "scores", "x", 2)
            if self.config.precision != "fp32":
                lines.append("        scores = scores.float()")
        return [
            *lines,
            '        loss += F.cross_entropy(scores, labels, reduction="sum").item()',
            "        correct += int((scores.argmax(1) == labels).sum())",
            "        count += len(labels)",
            "    return loss / count, correct / count",
        ]

    def _loader(self, images: str, *more: str) -> str:
        workers = ["num_workers=WORKERS"] if self.plan.form.kind == "folders" else []
        return f"DataLoader({', '.join([images, *more, *workers])})"

    def write_train(self) -> list[str]:
        """The loop."""
        config = self.config
        needs_labels = config.validation or config.class_weights != "none" or config.sampling == "balanced"
        lines = [
            *lay_out_def("train", ["epochs: int", "data: str", "device: torch.device"], self.name, 0),
            '    """Train a new network, and tell loss and accuracy after each epoch."""',
            "    train_images, test_images = load_data(data)",
        ]
        if self.plan.moments is None:
            lines.append("    moments = measure_moments(train_images)")
        if needs_labels:
            lines.append("    known = read_labels(train_images)")
        if config.validation:
            lines.append(f"    rows, held_out = hold_out(known, {config.validation!r}, SEED)")
            lines.append("    validation_images = Subset(train_images, held_out)")
            lines.append("    train_images = Subset(train_images, rows)")
            if config.class_weights != "none" or config.sampling == "balanced":
                lines.append("    known = known[rows]")
        lines += [
            f"    count = len(train_images){'' if config.validation else '  # type: ignore[arg-type]'}",
            '    torch.manual_seed(derive_seed(SEED, "weights"))',
            f"    model = {self.name}()",
        ]
        if config.start is not None:
            taken = "taken = " if config.start.old_rate < 1 else ""
            lines.append(f'    {taken}load_start(model, str(Path(__file__).with_name("{START_FILE}")))')
        lines.append("    model.to(device)")
        if config.channels_last:
            lines.append("    model.to(memory_format=torch.channels_last)")
        if config.ema_decay is not None:
            lines.append("    average = copy.deepcopy(model)")
        lines += [*write_criterion(self.plan), *write_optimizer(self.plan)]
        if config.precision == "fp16":
            lines.append("    scaler = torch.amp.GradScaler(device.type)")
        least = 2 * config.parts
        lines.append("    # A last batch that is too small for the norms is left out.")
        lines.append(f"    drop_last = count > BATCH_SIZE and count % BATCH_SIZE < {least}")
        if self._counts_updates:
            lines.append("    steps = count // BATCH_SIZE if drop_last else math.ceil(count / BATCH_SIZE)")
        if config.patience is not None:
            lines.append("    best, best_epoch = -1.0, 0")
        return [*lines, *self._write_epoch(), "    return average" if config.ema_decay else "    return model"]

    @property
    def _counts_updates(self) -> bool:
        return "learning_rate" in self.functions or self.plan.window is not None or self.config.ema_decay is not None

    def _write_epoch(self) -> list[str]:
        config = self.config
        order = "torch.randperm(count, generator=make_generator(SEED, epoch))"
        if config.sampling == "balanced":
            order = "balance_order(known, make_generator(SEED, epoch))"
        lines = [
            "    for epoch in range(epochs):",
            "        model.train()",
            *(["        hold_fixed(model, epoch)"] if self.plan.frozen else []),
            f"        order = {order}.tolist()",
            *lay_out(call("DataLoader", "train_images", "BATCH_SIZE", sampler="order", drop_last="drop_last",
                          **({"num_workers": "WORKERS"} if self.plan.form.kind == "folders" else {})),
                     2, "batches = "),
            "        total, correct, seen = 0.0, 0, 0",
            "        for step, (images, labels) in enumerate(batches):"
            if self._needs_step
            else "        for images, labels in batches:",
            *self._write_step(),
            "        result = evaluate(TESTED, test_images, MOMENTSdevice)",
            "        print(",
            '            f"epoch {epoch + 1}/{epochs}: loss {total / seen:.4f}, "',
            '            f"accuracy {100 * correct / seen:.2f} %; "',
            '            f"test loss {result[0]:.4f}, accuracy {100 * result[1]:.2f} %"',
            "        )",
        ]  # fmt: skip
        if config.validation:
            lines += [
                "        held = evaluate(TESTED, validation_images, MOMENTSdevice)",
                '        print(f"  validation loss {held[0]:.4f}, accuracy {100 * held[1]:.2f} %")',
            ]
        if config.patience is not None:
            lines += [
                "        if held[1] > best:",
                "            best, best_epoch = held[1], epoch",
                f"        if epoch - best_epoch >= {config.patience}:",
                "            break",
            ]
        tested = "average" if config.ema_decay is not None else "model"
        moments = "moments, " if self.plan.moments is None else ""
        return [line.replace("TESTED", tested).replace("MOMENTS", moments) for line in lines]

    @property
    def _draws(self) -> bool:
        """Whether a step has a generator of its own for its images."""
        return "augment" in self.functions or bool(self.config.cutout or self.config.mixup)

    @property
    def _needs_step(self) -> bool:
        return self.has_draws or self._draws or self._counts_updates

    def _write_step(self) -> list[str]:
        config, plan = self.config, self.plan
        body = []
        if self._counts_updates:
            body.append("update = epoch * steps + step")
        if self.has_draws:
            body.append("torch.manual_seed(derive_seed(SEED, epoch, step))  # of dropout")
        if self._draws:
            body.append('generator = make_generator(SEED, epoch, step, "images")')
        images = self._prepared("images")
        if "augment" in self.functions:
            body.append(f"images = {images}")
            window = ""
            if plan.window is not None:
                body.append(f"early = update < {config.window_share!r} * epochs * steps")
                window = ", early"
            body.append(f"images = augment(images, generator{window})")
            images = "images"
        if config.mixup or "augment" in self.functions:
            body += [f"x = {self._normalised(images)}", "target = labels = labels.to(device)"]
        else:
            body.append(f"x, target = {self._normalised(images)}, labels.to(device)")
        if config.cutout:
            body.append(f"x = cutout(x, {config.cutout}, generator)")
        if config.mixup:
            body.append(f"x, target = mixup(x, labels, {config.mixup!r}, generator)")
        if "learning_rate" in self.functions:
            rate = ' * group["rate"]' if config.start is not None and config.start.old_rate < 1 else ""
            body.append("for group in optimizer.param_groups:")
            body.append(f'    group["lr"] = learning_rate(update, steps, epochs){rate}')
        elif config.start is not None and config.start.old_rate < 1:
            body += ["for group in optimizer.param_groups:", f'    group["lr"] = {config.lr!r} * group["rate"]']
        body += self._write_update()
        return [f"            {line}" for line in body]

    def _write_update(self) -> list[str]:
        config = self.config
        pieces = config.parts > 1
        x, target = ("part", "goal") if pieces else ("x", "target")
        forward = []
        scores = "output" if self.plan.has_heads else "scores"
        if config.precision == "fp32":
            forward.append(f"{scores} = model({x})")
        else:
            forward += ["with autocast(device):", f"    {scores} = model({x})"]
        if self.plan.has_heads:
            forward.append("scores, heads = output")
        as_float = "" if config.precision == "fp32" else ".float()"
        forward.append(f"loss = criterion(scores{as_float}, {target})")
        if self.plan.has_heads:
            forward.append("for weight, others in heads:")
            forward.append(f"    loss = loss + weight * criterion(others{as_float}, {target})")
        if config.class_weights != "none":
            forward.append(f"loss = loss / len({target})")
        if pieces:
            forward.append("loss = loss * (len(part) / len(x))")
        forward.append("scaler.scale(loss).backward()" if config.precision == "fp16" else "loss.backward()")
        labels = f"{target}.argmax(1)" if config.mixup else target
        forward.append("total += loss.item() * len(x)")
        forward.append(f"correct += int((scores.argmax(1) == {labels}).sum())")
        body = ["optimizer.zero_grad()"]
        if pieces:
            count = config.parts
            body += [f"for part, goal in zip(x.tensor_split({count}), target.tensor_split({count})):",
                     *(f"    {line}" for line in forward)]  # fmt: skip
        else:
            body += forward
        body.append("seen += len(x)")
        if config.clip_norm is not None:
            if config.precision == "fp16":
                body.append("scaler.unscale_(optimizer)")
            body.append(f"nn.utils.clip_grad_norm_(model.parameters(), {config.clip_norm!r})")
        if config.precision == "fp16":
            body += ["scaler.step(optimizer)", "scaler.update()"]
        else:
            body.append("optimizer.step()")
        if config.ema_decay is not None:
            body.append(f"update_average(average, model, {config.ema_decay!r}, update)")
        return body

    def write_main(self) -> list[str]:
        """The command line."""
        form, config = self.plan.form, self.config
        default, told = {
            "torchvision": ("data", "folder for the images"),
            "arrays": ("images.npz", "file of the images"),
            "folders": ("data", "folder of train/ and test/, or an .npz file"),
        }[form.kind]
        if config.device == "auto":
            device = [
                '    best = "cuda" if torch.cuda.is_available() else "cpu"',
                '    parser.add_argument("--device", default=best, help="cpu, cuda or mps")',
            ]
        else:
            device = [
                f'    parser.add_argument("--device", default="{config.device}", help="cpu, cuda or mps")'
            ]
        return [
            "def main() -> None:",
            '    parser = argparse.ArgumentParser(description="Train the network of this file.")',
            '    parser.add_argument("--epochs", type=int, default=EPOCHS)',
            *lay_out(call("parser.add_argument", '"--data"', default=quote_text(default), help=quote_text(told)), 1),
            *device,
            "    options = parser.parse_args()",
            "    model = train(options.epochs, options.data, torch.device(options.device))",
            f"    torch.save(model.state_dict(), {quote_text(self.file)})",
            f"    print({quote_text(f'the weights are in {self.file}')})",
            "",
            "",
            'if __name__ == "__main__":',
            "    main()",
        ]
