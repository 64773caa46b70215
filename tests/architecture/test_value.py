"""What a value has worked out once (hash, plan, steps, geometry, extent) must not travel with its copies."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, Conv, Parallel, Pool, Residual, Sequence, edit, to_data, walk


def warm() -> Architecture:
    architecture = catalog.get("inception-net").model_copy(update={"notes": "a copy of its own"})
    analyze(architecture)
    hash(architecture)
    return architecture


def updated(path: str, **fields: Any) -> Architecture:
    """The network with a node changed by ``model_copy`` all the way up, as no edit of ours does it."""

    def change(node: Any, names: list[str]) -> Any:
        if not names:
            return node.model_copy(update=fields)
        children = tuple(change(child, names[1:]) if child.name == names[0] else child for child in node.nodes)
        return node.model_copy(update={node.child_field: children})

    architecture = warm()
    return architecture.model_copy(update={"trunk": change(architecture.trunk, path.split("/"))})


@pytest.mark.parametrize(
    "fields", [{"out_channels": 7}, {"kernel_size": 5}, {"norm": "batch"}, {"activation": "gelu"}, {"dilation": 2}]
)
def test_an_updated_copy_is_analysed_as_what_it_is(fields: dict[str, Any]) -> None:
    path = next(path for path, node in walk(warm()) if node.op == "conv" and "/" in path)
    found, expected = updated(path, **fields), edit.replace(warm(), path, **fields)
    assert to_data(found) == to_data(expected)
    assert analyze(found) == analyze(expected)
    assert found == expected
    assert hash(found) == hash(expected)


WAYS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "model_copy": lambda value, fields: value.model_copy(update=fields),
    "deep model_copy": lambda value, fields: value.model_copy(update=fields, deep=True),
    "copy": lambda value, fields: value.copy(update=fields),
    "constructor": lambda value, fields: type(value)(**{**dict(value), **fields}),
    "model_construct": lambda value, fields: type(value).model_construct(**{**dict(value), **fields}),
    "model_validate": lambda value, fields: type(value).model_validate({**dict(value), **fields}),
    "a copy of a copy": lambda value, fields: copy.deepcopy(copy.copy(value)).model_copy(update=fields),
    "a copy of a pickle": lambda value, fields: pickle.loads(pickle.dumps(value)).model_copy(update=fields),
}
"""The ways in which pydantic's users change one field of a frozen value."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("node", "fields"),
    [
        (Conv(name="n", out_channels=4), {"out_channels": 7, "kernel_size": 3, "norm": "batch"}),
        (Pool(name="n"), {"kernel_size": 5, "stride": 2, "padding": 0, "ceil_mode": True}),
        (Residual(name="n", body=Conv(name="b", out_channels=3)), {"body": Conv(name="b", out_channels=3, bias=False)}),
        (Sequence(name="n", children=(Pool(name="p"),)), {"children": (Conv(name="c", out_channels=2),)}),
    ],
    ids=["conv", "pool", "residual", "sequence"],
)
def test_every_way_to_change_a_field_tells_the_truth(way: str, node: Any, fields: dict[str, Any]) -> None:
    def around(value: Any) -> Architecture:
        return Architecture(name="n", input_shape=(3, 9, 9), trunk=Sequence(name="trunk", children=(value,)))

    analyze(around(node))
    hash(node)
    changed = WAYS[way](node, fields)
    assert analyze(around(changed)) == analyze(around(type(node)(**{"name": node.name, **dict(node), **fields})))
    assert changed != node
    assert dict(node).keys() == type(node).model_fields.keys()


def test_an_updated_container_has_its_own_steps_and_extent() -> None:
    sequence = Sequence(name="s", children=(Conv(name="a", out_channels=3), Pool(name="b")))
    assert (len(sequence.steps), sequence.extent) == (2, (2, 0))
    shorter = sequence.model_copy(update={"children": sequence.children[:1]})
    assert (len(shorter.steps), shorter.extent) == (1, (1, 0))
    block = Parallel(name="p", branches=(sequence, Pool(name="c")))
    assert [[name for _, name, _ in chain] for chain in block.chains] == [["s/a", "s/b"], ["c"]]
    assert len(block.model_copy(update={"branches": block.branches[:1]}).chains) == 1


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value)),
                                  lambda value: value.model_copy(deep=True)])  # fmt: skip
def test_copies_are_equal_and_equally_analysed(make: Any) -> None:
    value = warm()
    made = make(value)
    assert made == value
    assert hash(made) == hash(value)
    assert analyze(made) == analyze(value)


def test_a_pickle_has_the_hash_of_the_process_that_reads_it(tmp_path: Any) -> None:
    """Python's hashes of text differ from process to process."""
    file = tmp_path / "network"
    file.write_bytes(pickle.dumps(warm()))
    code = (
        "import pickle, sys\n"
        "from explorer.architecture import from_json, to_json\n"
        "value = pickle.load(open(sys.argv[1], 'rb'))\n"
        "assert hash(value) == hash(from_json(to_json(value)))"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=True, env={"PYTHONHASHSEED": "7"})
