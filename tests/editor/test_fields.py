"""Every field of every node kind has a control, and its command sets any legal value, as it is typed or printed."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import catalog, editor
from explorer.analysis import analyze, problems
from explorer.architecture import (
    NODE_KINDS,
    ActivationKind,
    Architecture,
    ArchitectureError,
    AttentionKind,
    Conv,
    Flatten,
    Parallel,
    Sequence,
    edit,
    field_label,
    walk,
)
from explorer.text import format_setting
from tests.editor.test_panel import controls
from tests.sizes import examples
from tests.test_node_kinds import SAMPLES

STRUCTURE = "nodes are inserted, moved and removed, not typed"
WITHOUT_CONTROL = {
    "op": "a node of another kind is put in its place",
    "name": "a node is renamed by a verb of its own, since its path changes",
    "children": STRUCTURE,
    "branches": STRUCTURE,
    "body": STRUCTURE,
}
"""Fields that no control of a node sets, and why."""
FIELD_OF_VERB = {"fuse": "fuse", "residual": "shortcut", "attention": "kind", "outputs": "out_channels"}
FIELDS = [(op, field) for op, kind in NODE_KINDS.items() for field in kind.model_fields if field not in WITHOUT_CONTROL]


def network(op: str, **fields: Any) -> Architecture:
    node = edit.with_fields(SAMPLES[op], **fields)
    before = (Flatten(name="flatten"),) if op == "linear" else ()
    return Architecture(name=op, input_shape=(4, 12, 10), trunk=Sequence(name="trunk", children=(*before, node)))


def within_a_branch(op: str) -> tuple[Architecture, str]:
    chain = Sequence(name="long", children=(Conv(name="first", out_channels=4), SAMPLES[op]))
    block = Parallel(name="block", branches=(chain, Conv(name="short", out_channels=2)))
    trunk = Sequence(name="trunk", children=(block,))
    return Architecture(name=op, input_shape=(4, 12, 10), trunk=trunk), "block/long/sample"


def offered(architecture: Architecture, path: str) -> set[str]:
    """The fields of the node at ``path`` that a control of its panel sets."""
    panel = editor.describe_controls(architecture, analyze(architecture), path)
    found = set()
    for control in controls(panel):
        command = control.get("command", {})
        if command.get("path") == path:
            found.add(command.get("field") or FIELD_OF_VERB.get(command["do"], ""))
    return found


@pytest.mark.parametrize("op", NODE_KINDS)
def test_every_field_of_every_kind_has_a_control(op: str) -> None:
    wanted = NODE_KINDS[op].model_fields.keys() - WITHOUT_CONTROL.keys()
    assert wanted <= offered(network(op), "sample")
    if op not in ("flatten", "linear", "global_pool", "sequence", "auxiliary"):  # these stand in no branch as they are
        architecture, path = within_a_branch(op)
        assert wanted <= offered(architecture, path)


def test_fields_whose_control_depends_on_their_value_have_one_for_each() -> None:
    for fields in (
        {"out_channels": "same"}, {"out_channels": "same", "groups": "depthwise"}, {"kernel_size": (1, 3)},
        {"padding": "tf_same", "stride": 2}, {"padding": ((0, 1), (2, 2))},
    ):  # fmt: skip
        architecture = network("conv", **fields)
        assert NODE_KINDS["conv"].model_fields.keys() - WITHOUT_CONTROL.keys() <= offered(architecture, "sample")


def test_layers_of_a_block_outside_its_branches_have_their_controls() -> None:
    block = Parallel(name="branches", branches=(Conv(name="a", out_channels=2), Conv(name="b", out_channels=2)))
    again = edit.with_fields(block, name="again")
    whole = Sequence(name="block", children=(block, Conv(name="up", out_channels=4), again))
    architecture = Architecture(
        name="up", input_shape=(4, 12, 10), trunk=Sequence(name="trunk", children=(whole,))
    )
    assert "out_channels" in offered(architecture, "block/up")
    assert "fuse" in offered(architecture, "block/again")
    assert "out_channels" in offered(architecture, "block/again/b")


def test_no_control_is_there_twice() -> None:
    for op in NODE_KINDS:
        architecture = network(op)
        panel = editor.describe_controls(architecture, analyze(architecture), "sample")
        commands = [(str(each["command"])) for each in controls(panel) if "command" in each]
        assert len(commands) == len(set(commands)), op


# ---- set through the command = set through Python --------------------------------------------------------------------

WHOLE = st.integers(-1, 40) | st.sampled_from([64, 1000, 1024, 8192, 9000])
SIZES = st.integers(0, 32) | st.tuples(st.integers(0, 32), st.integers(0, 32))
SIDES = st.tuples(st.integers(0, 3), st.integers(0, 3))
DECIMALS = st.floats(0, 1.5) | st.sampled_from([1e-5, 1e-3, 0.3, 0.75, 2.0, 10.0, -0.1])
WORDS = st.sampled_from(
    [*get_args(ActivationKind), *get_args(AttentionKind), "batch", "layer", "max", "avg", "identity", "concat", "add"]
)
VALUES = {
    "out_channels": WHOLE | st.just("same"),
    "out_features": WHOLE,
    "reduction": WHOLE,
    "spatial_kernel": WHOLE,
    "channel_kernel": WHOLE | st.just("auto"),
    "size": WHOLE,
    "norm_groups": WHOLE,
    "start": WHOLE,
    "stop": WHOLE | st.just("end"),
    "init": DECIMALS,
    "groups": WHOLE,  # 'depthwise' sets the channels, too: see below
    "kernel_size": SIZES,
    "stride": SIZES,
    "dilation": SIZES,
    "output_size": SIZES,
    "padding": SIZES | st.tuples(SIDES, SIDES) | st.sampled_from(["same", "tf_same"]),
    "bias": st.booleans() | st.just("auto"),
    "ceil_mode": st.booleans(),
    "count_include_pad": st.booleans(),
    **dict.fromkeys(("norm_eps", "eps", "p", "alpha", "beta", "k", "scale", "drop_path", "weight"), DECIMALS),
    **dict.fromkeys(("norm", "activation", "kind", "shortcut", "fuse"), WORDS),
}


def forms(value: Any) -> list[Any]:
    """A value as JSON has it, and as people type it and the product prints it."""
    if isinstance(value, tuple):
        h, w = value
        if isinstance(h, tuple):
            text = f"{h[0]}+{h[1]}×{w[0]}+{w[1]}"
            spaced = text.replace("×", " x ").replace("+", " + ")
            return [[list(h), list(w)], str(value), text, spaced, format_setting(value)]
        return [list(value), f"{h}×{w}", f"{h}x{w}", f" {h} X {w} ", f"{h}, {w}", f"{h} * {w}"]
    if isinstance(value, bool):
        return [value]
    if isinstance(value, int):
        return [value, str(value), f" {value} ", f"{value:,}", f"{value:,}".replace(",", "\u202f"), f"{value}.0"]
    if isinstance(value, float):
        return [value, repr(value), repr(value).replace(".", ",")]
    return [value, f" {value} ", value.title()]


def outcome(make: Any) -> Architecture | None:
    try:
        return make()  # type: ignore[no-any-return]
    except ArchitectureError:
        return None


@pytest.mark.parametrize(("op", "field"), FIELDS)
@given(st.data())
@settings(max_examples=examples(60), deadline=None)
def test_set_through_the_command_is_set_through_python(op: str, field: str, data: st.DataObject) -> None:
    architecture, value = network(op), data.draw(VALUES[field])
    expected = outcome(lambda: edit.replace(architecture, "sample", **{field: value}))
    for form in forms(value):
        command = {"do": "set", "path": "sample", "field": field, "value": form}
        assert outcome(lambda: editor.apply(architecture, command)) == expected, form  # noqa: B023


@pytest.mark.parametrize(("op", "field", "groups"), [("conv", "norm", "norm_groups"), ("norm", "kind", "groups")])
def test_a_group_norm_begins_with_groups_that_divide_the_channels(op: str, field: str, groups: str) -> None:
    architecture = network(op)
    channels = analyze(architecture).by_path["sample"].output_shape[0]
    command = {"do": "set", "path": "sample", "field": field, "value": "group"}
    made = edit.find(editor.apply(architecture, command), "sample")
    assert (getattr(made, field), channels % getattr(made, groups)) == ("group", 0)


def test_depthwise_takes_as_many_channels_as_come_in() -> None:
    architecture = network("conv")
    command = {"do": "set", "path": "sample", "field": "groups", "value": "depthwise"}
    assert editor.apply(architecture, command) == edit.replace(
        architecture, "sample", groups="depthwise", out_channels="same"
    )


@pytest.mark.parametrize("field", ["kernel_size", "dilation"])
@pytest.mark.parametrize(("typed", "expected"), [("5", (5, 3)), (5, (5, 3)), ("3x3", 3), ("3, 5", (3, 5)), ("7×7", 7)])
def test_two_numbers_are_for_both_axes_wherever_they_are_typed(field: str, typed: Any, expected: Any) -> None:
    architecture = network("conv", **{field: (1, 3)})
    command = {"do": "set", "path": "sample", "field": field, "axis": 0, "value": typed}
    assert getattr(edit.find(editor.apply(architecture, command), "sample"), field) == expected


def test_every_control_shows_what_can_be_typed_again() -> None:
    """The text of a field is read as the value that it shows."""
    for op in NODE_KINDS:
        architecture = network(op)
        for control in controls(editor.describe_controls(architecture, analyze(architecture), "sample")):
            if control["type"] in ("ribbon", "choice") and "text" in control and control["command"]["do"] == "set":
                again = editor.apply(architecture, {**control["command"], "value": control["text"]})
                assert again == architecture, control["label"]


# ---- messages --------------------------------------------------------------------------------------------------------

BAD: list[Any] = [-1, 0, 3.5, 1e9, "many", "3x99", "0×0", [1, 2, 3], {"a": 1}, None, "", True]
CODE = {field for kind in NODE_KINDS.values() for field in kind.model_fields if "_" in field}
CODE |= {"fuse", "input_shape", "GlobalPool", "(=", "[height", "Literal", "pydantic", "children"}


@pytest.mark.parametrize(("op", "field"), FIELDS)
def test_no_message_of_the_editor_has_a_word_of_the_code(op: str, field: str) -> None:
    for value in BAD:
        command = {"do": "set", "path": "sample", "field": field, "value": value}
        try:
            editor.apply_with_repairs(network(op), command)
        except ArchitectureError as error:
            said = str(error)
            assert not [word for word in CODE if word in said], said
            assert field_label(field, op).split()[-1] in said, said


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ({"do": "input", "axis": "size", "value": 1}, "input (4×1×1) must be channels, height and width"),
        ({"do": "input", "axis": "channels", "value": 0}, "input (0×12×10)"),
        ({"do": "input", "axis": "size", "value": 3.5}, "input size (3.5) must be a whole number"),
        ({"do": "title", "value": ""}, "name ('') must not be empty"),
        ({"do": "rename", "path": "sample", "value": "1×1"}, "name ('1×1') must be 1 to 64 letters, digits or _"),
    ],
)
def test_messages_about_the_network_are_in_the_words_of_its_controls(command: dict[str, Any], said: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        editor.apply_with_repairs(network("conv"), command)
    assert said in str(caught.value)
    assert not [word for word in CODE if word in str(caught.value)]


@given(st.data())
@settings(max_examples=examples(200), deadline=None)
def test_no_message_about_layers_that_do_not_fit_has_a_word_of_the_code(data: st.DataObject) -> None:
    architecture = catalog.get(data.draw(st.sampled_from(["inception-net-32", "residual-mnist", "dilated-cnn"])))
    nodes = [(path, node) for path, node in walk(architecture) if type(node).model_fields.keys() & VALUES.keys()]
    for _ in range(3):
        path, node = data.draw(st.sampled_from(nodes))
        field = data.draw(st.sampled_from(sorted(type(node).model_fields.keys() & VALUES.keys())))
        value = data.draw(VALUES[field])
        architecture = outcome(lambda: edit.replace(architecture, path, **{field: value})) or architecture  # noqa: B023
    for problem in problems(architecture):
        label = problem.repair.label if problem.repair else ""
        assert not [word for word in CODE if word in f"{problem} {label}"], problem


@pytest.mark.parametrize("op", NODE_KINDS)
def test_nor_has_one_about_a_vector_where_maps_are_needed(op: str) -> None:
    flat = (Flatten(name="flatten"), SAMPLES[op], edit.with_fields(SAMPLES["linear"], name="fc"))
    maps = (SAMPLES[op],)
    for children in (flat, maps):
        trunk = Sequence(name="trunk", children=children)
        for problem in problems(Architecture(name=op, input_shape=(4, 12, 10), trunk=trunk)):
            assert not [word for word in CODE if word in str(problem)], problem
