"""An ONNX file → Graph. Operators are read, none is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..text import quote
from ._building import CHW, NO_MAP, GraphBuilder, NoForm, Value
from ._functions import POINTS, Numbers, find_activation, find_factor
from ._graph import Graph
from ._onnx_file import Branch, Node, OnnxFile
from ._problem import FreeSizeError, ImportingError

if TYPE_CHECKING:
    from torch import Tensor

_FREE_BATCH = 2
"""Images in a batch whose number the file leaves free: one would be taken for an axis to drop."""
_MAX_ELEMENTS = 2**28
"""Of one map of a batch; more is damage or malice."""
_MAX_COMPUTED = 2**26
"""Numbers that operators on constants may make, all together."""
_MANY_FORMS = 6
_MAX_UNTOLD = 50
"""Element-wise operators in a row before they are told: longer rows are one function of none that is known."""


@dataclass(frozen=True)
class Failed:
    """A result of, or behind, an operator that has no form here."""

    value: Value
    """The opaque operation."""
    reason: str
    source: str
    scope: tuple[str, ...]


@dataclass(frozen=True)
class Function:
    """A result of element-wise operators, which are told together when something else reads it."""

    forms: Mapping[str, Numbers]
    """For each name of a value that it is a function of, the nearest first, its values at ``POINTS``."""
    node: Node
    otherwise: Callable[[], Value]
    """Makes it where the function is none that is known; raises ``NoForm`` where that cannot be."""
    depth: int = 1
    """How many such values stand one behind another."""


Result = NDArray[Any] | Value | Failed | Function
Read = Callable[["OnnxReader", Node], "Result | list[Result] | None"]


@dataclass(kw_only=True)
class OnnxReading:
    """What was read of a file."""

    graph: Graph
    scores: str
    """The file's own name of the graph's result."""
    batch: int
    """Images that the file takes at once; where their number is free, how many were assumed."""
    is_turned: bool
    """Whether the file's images have their channels last."""
    notes: tuple[str, ...] = ()


class OnnxReader:
    """Reads operators one by one, in the file's order, which is one in which they can be computed.

    ``readers`` has a function for each operator; ``rescue`` reads one whose inputs have no form, or gives None.
    """

    def __init__(
        self, file: OnnxFile, input_shape: tuple[int, int, int] | None, readers: Mapping[str, Read], rescue: Read
    ) -> None:
        self.file = file
        self._readers, self._rescue = readers, rescue
        batch, *sizes = file.image_shape
        self.batch = batch or _FREE_BATCH
        # What a number is cast like says nothing here: all that comes from the image is float32.
        self.nodes = tuple(
            replace(each, inputs=each.inputs[:1]) if each.op == "CastLike" else each for each in file.nodes
        )
        self.users: dict[str, list[Node]] = {}
        self.makers = {output: node for node in self.nodes for output in node.outputs}
        for node in self.nodes:
            for name in node.inputs:
                self.users.setdefault(name, []).append(node)
        # Images whose channels come last, as TensorFlow has them, are turned first.
        users = self.users.get(file.image, [])
        self.is_turned = turned = bool(users) and all(
            each.op == "Transpose" and each.settings.get("perm") == (0, 3, 1, 2) for each in users
        )
        if turned:
            sizes = [sizes[2], sizes[0], sizes[1]]
        self.builder = GraphBuilder(_choose_shape(sizes, input_shape))
        self.values: dict[str, Result] = dict(file.tensors)
        self.values[file.image] = Value(Graph.INPUT, (1, 2, 0) if turned else CHW)
        self.tensors: dict[str, Tensor] = {}
        self.taken: set[int] = set()
        """Operators that were read already, or together with one before them."""
        self._aliases: dict[str, str] = {}
        self._redirected: dict[str, str] = {}
        self._computed = 0
        self.notes: list[str] = []
        if turned:
            self.notes.append("The file takes images with their channels last; here they come first.")
        self._scores = file.outputs[0]

    def read(self, name: str) -> OnnxReading:
        """Read the whole file.

        Args:
            name: Of the graph.

        Returns:
            The graph and what is known beside it.

        Raises:
            ImportingError: It is damaged.
        """
        for node in self.nodes:  # first what does not depend on the image: readers look ahead for their constants
            if all(isinstance(self.values.get(self._name(each)), np.ndarray) for each in node.inputs if each):
                self._read(node)
                if node.outputs and isinstance(self.values.get(self._name(node.outputs[0])), np.ndarray):
                    self.taken.add(id(node))
        for node in self.nodes:
            if id(node) not in self.taken:
                self._read(node)
        if len(self.file.outputs) > 1:
            others = ", ".join(quote(each) for each in self.file.outputs[1:6])
            self.notes.append(f"Only the first of the file's outputs is imported; left out: {others}.")
        scores = self._name(self._scores)
        if isinstance(self.values.get(scores), np.ndarray | None):
            raise ImportingError("it is damaged: nothing leads from its input to its output")
        output = self.builder.plain(self.value(scores)).operation
        channels, height, width = self.builder.input_shape
        graph = Graph(
            name=name, input_shape=(channels, height, width), operations=tuple(self.builder.operations.values()),
            output=output, tensors=self.tensors,
        )  # fmt: skip
        return OnnxReading(
            graph=graph, scores=self._scores, batch=self.batch, is_turned=self.is_turned,
            notes=tuple(self.notes),
        )  # fmt: skip

    def _read(self, node: Node) -> None:
        original = node
        node = replace(node, inputs=tuple(map(self._name, node.inputs)))
        given = [self.values[each] for each in node.inputs if each in self.values]
        missing = [each for each in node.inputs if each and each not in self.values]
        failed = next((each for each in given if isinstance(each, Failed)), None)
        self._place(node)
        try:
            if missing:
                raise NoForm(f"it reads {quote(missing[0][:60])}, which nothing before it gives")
            read = self._readers.get(node.op) if failed is None else self._rescue
            if read is None:
                raise NoForm("this operator has no form here")
            with np.errstate(all="ignore"):
                results = read(self, node)
            if failed is not None and results is None:
                self._fail(node, failed.reason, failed)
                return
        except NoForm as error:
            self._fail(node, str(error))
            return
        except (IndexError, KeyError, MemoryError, OverflowError, StopIteration, TypeError, ValueError) as error:
            # Settings or shapes that no such operator can have.
            self._fail(node, f"its settings or inputs fit no such operator ({type(error).__name__})")
            return
        outputs = [self._redirected.get(each, each) for each in original.outputs]
        for output, result in zip(outputs, results if isinstance(results, list) else [results], strict=False):
            if isinstance(result, np.ndarray):
                self._computed += result.size
                if self._computed > _MAX_COMPUTED:
                    raise ImportingError(f"it computes more than {_MAX_COMPUTED:,} numbers from constants")
            if isinstance(result, Value) and prod(self.builder.shape_of(result)) * self.batch > _MAX_ELEMENTS:
                raise ImportingError(
                    f"{node.op} {quote(node.name)} gives {prod(self.builder.shape_of(result)):,} numbers for an image, "
                    f"{self.batch} images at a time; at most {_MAX_ELEMENTS:,} are read"
                )
            if result is not None:
                self.values[output] = result

    def _place(self, node: Node) -> None:
        weight = next((each for each in node.inputs[1:] if each in self.file.tensors), "")
        scope = node.modules
        if not scope and "." in weight and "::" not in weight:
            scope = tuple(weight.split(".")[:-1])
        self.builder.at(node.name, scope, node.op)

    def _fail(self, node: Node, reason: str, origin: Failed | None = None) -> None:
        """Put an opaque operation in the place of one that has no form, or that reads one."""
        maps = [each for each in dict.fromkeys(node.inputs) if not isinstance(self.values.get(each), np.ndarray | None)]
        inputs = [self.value(each) for each in maps]
        self._place(node)
        if origin:
            self.builder.at(node.name, origin.scope, origin.source)
        settings = {"reason": reason}
        value = self.builder.add("opaque", inputs, (), settings, axes=())
        made = self.builder.operations[value.operation]
        for output in node.outputs:
            failed = Failed(value, reason, made.source, made.scope)
            self.values[self._redirected.get(output, output)] = failed

    def _name(self, name: str) -> str:
        while name in self._aliases:
            name = self._aliases[name]
        return name

    # ---- what readers ask for ----

    def read_branch(self, branch: Branch) -> list[Result]:
        """Read a network within this one, and give its results."""
        self.values.update(branch.tensors)
        for node in branch.nodes:
            self.makers |= dict.fromkeys(node.outputs, node)
            self._read(node)
        return [self.values[self._name(each)] for each in branch.outputs]

    def alias(self, output: str, name: str) -> None:
        """Say that an output is the value of another name."""
        if output != name:
            self._aliases[output] = name

    def give_as(self, output: str, later: Node) -> None:
        """Say that a result stands under the name of a later operator's, with which it was read."""
        self._redirected[output] = later.outputs[0]
        self.taken.add(id(later))

    def value(self, name: str) -> Value:
        """The map of a name; element-wise operators before it are told together now.

        Raises:
            NoForm: It is a constant.
        """
        found = self.values.get(name)
        if isinstance(found, Value):
            return found
        if isinstance(found, Failed):
            return found.value
        if not isinstance(found, Function):
            raise NoForm("it computes with numbers that do not come from the image")
        made = self._tell(found)
        if isinstance(made, Failed):
            self.values[name] = made
            return made.value
        self.values[name] = made
        return made

    def _tell(self, function: Function) -> Value | Failed:
        before = self.builder.place
        try:
            for base, values in function.forms.items():
                known = find_activation(values)
                if known is not None:
                    x = self.value(base)
                    self._place(function.node)
                    return self.builder.same("activation", x, {"function": known})
            for base, values in function.forms.items():
                factor = find_factor(values)
                if factor is not None:
                    x = self.value(base)
                    self._place(function.node)
                    return self.builder.scale(x, round(factor, 7))
            self._place(function.node)
            return function.otherwise()
        except NoForm as error:
            self._fail(function.node, str(error))
            name = function.node.outputs[0]
            failed = self.values[self._redirected.get(name, name)]
            assert isinstance(failed, Failed)
            return failed
        finally:
            self.builder.at(*before)

    def constant(self, name: str) -> NDArray[Any] | None:
        """The numbers of a name; None: it comes from the image."""
        found = self.values.get(name)
        return found if isinstance(found, np.ndarray) else None

    def number(self, name: str) -> float | None:
        """The one number of a name; None: there are more, or it comes from the image."""
        found = self.constant(name)
        return float(found.reshape(-1)[0]) if found is not None and found.size == 1 else None

    def whole_numbers(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers, such as axes or sizes.

        Raises:
            NoForm: It comes from the image, or is no such list.
        """
        found = self.constant(name)
        if found is None or found.dtype.kind not in "iu" or found.size > 64:
            raise NoForm(f"its setting {quote(name[:60])} is not a constant list of whole numbers")
        return tuple(int(each) for each in found.reshape(-1))

    def sizes(self, name: str) -> tuple[int, ...]:
        """The shape of a map with the batch, as it lies; element-wise operators change none."""
        found = self.values.get(name)
        while isinstance(found, Function):
            found = self.values.get(next(iter(found.forms)))
        if not isinstance(found, Value):
            raise NoForm(NO_MAP)
        return (self.batch, *self.builder.sizes_of(found))

    def forms(self, name: str) -> dict[str, Numbers]:
        """What a value is a function of, itself first."""
        if self.depth(name) >= _MAX_UNTOLD:
            self.value(name)
        found = self.values.get(name)
        more = found.forms if isinstance(found, Function) else {}
        return dict(list({name: POINTS, **more}.items())[:_MANY_FORMS])

    def function(self, forms: Mapping[str, Numbers], node: Node, otherwise: Callable[[], Value]) -> Function:
        """The result of an element-wise operator, with the forms that it has."""
        return Function(forms, node, otherwise, 1 + max(map(self.depth, node.inputs)))

    def depth(self, name: str) -> int:
        """How many values stand behind one another that are not told yet."""
        found = self.values.get(name)
        return found.depth if isinstance(found, Function) else 0

    def only_user(self, name: str) -> Node | None:
        """The one operator that reads a value, where nothing else does."""
        users = self.users.get(name, [])
        return users[0] if len(users) == 1 and name not in self.file.outputs else None

    def keep(self, key: str, numbers: NDArray[Any]) -> str:
        """Take over a tensor under a key; gives the key.

        Writers of files keep equal tensors once, zeros above all: a bias or a norm's tensor has a copy for each layer.

        Raises:
            NoForm: It holds whole numbers.
        """
        import torch

        if key in self.tensors:
            if numbers.ndim > 1:
                return key
            key = next(name for count in range(2, 10**6) if (name := f"{key} ({count})") not in self.tensors)
        if numbers.dtype.name == "bfloat16":
            tensor = torch.from_numpy(np.ascontiguousarray(numbers).view(np.int16).copy()).view(torch.bfloat16)
        elif numbers.dtype.name in ("float16", "float32", "float64"):
            tensor = torch.from_numpy(np.array(numbers))
        else:
            raise NoForm(f"its weights are numbers of type {numbers.dtype.name}")
        self.tensors[key] = tensor
        return key

    def end_with(self, name: str, note: str) -> None:
        """Take a value that stands before the file's last operators for the scores."""
        self._scores = name
        self.notes.append(note)


def _choose_shape(sizes: Sequence[int | None], wanted: tuple[int, int, int] | None) -> tuple[int, int, int]:
    told = "×".join("free" if each is None else str(each) for each in sizes)
    if wanted is not None and any(a is not None and a != b for a, b in zip(sizes, wanted, strict=True)):
        raise ImportingError(f"the file takes images of {told}, not of {'×'.join(map(str, wanted))}")
    shape = wanted or tuple(sizes)
    if any(each is None for each in shape):
        channels = sizes[0]
        raise FreeSizeError(
            f"the file leaves the size of its images free ({told}); say which one is meant, such as "
            f"{channels or 3}x224x224 (--input on the command line)", channels,
        )  # fmt: skip
    if any(not 0 < each <= 8192 for each in shape):  # type: ignore[operator]
        raise ImportingError(f"the file takes images of {told}; at most 8192 a side are read")
    return shape  # type: ignore[return-value]
