"""F14: what is predicted is an upper bound of what a run takes, so that an accepted one does not run out of memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, assume, given, reject, settings
from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, Conv, Flatten, Sequence
from explorer.training import TrainConfig, estimate_memory
from explorer.training._fit import check_heads
from tests import strategies
from tests.sizes import ALL, thorough

from .measuring import Meter, meter
from .parts import config, network

CATALOG = ("inception-net-32", "googlenet-96", "dilated-cnn", "residual-mnist", "inception-net")
Drawn = tuple[Architecture, TrainConfig, int]
PHASES = [Phase.generate]  # the smallest example is not what counts here
ENOUGH_MACS = 10**9
"""A batch of a second or less."""


@pytest.fixture(scope="module")
def scales() -> Iterator[Meter]:
    with meter() as made:
        yield made


@st.composite
def networks(draw: strategies.Draw) -> Architecture:
    """Random ones, small, and those that people train."""
    if draw(st.booleans()):
        return catalog.get(draw(st.sampled_from(CATALOG)))
    found = draw(strategies.architectures())
    shape = analyze(found).totals.output_shape
    assume(found.input_shape[0] in (1, 3) and len(shape) == 1 and 1 < shape[0] <= 1000)
    # Others are refused before.
    assume(analyze(found).totals.training_params > 0)
    try:
        check_heads(found, "noise", shape[0])
    except ValueError:
        reject()
    return found


@st.composite
def runs(draw: strategies.Draw) -> Drawn:
    """A network, a configuration whose batches take up to 300 MB, and a number of images."""
    architecture = draw(networks())
    found = analyze(architecture)
    room = draw(st.integers(50, 300)) * 10**6
    parts = draw(st.sampled_from((1, 1, 2, 5)))
    part = min(room // max(1, found.totals.training_bytes), ENOUGH_MACS // max(1, found.macs), 60_000 // parts)
    optimizer = draw(st.sampled_from(("sgd", "adam", "adamw")))
    chosen = config(
        batch_size=max(2, part) * parts,
        accumulate=parts,
        optimizer=optimizer,
        ema_decay=draw(st.sampled_from((None, 0.9))),
        mixup=draw(st.sampled_from((0.0, 0.4))),
        crop=draw(st.sampled_from((0, 2))),
        cutout=draw(st.sampled_from((0, 4))),
        precision=draw(st.sampled_from(("fp32", "bf16"))),
        channels_last=draw(st.booleans()),
    )
    return architecture, chosen, chosen.batch_size * draw(st.integers(1, 2))


@pytest.fixture(scope="module")
def bare(scales: Meter) -> int:
    """What a process takes that trains next to nothing."""
    return scales.peak(network(), config(), 64)


def check(scales: Meter, bare: int, drawn: Drawn) -> int:
    """The prediction and each of its parts that can be told apart hold. The peak."""
    architecture, chosen, images = drawn
    needed = estimate_memory(architecture, chosen, images + images // 2)
    peak = scales.peak(architecture, chosen, images)
    assert 0 < bare < needed.process
    assert 0 < peak <= needed.total
    assert peak - bare <= needed.on_gpu + 0.1 * needed.process, (peak / 1e6, bare / 1e6, needed)
    return peak


@settings(max_examples=10 if ALL else 1, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(runs())
def test_what_is_predicted_is_enough(scales: Meter, bare: int, drawn: Drawn) -> None:
    check(scales, bare, drawn)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@settings(max_examples=200, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(runs())
def test_what_is_predicted_is_enough_200_times(scales: Meter, bare: int, drawn: Drawn) -> None:
    check(scales, bare, drawn)


def test_few_channels_outermost_are_copied_into_wide_blocks(scales: Meter, bare: int) -> None:
    """Found by the long form: 330 MB more than with channels innermost."""
    layers = (Conv(name="conv", out_channels=1), Flatten(name="flatten"))
    architecture = Architecture(name="narrow", input_shape=(3, 27, 29), trunk=Sequence(name="trunk", children=layers))
    outermost, innermost = (config(batch_size=3000, precision="fp32", channels_last=last) for last in (False, True))
    peaks = [check(scales, bare, (architecture, how, 3000)) for how in (outermost, innermost)]
    copies = peaks[0] - peaks[1]
    assert copies > 8 * 27 * 29 * 4 * 3000  # at least the output in blocks of 8; some processors take 16


@thorough("tests/training/test_memory.py::test_few_channels_outermost_are_copied_into_wide_blocks")
def test_the_scales_weigh(scales: Meter) -> None:
    """Four times the batch takes more, by about what is predicted without its reserve."""
    architecture, images = catalog.get("inception-net-32"), 200
    small, large = (config(batch_size=size, precision="fp32") for size in (50, 200))
    grown = scales.peak(architecture, large, images) - scales.peak(architecture, small, images)
    predicted = (
        estimate_memory(architecture, large, images).on_gpu - estimate_memory(architecture, small, images).on_gpu
    )
    assert predicted / 3 < grown < predicted
