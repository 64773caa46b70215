"""Every node kind is handled by every reading: whoever adds a kind or a reading meets this table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from explorer import editor, figures, profiling
from explorer.analysis import analyze
from explorer.analysis.lint import lint
from explorer.architecture import (
    NODE_KINDS,
    Activation,
    Architecture,
    Attention,
    Auxiliary,
    ChannelShuffle,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    LocalResponseNorm,
    Node,
    Norm,
    Parallel,
    Pool,
    Residual,
    Scale,
    Sequence,
    Slice,
    blocks,
    from_json,
    from_link,
    to_json,
    to_link,
    walk,
)
from explorer.modules import build

SAMPLES: dict[str, Node] = {
    "conv": Conv(name="sample", out_channels=4, kernel_size=3),
    "pool": Pool(name="sample"),
    "global_pool": GlobalPool(name="sample"),
    "flatten": Flatten(name="sample"),
    "linear": Linear(name="sample", out_features=3),
    "dropout": Dropout(name="sample"),
    "local_response_norm": LocalResponseNorm(name="sample"),
    "norm": Norm(name="sample"),
    "scale": Scale(name="sample", init=0.5, bias=True),
    "slice": Slice(name="sample", start=1, stop=3),
    "channel_shuffle": ChannelShuffle(name="sample"),
    "activation": Activation(name="sample"),
    "attention": Attention(name="sample"),
    "sequence": Sequence(name="sample", children=(Pool(name="pool"),)),
    "parallel": Parallel(name="sample", branches=(Pool(name="a"), Pool(name="b"))),
    "residual": Residual(name="sample", body=Pool(name="pool")),
    "auxiliary": Auxiliary(name="sample", children=(Flatten(name="flatten"), Linear(name="fc", out_features=3))),
}


VARIANTS: dict[str, Node] = {
    "conv layer norm": Conv(name="sample", out_channels=6, norm="layer", activation="gelu_tanh"),
    "conv group norm": Conv(name="sample", out_channels=6, kernel_size=3, norm="group", norm_groups=3),
    "layer norm": Norm(name="sample", kind="layer"),
    "group norm": Norm(name="sample", kind="group", groups=2),
    "slice to the end": Slice(name="sample", start=2),
    "gate": blocks.squeeze_excitation("sample", channels=4, hidden=3, activation="silu", gate="hard_sigmoid"),
    "gate of places": Parallel(
        name="sample", branches=(Conv(name="gate", out_channels=1, activation="sigmoid"), Pool(name="x")),
        fuse="multiply",
    ),
    "residual group norm": Residual(
        name="sample", body=Conv(name="body", out_channels=6, stride=2), shortcut="projection", norm="group",
        norm_groups=2,
    ),
}  # fmt: skip
"""Forms of a kind that readings treat in their own ways."""


def analysis(architecture: Architecture) -> None:
    found = analyze(architecture)
    assert {layer.path for layer in found.layers} <= {path for path, _ in walk(architecture)}
    assert all(number >= 0 for layer in found.layers for number in layer.output_shape)


def modules(architecture: Architecture) -> None:
    network = build(architecture).eval()
    with torch.no_grad():
        output = network(torch.rand(2, *architecture.input_shape))
    assert tuple(output.shape) == (2, *analyze(architecture).output_shape)


def json_form(architecture: Architecture) -> None:
    assert from_json(to_json(architecture)) == architecture


def link(architecture: Architecture) -> None:
    assert from_link(to_link(architecture)) == architecture


def diagram(architecture: Architecture) -> None:
    found = analyze(architecture)
    for column in figures.lay_out_overview(architecture, found):
        drawn = figures.lay_out_block(architecture, found, column["path"])
        assert drawn["tree"]["op"] == architecture.trunk.nodes[-1].op or column["path"] == "flatten"


def charts(architecture: Architecture) -> None:
    found = analyze(architecture)
    assert figures.trace_growth(architecture, found)["points"]
    assert sum(bar["total"] for bar in figures.split_costs(architecture, found)) == found.macs
    assert len(figures.layer_table(architecture, found)) == len(found.layers)
    assert figures.draw_treemap(architecture, found).data


def panel(architecture: Architecture) -> None:
    for node in architecture.trunk.nodes:
        assert editor.describe_controls(architecture, analyze(architecture), node.name)["cards"]


def summary(architecture: Architecture) -> None:
    assert profiling.summarize(architecture).total_params == analyze(architecture).training_params
    assert profiling.reconcile_counts(architecture).exact


def linter(architecture: Architecture) -> None:
    assert {finding.path for finding in lint(architecture)} <= {path for path, _ in walk(architecture)}


READINGS: list[Callable[[Architecture], Any]] = [
    analysis,
    modules,
    json_form,
    link,
    diagram,
    charts,
    panel,
    summary,
    linter,
    # Further readings belong here, each a function that fails for a kind it forgot.
]


def test_there_is_a_sample_of_every_kind() -> None:
    assert SAMPLES.keys() == NODE_KINDS.keys()
    assert all(node.op == op for op, node in SAMPLES.items())


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.__name__)
@pytest.mark.parametrize("sample", [*NODE_KINDS, *VARIANTS])
def test_every_reading_handles_every_kind(sample: str, reading: Callable[[Architecture], Any]) -> None:
    before = (Flatten(name="flatten"),) if sample == "linear" else ()
    trunk = Sequence(name="trunk", children=(*before, (SAMPLES | VARIANTS)[sample]))
    reading(Architecture(name=sample, input_shape=(4, 12, 10), trunk=trunk))
