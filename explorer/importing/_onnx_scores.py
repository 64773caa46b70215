"""What an ONNX file computes, by onnxruntime, in a process of its own: a file may be made to break whatever runs it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..process import start_process
from ..text import shorten
from ._onnx_file import OnnxFile

if TYPE_CHECKING:
    import onnx

_SECONDS = 300
_PROGRAM = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_DATA, (16 * 2**30, 16 * 2**30))
except (ImportError, ValueError, OSError):
    pass
import numpy
import onnxruntime
options = onnxruntime.SessionOptions()
options.log_severity_level = 4
session = onnxruntime.InferenceSession("network.onnx", options, providers=["CPUExecutionProvider"])
images = numpy.load("images.npy")
(scores,) = session.run(None, {session.get_inputs()[0].name: images})
numpy.save("scores.npy", scores)
"""


class NotComputed(Exception):
    """onnxruntime does not compute a file; the message says why, in one phrase."""


def compute_scores(file: OnnxFile, output: str, images: NDArray[Any]) -> NDArray[Any]:
    """Compute what a file gives for images.

    Args:
        file: Every operator that the output depends on must be one that is read here: what they can make is limited.
        output: The name of the value that is wanted.
        images: As the file takes them.

    Returns:
        The value.

    Raises:
        NotComputed: It could not be computed.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "network.onnx").write_bytes(_cut_out(file, output).SerializeToString())
        np.save(Path(folder, "images.npy"), images)
        program = f"import os; os.chdir({folder!r})\n{_PROGRAM}"
        child = start_process([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            _, told = child.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise NotComputed(f"it took longer than {_SECONDS} seconds") from None
        except BaseException:
            child.kill()
            raise
        if child.returncode:
            lines = told.decode("utf-8", "replace").strip().splitlines()
            raise NotComputed(shorten(lines[-1] if lines else f"its process ended ({child.returncode})", 200))
        scores: NDArray[Any] = np.load(Path(folder, "scores.npy"), allow_pickle=False)
        return scores


def _list_inputs(node: onnx.NodeProto) -> Iterator[str]:
    """What an operator reads, the networks within it included."""
    yield from node.input
    for each in node.attribute:
        for inner in each.g.node:
            yield from _list_inputs(inner)
        yield from (out.name for out in each.g.output)


def _cut_out(file: OnnxFile, output: str) -> onnx.ModelProto:
    """The network with one output, without what that does not depend on."""
    import onnx
    from onnx import helper

    model = onnx.ModelProto()
    model.CopyFrom(file.model)
    needed, kept = {output}, []
    for node in reversed(file.model.graph.node):
        if needed & set(node.output):
            needed.update(_list_inputs(node))
            kept.append(node)
    graph = model.graph
    del graph.node[:], graph.output[:], graph.value_info[:], model.metadata_props[:]
    graph.node.extend(reversed(kept))
    unused = [each for each in graph.initializer if each.name not in needed]
    for each in unused:
        graph.initializer.remove(each)
    described = next((each for each in file.model.graph.output if each.name == output), None)
    graph.output.append(described or helper.make_empty_tensor_value_info(output))
    return model
