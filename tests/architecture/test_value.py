"""What a value has worked out once (hash, plan, steps, geometry, extent) must not travel with its copies."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, Conv, Pool, Sequence, edit, to_data, walk


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


def test_an_updated_container_has_its_own_steps_and_extent() -> None:
    sequence = Sequence(name="s", children=(Conv(name="a", out_channels=3), Pool(name="b")))
    assert (len(sequence.steps), sequence.extent) == (2, (2, 0))
    shorter = sequence.model_copy(update={"children": sequence.children[:1]})
    assert (len(shorter.steps), shorter.extent) == (1, (1, 0))


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
