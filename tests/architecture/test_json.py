"""The JSON form: a round trip for everything, and one sentence with path and rule for everything else."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from explorer import catalog
from explorer.architecture import (
    MAX_DEPTH,
    MAX_LINK_BYTES,
    MAX_NODES,
    MAX_TEXT_BYTES,
    NODE_KINDS,
    Architecture,
    ArchitectureError,
    Auxiliary,
    Conv,
    Sequence,
    from_json,
    to_data,
    to_json,
    walk,
)
from tests.sizes import examples
from tests.strategies import architectures

SMALL: dict[str, Any] = {
    "version": 1,
    "name": "small",
    "input_shape": [3, 32, 32],
    "trunk": {
        "op": "sequence",
        "name": "trunk",
        "children": [
            {"op": "conv", "name": "stem", "out_channels": 8, "kernel_size": 3},
            {
                "op": "parallel",
                "name": "block",
                "branches": [
                    {"op": "conv", "name": "a", "out_channels": 4},
                    {"op": "residual", "name": "b", "body": {"op": "pool", "name": "pool"}},
                ],
            },
        ],
    },
}


def changed(path: str, value: Any) -> str:
    """SMALL with the value at a slash-separated path replaced, as text; '-' removes it."""
    data = json.loads(json.dumps(SMALL))
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    here = data
    for step in steps:
        here = here[step]
    if value == "-":
        del here[last]
    else:
        here[last] = value
    return json.dumps(data)


def problems_of(text: str | bytes) -> list[str]:
    with pytest.raises(ArchitectureError) as caught:
        from_json(text)
    return [str(problem) for problem in caught.value.problems]


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(architectures())
def test_round_trip(architecture: Architecture) -> None:
    for indent in (None, 2):
        again = from_json(to_json(architecture, indent))
        assert again == architecture
        assert hash(again) == hash(architecture)
    assert Architecture.model_validate_json(to_json(architecture).encode()) == architecture


@pytest.mark.parametrize("name", catalog.names())
def test_round_trip_of_the_catalogue(name: str) -> None:
    architecture = catalog.get(name)
    assert from_json(to_json(architecture)) == architecture
    assert to_data(architecture)["version"] == 1


def test_the_sample_is_valid() -> None:
    assert [path for path, _ in walk(from_json(json.dumps(SMALL)))] == [
        "stem", "block", "block/a", "block/b", "block/b/pool",
    ]  # fmt: skip


CONV = "trunk/children/0"
INNER = "trunk/children/1/branches/1/body"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (f"{CONV}/kernel_sise", 3, "stem: unknown key 'kernel_sise'; did you mean 'kernel_size'?"),
        ("nme", "x", "unknown key 'nme'; did you mean 'name'?"),
        (f"{INNER}/strid", 1, "block/b/pool: unknown key 'strid'; did you mean 'stride'?"),
        ("trunk/children/1/fusion", "add", "block: unknown key 'fusion'; did you mean"),
        (f"{CONV}/op", "convv", "op (='convv') is not a kind of node; did you mean 'conv'?"),
        (f"{CONV}/op", "-", "needs 'op'"),
        (f"{CONV}/op", 7, "op"),
        (f"{CONV}/out_channels", "-", "stem: out_channels is required"),
        (f"{CONV}/out_channels", True, "stem: out_channels (=True) must be"),
        (f"{CONV}/out_channels", 0, "stem: out_channels (=0) must be at least 1"),
        (f"{CONV}/out_channels", 8193, "stem: out_channels (=8193) must be at most 8,192"),
        (f"{CONV}/out_channels", 8.0, "stem: out_channels (=8.0) must be a whole number"),
        (f"{CONV}/out_channels", "8", "stem: out_channels (='8') must be"),
        (f"{CONV}/out_channels", 10**400, "stem: out_channels"),
        (f"{CONV}/kernel_size", True, "stem: kernel_size (=True) must be a whole number from 1 to 31"),
        (f"{CONV}/kernel_size", [3, False], "stem: kernel_size (=[3, False]) must be"),
        (f"{CONV}/kernel_size", 32, "stem: kernel_size (=32) must be a whole number from 1 to 31"),
        (f"{CONV}/kernel_size", [3, 3, 3], "stem: kernel_size (=[3, 3, 3]) must be"),
        (f"{CONV}/padding", "valid", "stem: padding (='valid') must be"),
        (f"{CONV}/bias", 1, "stem: bias"),
        (f"{CONV}/norm_eps", 0, "stem: norm_eps (=0) must be more than 0"),
        (f"{CONV}/norm_eps", False, "stem: norm_eps"),
        (f"{CONV}/activation", "swish", "stem: activation (='swish') must be one of"),
        (f"{CONV}/name", "a b", "name (='a b') must be 1 to 64 letters"),
        (f"{CONV}/name", "x" * 65, "must be 1 to 64 letters"),
        (f"{CONV}/name", "", "must be 1 to 64 letters"),
        (f"{CONV}/name", None, "name"),
        (f"{INNER}/kernel_size", 2, "block/b/pool: padding 'same' needs an odd kernel, not 2"),
        (f"{INNER}/padding", 2, "block/b/pool: padding 2 is more than half of the kernel of 3"),
        ("trunk/children/1/branches", [], "block: branches needs at least 1"),
        ("trunk/children/1/branches/0/name", "b", "block: two"),
        (f"{INNER}/name", "shortcut", "block/b: the body may not be named 'shortcut'"),
        ("input_shape", [3, 7, 32], "input_shape (=[3, 7, 32]) must be"),
        ("input_shape", [3, 32, 1025], "input_shape (=[3, 32, 1025]) must be"),
        ("input_shape", [True, 32, 32], "input_shape (=[True, 32, 32]) must be"),
        ("input_shape", "3x32x32", "input_shape (='3x32x32') must be"),
        ("name", "", "name"),
        ("name", "x" * 121, "name has 121 characters; at most 120 are allowed"),
        ("name", "bell \u0007", "contains the control character U+0007"),
        ("notes", "x" * 4001, "notes has 4,001 characters; at most 4000 are allowed"),
        ("version", 2, "version (=2) is not known here"),
        ("version", True, "version (=True) is not known here"),
        ("version", "1", "version (='1') is not known here"),
        ("trunk", [], "trunk"),
        ("trunk", "-", "trunk is required"),
    ],
)
def test_refusals_name_path_value_and_rule(path: str, value: Any, expected: str) -> None:
    said = problems_of(changed(path, value))
    assert any(expected in line for line in said), said
    assert all(len(line) < 1000 for line in said)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none(word: str) -> None:
    text = json.dumps(SMALL).replace('"kernel_size": 3', f'"norm_eps": {word}')
    assert problems_of(text) == [f"not valid JSON: {word} is not a number that JSON knows"]


def test_a_number_too_large_for_a_float() -> None:
    text = json.dumps(SMALL).replace('"kernel_size": 3', '"norm_eps": 1e999')
    assert any("stem: norm_eps" in line for line in problems_of(text))


def test_doubled_keys() -> None:
    text = json.dumps(SMALL).replace('"kernel_size": 3', '"kernel_size": 3, "kernel_size": 5')
    assert problems_of(text) == ["the key 'kernel_size' occurs twice"]


def test_every_problem_at_once() -> None:
    data = json.loads(json.dumps(SMALL))
    stem, block = data["trunk"]["children"]
    stem["kernel_size"] = 0
    stem["strid"] = 2
    block["fuse"] = "join"
    block["branches"][0]["out_channels"] = -1
    data["input_shape"] = [3, 1, 1]
    said = problems_of(json.dumps(data))
    for start in ("stem: kernel_size", "stem: unknown key", "block: fuse", "block/a: out_channels", "input_shape"):
        assert any(line.startswith(start) for line in said), (start, said)
    assert len(said) == 5


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '"text"', "[" * 100_000, '{"a":' * 10_000, b"\xff\xfe", "\ud800", "{}", b"\x00" * 50],
)
def test_not_an_architecture(text: str | bytes) -> None:
    assert problems_of(text)


def nested(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"op": "conv", "name": "conv", "out_channels": 1}
    for _ in range(depth):
        node = {"op": "sequence", "name": "inner", "children": [node]}
    return {**SMALL, "trunk": {"op": "sequence", "name": "trunk", "children": [node]}}


def test_nesting_is_limited() -> None:
    assert from_json(json.dumps(nested(MAX_DEPTH)))
    for depth in (MAX_DEPTH + 1, MAX_DEPTH + 2, 100):
        assert problems_of(json.dumps(nested(depth))) == ["containers are nested more than 16 deep"]


def test_size_is_limited() -> None:
    convs = [{"op": "flatten", "name": f"n{i}"} for i in range(2001)]
    text = json.dumps({**SMALL, "trunk": {"op": "sequence", "name": "t", "children": convs}}, separators=(",", ":"))
    assert problems_of(text) == ["there are more than 2,000 nodes"] or "bytes" in problems_of(text)[0]
    with pytest.raises(ValueError, match="at most 2,000 are allowed"):
        Architecture(
            name="wide",
            input_shape=(1, 8, 8),
            trunk=Sequence(name="t", children=tuple(Conv(name=f"n{i}", out_channels=1) for i in range(2001))),
        )
    said = [f"the text has {MAX_TEXT_BYTES + 1:,} bytes; at most {MAX_TEXT_BYTES:,} are allowed"]
    assert problems_of(" " * (MAX_TEXT_BYTES + 1)) == said


def test_an_activation_by_the_name_that_earlier_versions_gave_it() -> None:
    older = json.loads(json.dumps(SMALL))
    older["trunk"]["children"][0]["activation"] = "hardswish"
    assert to_data(from_json(json.dumps(older)))["trunk"]["children"][0]["activation"] == "hard_swish"


@pytest.mark.parametrize("indent", [None, 1, 2])
def test_the_longest_architecture_can_be_read_again(indent: int | None) -> None:
    """As many nodes as may be, as deep as may be, every field at its longest, four bytes a letter in the texts."""
    deepest = tuple(
        Conv(
            name=f"{number:_>64}", out_channels=8192, kernel_size=(31, 30), stride=(31, 30),
            padding=((1024, 1023), (1023, 1022)), dilation=(31, 30), groups="depthwise",
            bias=False, norm="batch", norm_eps=1.2345678901234567e-05,
            activation="hard_sigmoid",
        )
        for number in range(MAX_NODES - MAX_DEPTH)
    )  # fmt: skip
    nodes: tuple[Any, ...] = deepest
    for depth in range(MAX_DEPTH):
        nodes = (Auxiliary(name=f"{depth:_>64}", children=nodes, weight=1.2345678901234567),)
    longest = Architecture(
        name="𝄞" * 120, input_shape=(8192, 1024, 1023), trunk=Sequence(name="_" * 64, children=nodes),
        notes="𝄞" * 4000, provenance="𝄞" * 4000,
    )  # fmt: skip
    for text in (to_json(longest, indent=indent), json.dumps(to_data(longest), indent=indent)):  # escaped to ASCII
        assert len(text.encode()) <= (MAX_TEXT_BYTES if indent else MAX_LINK_BYTES)
        assert from_json(text) == longest


def test_a_text_of_countless_mistakes_is_refused_at_once() -> None:
    keys = {f"k{number}": 0 for number in range(180_000)}
    nodes = [{"op": "conv", "name": f"n{n}", **{f"k{k}": 0 for k in range(28)}} for n in range(1990)]
    many: list[Any] = [{**SMALL, **keys}, {**SMALL, "trunk": {**SMALL["trunk"], **keys}}]
    many += [{**SMALL, "trunk": {"op": "sequence", "name": "t", "children": each}} for each in ([0] * 500_000, nodes)]
    for data in many:
        text = json.dumps(data, separators=(",", ":"))
        assert len(text) < MAX_TEXT_BYTES
        start = time.thread_time()
        assert problems_of(text)
        assert time.thread_time() - start < 5  # a third of a second alone


def test_branches_are_limited() -> None:
    branches = [{"op": "conv", "name": f"b{i}", "out_channels": 1} for i in range(9)]
    assert problems_of(changed("trunk/children/1/branches", branches)) == [
        "block: branches has 9; at most 8 are allowed"
    ]


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "](javascript:alert(1))",
    "$\\href{javascript:alert(1)}{x}$",
    "%{customdata}",
    "\u202egnp.exe",
    "=cmd|' /C calc'!A0",
    "../../etc/passwd",
    "a/b",
    "a.b",
    "x" * 10_000,
    "nul\x00",
    "名",
    "a\n",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_nodes_are_refused_and_shown_shortened(name: str) -> None:
    said = problems_of(changed(f"{CONV}/name", name))
    assert len(said) == 1
    assert "must be 1 to 64 letters, digits or _" in said[0]
    assert len(said[0]) < 300
    assert not any(ch in said[0] for ch in "\n\x00\u202e"), "control and direction marks are quoted, not copied"


@pytest.mark.parametrize("title", [name for name in HOSTILE if len(name) <= 120 and "\x00" not in name])
def test_hostile_titles_are_kept_as_they_are(title: str) -> None:
    """A title is any text: whoever shows it must show it literally."""
    assert from_json(changed("name", title)).name == title


@pytest.mark.parametrize("op", NODE_KINDS)
def test_booleans_are_no_numbers_anywhere(op: str) -> None:
    """Strictness holds for every number of every kind."""
    kind = NODE_KINDS[op]
    needed = {"conv": {"out_channels": 1}, "linear": {"out_features": 1}}.get(op, {})
    inner = [{"op": "flatten", "name": "f"}]
    needed |= {"branches": inner} if op == "parallel" else {"body": inner[0]} if op == "residual" else {}
    needed |= {"children": inner} if op in ("sequence", "auxiliary") else {}
    for field, info in kind.model_fields.items():
        if field.startswith("out_") or type(info.default) in (int, float):
            node = {"op": op, "name": "node", **needed, field: True}
            text = json.dumps({**SMALL, "trunk": {"op": "sequence", "name": "trunk", "children": [node]}})
            assert any(field in line for line in problems_of(text)), field
