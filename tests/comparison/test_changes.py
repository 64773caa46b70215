"""What changed and what it costs: one edit gives one change, and the costs add up to the difference of the totals."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import analyze, problems
from explorer.architecture import Architecture, ArchitectureError, Conv, Norm, Sequence, edit, walk
from explorer.comparison import Delta, Differences, find_differences
from tests.analysis.test_sweep import VALUES
from tests.profiling.networks import edited
from tests.sizes import ALL, THOROUGH, examples
from tests.strategies import architectures


def check(before: Architecture, after: Architecture) -> Differences:
    found = find_differences(before, after)
    total = Delta()
    for step in found.steps:
        total = total + step.delta
    old, new = analyze(before).totals, analyze(after).totals
    assert total == found.total
    assert total.receptive_field == tuple(
        now - was for now, was in zip(new.receptive_field.size, old.receptive_field.size, strict=True)
    )
    for name in ("params", "auxiliary_params", "macs", "training_bytes", "inference_bytes"):
        assert getattr(total, name) == getattr(new, name) - getattr(old, name)
    return found


def one_edit(draw: Any, architecture: Architecture) -> tuple[str, Architecture]:
    """A single edit of a node, and the kind of change that it is."""
    nodes = list(walk(architecture))
    path, node = draw(st.sampled_from(nodes))
    kind = draw(st.sampled_from(["changed", "changed", "renamed", "moved", "removed", "added", "wrapped"]))
    if kind == "changed":
        fields = [each for each in VALUES.get(node.op, ()) if each]
        assume(fields)
        field, values = draw(st.sampled_from(fields))
        return kind, edit.replace(architecture, path, **{field: draw(st.sampled_from(values))})
    if kind == "renamed":
        return kind, edit.rename(architecture, path, draw(st.sampled_from(["other", "a", "forward"])))
    if kind == "moved":
        return kind, edit.move(architecture, path, draw(st.sampled_from([-2, -1, 1, 2])))
    if kind == "removed":
        return kind, edit.remove(architecture, path)
    if kind == "wrapped":
        assume(node.op != "residual")  # that one's fields would change
        return kind, edit.set_residual(architecture, path, draw(st.sampled_from(["identity", "projection"])))
    return kind, edit.duplicate(architecture, path)


@settings(max_examples=examples(400))
@given(architectures(), st.data())
def test_one_edit_is_one_change(architecture: Architecture, data: st.DataObject) -> None:
    assume(not problems(architecture) and any(True for _ in walk(architecture)))
    try:
        kind, after = one_edit(data.draw, architecture)
    except ArchitectureError:
        assume(False)
    assume(not problems(after) and after.trunk != architecture.trunk)
    found = check(architecture, after)
    # A layer that changes places with an equal one changes nothing but two names, and is told as that.
    assume(kind != "moved" or after.trunk.structure != architecture.trunk.structure)
    assert len(found.steps) == 1
    assert len(found.steps[0].changes) == 1
    assert found.steps[0].changes[0].kind == kind


@settings(max_examples=examples(100))
@given(edited(), edited())
def test_many_edits_add_up(before: Architecture, after: Architecture) -> None:
    check(before, after)


@settings(max_examples=examples(200))
@given(architectures(), architectures())
def test_unlike_networks_add_up(before: Architecture, after: Architecture) -> None:
    assume(not problems(before) and not problems(after))
    found = check(before, after)
    assert bool(found.steps) == (before.trunk != after.trunk or before.input_shape != after.input_shape)


PAIRS = list(itertools.permutations(catalog.names(), 2))


@pytest.mark.parametrize(("before", "after"), PAIRS[:: 7 if ALL else 28])
def test_pairs_of_the_catalogue_add_up(before: str, after: str) -> None:
    check(catalog.get(before), catalog.get(after))


def test_a_kernel() -> None:
    network = catalog.get("googlenet")
    found = check(network, edit.replace(network, "inception_3a/branch_5x5/conv", kernel_size=3))
    (step,) = found.steps
    assert str(step) == "inception_3a/branch_5x5/conv: kernel 5 → 3"
    assert (step.delta.params, step.delta.macs) == (-(25 - 9) * 16 * 32, -(25 - 9) * 16 * 32 * 28 * 28)
    assert step.delta.receptive_field == (-16, -16)
    assert step.elsewhere == Delta()


def test_consequences_are_charged_to_their_cause() -> None:
    network = catalog.get("googlenet")
    wider = edit.replace(network, "inception_3a/branch_3x3/conv", out_channels=160)
    (step,) = check(network, wider).steps
    # 32 more filters on 96 channels here, and 32 more input channels for the three reductions and the 1×1 of 3b
    assert step.delta.params - step.elsewhere.params == 32 * (96 * 9 + 1)
    assert step.elsewhere.params == 32 * (128 + 128 + 32 + 64)


def test_the_torchvision_googlenet() -> None:
    found = check(catalog.get("googlenet"), catalog.get("googlenet-torchvision"))
    assert all(len(step.changes) == 1 for step in found.steps)
    kernels = [step for step in found.steps if step.changes[0].field == "kernel_size"]
    assert len(kernels) == 10  # nine blocks whose 5×5 is a 3×3, and a pooling
    assert sum(step.delta.macs for step in kernels) == -84_295_680


def test_what_only_works_together_is_one_step() -> None:
    network = catalog.get("residual-mnist")
    wide = edit.scale_width(network, 2)
    found = check(network, wide)
    groups = [step for step in found.steps if len(step.changes) > 1]
    assert groups  # an identity shortcut needs the channels of its body
    assert sum(len(step.changes) for step in found.steps) == sum(
        1 for (_, a), (_, b) in zip(walk(network), walk(wide), strict=True) if isinstance(a, Conv) and a != b
    )


def test_a_block_whose_branches_are_all_others() -> None:
    block = edit.find(catalog.get("googlenet"), "inception_3a")

    def alone(*branches: Any) -> Architecture:
        trunk = Sequence(name="trunk", children=(block.with_nodes(branches),))
        return Architecture(name="block", input_shape=(192, 28, 28), trunk=trunk)

    first, second, _, last = block.branches
    halved = edit.with_fields(first, stride=2, padding=0)  # does not fit beside the others, so they must go first
    found = check(alone(second, last), alone(halved))
    assert [len(step.changes) for step in found.steps] == [1, 2]


def test_a_renamed_and_changed_layer_is_not_a_new_one() -> None:
    network = catalog.get("googlenet")
    after = edit.replace(edit.rename(network, "conv2", "second"), "second", kernel_size=5)
    found = check(network, after)
    assert [(str(step)) for step in found.steps] == ["second: renamed from conv2", "second: kernel 3 → 5"]


def test_another_kind_in_the_same_place() -> None:
    network = catalog.get("googlenet")
    (step,) = check(network, edit.put(network, "norm1", Norm(name="norm1"))).steps
    assert str(step) == "norm1: local response norm replaced by norm"
    wrapped = edit.set_residual(network, "inception_3b", "projection")
    (step,) = check(network, wrapped).steps
    assert str(step) == "inception_3b: shortcut off → projection"
    (step,) = check(wrapped, network).steps
    assert step.changes[0].kind == "unwrapped"


def test_the_input() -> None:
    network = catalog.get("googlenet")
    (step,) = check(network, edit.replace(network, "", input_shape=(3, 299, 299))).steps
    assert str(step) == "network: input 3×224×224 → 3×299×299"


def test_names_and_notes_of_networks_are_no_difference() -> None:
    network = catalog.get("googlenet")
    assert find_differences(network, edit.replace(network, "", name="mine", notes="x")).steps == ()


def test_a_network_that_does_not_work() -> None:
    with pytest.raises(ArchitectureError, match="window"):
        find_differences(catalog.get("googlenet"), edit.replace(catalog.get("googlenet"), "", input_shape=(3, 8, 8)))


def test_plain_data() -> None:
    data = json.loads(json.dumps(find_differences(catalog.get("googlenet"), catalog.get("googlenet-96")).to_data()))
    assert sum(step["delta"]["macs"] for step in data["steps"]) == data["total"]["macs"]


def large(width: int, name: str) -> Architecture:
    """As many layers as a link may hold, each unlike those of another such network."""
    convs = [Conv(name=f"{name}{index}", out_channels=width + index % 7, kernel_size=1) for index in range(1950)]
    return Architecture(name=name, input_shape=(3, 8, 8), trunk=Sequence(name="trunk", children=tuple(convs)))


@pytest.mark.parametrize("name", [pytest.param("a", marks=THOROUGH), "b"])
def test_networks_as_large_as_allowed(name: str) -> None:
    """What it takes is measured in tests/benchmarks/test_comparison_speed.py."""
    found = check(large(1, "a"), large(9, name))
    assert sum(len(step.changes) for step in found.steps) == (1950 if name == "a" else 3900)
