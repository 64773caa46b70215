"""What the verbs about runs and experiments share: the run store, and settings typed as options."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..architecture import Architecture, edit
from ..text import parse_count, parse_decimal, quote, suggest
from ._arguments import parse_shape, whole_number
from ._progress import show_progress
from ._text import escape

if TYPE_CHECKING:  # the store and pydantic's other users are loaded by the verb that needs them
    from ..runs import Manager
    from ..training import TrainConfig
    from ..training.starting import StartWeights

_LOOK_SECONDS = 0.5
RECIPES = "where the settings start from: course, mnist-lesson, d2l, quick, thorough, handwriting or fine-tune; \
default: course"


def require_training() -> None:
    """Raises ValueError where no network can be trained on this platform."""
    from ..training import find_platform_problem

    if problem := find_platform_problem():
        raise ValueError(problem)


def _worker_command() -> Sequence[str]:
    from ..training import worker_command  # loaded only where a worker is started

    return worker_command()


@contextlib.contextmanager
def open_manager(cluster: str | None = None) -> Iterator[Manager]:
    """The runs of the data directory; what had to be put right is told on stderr. ``cluster``: where Ray listens."""
    from ..runs import Manager

    try:
        manager = Manager(worker_command=_worker_command, cluster=cluster)
        for sentence in manager.messages:
            print(escape(sentence), file=sys.stderr)
        try:
            yield manager
        finally:
            manager.close()
    except BrokenPipeError:  # who reads our output went away: nothing is wrong with the data
        raise
    except OSError as error:
        raise ValueError(f"cannot write the data of the runs: {error.strerror or error} ({error.filename})") from None


def look_after(manager: Manager) -> None:
    """Do the owner's work where nobody else does it; a full disk, on which it cannot be done, is told on stderr."""
    from ..runs import AlreadyManaged, StoreError

    try:
        manager.tick()
    except AlreadyManaged:
        pass
    except StoreError as error:
        if not error.disk_full:
            raise
        print(f"the runs could not be looked after: {escape(error)}", file=sys.stderr)


@contextlib.contextmanager
def hold_interrupts() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back until the program rests between two looks at the runs; a second one is not held.

    KeyboardInterrupt in the middle of a query leaves it half read as long as the traceback lives, and its lock on the
    file then stands in the way of whatever is written next, such as the request to pause.

    Yields:
        What to call between two looks: it rests, and raises KeyboardInterrupt.
    """
    pressed = False

    def note(*_: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    def rest() -> None:
        if not pressed:
            time.sleep(_LOOK_SECONDS)
        if pressed:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    # Elsewhere than in the main thread no handler can be set; and a caller's own, or none, stays.
    held = before is signal.default_int_handler and threading.current_thread() is threading.main_thread()
    if held:
        signal.signal(signal.SIGINT, note)
    try:
        yield rest
    finally:
        if held:
            signal.signal(signal.SIGINT, before)


def add_settings(sub: argparse.ArgumentParser) -> None:
    """The options that ``training_config`` reads."""
    sub.add_argument("--dataset", metavar="NAME|PATH", help="default: the embedded digits")
    sub.add_argument("--recipe", metavar="NAME", help=RECIPES)
    add_changes(sub)


_GROUPED = re.compile(r"[1-9][0-9]{0,2}(,[0-9]{3})+")
"""A whole number as it is printed, which elsewhere might be a decimal comma."""


def add_cluster(sub: argparse.ArgumentParser) -> None:
    """The option that says where runs are trained."""
    sub.add_argument(
        "--cluster", metavar="ADDRESS", help="train on a Ray cluster: auto (this machine is one of it), HOST:PORT or "
        "ray://HOST:10001; default: EXPLORER_CLUSTER, else this machine",
    )  # fmt: skip


def add_changes(sub: argparse.ArgumentParser) -> None:
    """The options that ``setting_changes`` reads, but for the seed."""
    sub.add_argument("--epochs", type=whole_number, metavar="N")
    sub.add_argument("--device", metavar="D", help="auto, cpu, mps or cuda:N")
    sub.add_argument(
        "--share-gpu", action="store_const", const=True, help="the GPU may be shared with up to three other runs that "
        "agree to it, too, as far as its memory allows",
    )  # fmt: skip
    sub.add_argument(
        "--optimizer", metavar="NAME", help="sgd, adam, adamw, nadam, radam, adamax, rmsprop, adagrad or adadelta, "
        "with torch's own learning rate, momentum and decay for it; --set changes them",
    )  # fmt: skip
    sub.add_argument(
        "--keep-checkpoints", type=whole_number, metavar="N", help="keep the weights of so many moments for good, "
        "from before the first step to the end, spread over the epochs; at least 2",
    )  # fmt: skip
    add_cluster(sub)
    sub.add_argument("--set", action="append", metavar="SETTING=VALUE", help="any other setting, such as lr=0.01")


def training_config(
    args: argparse.Namespace, dataset: str | None = None, usual_recipe: str = "course"
) -> TrainConfig:
    """The training configuration that was typed; the others are taken where none was. Raises ValueError."""
    from .. import datasets
    from ..training import recipe

    typed = args.dataset if args.dataset is not None else dataset
    base = recipe(args.recipe or usual_recipe, datasets.DEFAULT if typed is None else datasets.find_name(typed))
    changes = setting_changes(args)
    return base.changed(**changes) if changes else base


def _read_value(text: str) -> Any:
    """A number, with a decimal point or comma, a list, true, false, null, or a word such as cosine."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return parse_decimal(text)
    except ValueError:
        if text[:1].isdecimal():  # no setting is a word that begins with a digit
            raise
        return text


def add_fit(sub: argparse.ArgumentParser) -> None:
    """The options that ``fit_network`` reads."""
    sub.add_argument(
        "--fit", action="store_true",
        help="fit the network to the data: as many outputs as classes; auxiliary heads that do not fit are left out",
    )  # fmt: skip
    sub.add_argument(
        "--input", metavar="CxHxW|data|weights", help="another input shape, such as 3x224x224, images as large as the "
        "data's, or as those of the weights that a run starts from",
    )


def fit_network(
    args: argparse.Namespace, architecture: Architecture, config: TrainConfig, weights: StartWeights | None = None
) -> tuple[Architecture, TrainConfig, list[str]]:
    """The network as ``--fit`` and ``--input`` ask for it, the data imported for it, and what was changed in it.

    One that starts from ``weights`` is fitted in any case.
    """
    from .. import datasets
    from ..training import describe_fit, find_import_size, fit_to_data, import_data

    before, as_data = architecture, args.input == "data"
    if args.input == "weights":
        if weights is None:
            raise ValueError("--input weights is for a run that starts from weights; name them by --from")
        size = weights.architecture.input_shape[1:]
        architecture = edit.replace(architecture, "", input_shape=(architecture.input_shape[0], *size))
    elif args.input and not as_data:
        architecture = edit.replace(architecture, "", input_shape=parse_shape(args.input))
    if datasets.find_source(config.dataset) is not None:
        wanted = None if as_data else find_import_size(architecture, _pin(architecture, config, weights))
        with show_progress("images") as tell:
            config = import_data(config, wanted, progress=tell)
    fit, no_heads = args.fit or weights is not None, getattr(args, "no_heads", False)
    if not fit and not as_data and not no_heads:
        return architecture, config, []
    card = datasets.get_card(config.dataset)
    heads: bool | Literal["all"] = "all" if no_heads else fit
    fitted = fit_to_data(architecture, card, classes=fit, image_size=as_data, heads=heads)
    return fitted, config, describe_fit(before, fitted)


def _pin(architecture: Architecture, config: TrainConfig, weights: StartWeights | None) -> TrainConfig:
    if weights is None:
        return config
    from ..training.starting import pin_start

    return pin_start(architecture, config, weights)


def setting_changes(args: argparse.Namespace) -> dict[str, Any]:
    """Settings that were typed one by one."""
    from ..training import OPTIMIZERS, TrainConfig, own_settings

    whole = {name for name, field in TrainConfig.model_fields.items() if field.annotation is int}
    changes: dict[str, Any] = {}
    if args.optimizer is not None:
        if args.optimizer not in OPTIMIZERS:
            near = suggest(args.optimizer, OPTIMIZERS.keys())
            raise ValueError(f"--optimizer: there is no {quote(args.optimizer)}; {near}")
        changes |= own_settings(args.optimizer)
    for text in args.set or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set {quote(text)} must be SETTING=VALUE, such as lr=0.01")
        try:
            changes[name] = parse_count(value) if name in whole and _GROUPED.fullmatch(value) else _read_value(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    for name in ("epochs", "device", "share_gpu", "seed", "keep_checkpoints"):
        if getattr(args, name, None) is not None:
            changes[name] = getattr(args, name)
    return changes
