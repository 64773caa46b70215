"""Graph → graph: what several operators do together becomes the one operation that it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ._graph import POINTWISE, Graph, Operation

_BY_ELEMENT = {"sigmoid": "silu", "hard_sigmoid": "hard_swish"}
"""x · f(x) by f."""
NORMS = ("layer_norm", "group_norm", "batch_norm")


def simplify(graph: Graph) -> Graph:
    """Rewrite a graph so that as much as possible of it is operations that the algebra has.

    Args:
        graph: As a reader gives it.

    Returns:
        A graph that computes the same, without operations that nothing depends on.
    """
    for rewrite in (
        _join_gated, _find_channel_attention, _take_vectors_as_maps, _merge_scales, _merge_padding, _share_prefixes,
    ):  # fmt: skip
        graph = _sweep(rewrite(graph))
    return graph


def users_of(operations: Sequence[Operation]) -> dict[str, list[Operation]]:
    """For each value the operations that read it.

    Args:
        operations: Of a graph.

    Returns:
        Lists by the name of the value; an operation that reads it twice stands there twice.
    """
    users: dict[str, list[Operation]] = defaultdict(list)
    for each in operations:
        for name in each.inputs:
            users[name].append(each)
    return users


def _rebuild(graph: Graph, changed: Mapping[str, Operation | None], renamed: Mapping[str, str]) -> Graph:
    """Operations exchanged or left out, and values read under other names."""

    def final(name: str) -> str:
        while name in renamed:
            name = renamed[name]
        return name

    operations = []
    for each in graph.operations:
        other = changed.get(each.name, each)
        if other is not None:
            operations.append(replace(other, inputs=tuple(final(name) for name in other.inputs)))
    return replace(graph, operations=tuple(operations), output=final(graph.output))


def _sweep(graph: Graph) -> Graph:
    """Without what the result does not depend on."""
    needed, kept = {graph.output}, []
    for each in reversed(graph.operations):
        if each.name in needed:
            needed.update(each.inputs)
            kept.append(each)
    return replace(graph, operations=tuple(reversed(kept)))


def _join_gated(graph: Graph) -> Graph:
    """x · sigmoid(x) is SiLU, x · hard_sigmoid(x) hard swish."""
    by_name, users = {each.name: each for each in graph.operations}, users_of(graph.operations)
    changed: dict[str, Operation | None] = {}
    for each in graph.operations:
        if each.kind != "multiply" or len(each.inputs) != 2:
            continue
        for x, gate in (each.inputs, each.inputs[::-1]):
            inner = by_name.get(gate)
            if inner is None or inner.kind != "activation" or inner.inputs != (x,) or len(users[gate]) != 1:
                continue
            function = _BY_ELEMENT.get(inner.settings["function"])
            if function:
                changed[each.name] = replace(each, kind="activation", inputs=(x,), settings={"function": function})
                changed[gate] = None
                break
    return _rebuild(graph, changed, {})


def _find_channel_attention(graph: Graph) -> Graph:
    """x · sigmoid(a convolution over the means of x's channels) is efficient channel attention."""
    by_name, users = {each.name: each for each in graph.operations}, users_of(graph.operations)
    changed: dict[str, Operation | None] = {}
    for each in graph.operations:
        if each.kind != "channel_conv":
            continue
        mean = by_name.get(each.inputs[0])
        while mean is not None and mean.kind in ("reshape", "flatten"):
            mean = by_name.get(mean.inputs[0])
        if mean is None or mean.kind != "adaptive_pool" or mean.settings != {"kind": "avg", "output_size": (1, 1)}:
            continue
        behind, sigmoids = each, 0
        while len(users[behind.name]) == 1:
            (behind,) = users[behind.name]
            is_sigmoid = behind.kind == "activation" and behind.settings["function"] == "sigmoid"
            sigmoids += is_sigmoid
            if not is_sigmoid and behind.kind != "reshape":
                break
        if behind.kind == "multiply" and sigmoids == 1 and mean.inputs[0] in behind.inputs:
            changed[behind.name] = replace(
                behind, kind="channel_attention", inputs=mean.inputs, settings=each.settings, tensors=each.tensors
            )
    return _rebuild(graph, changed, {})


def _take_vectors_as_maps(graph: Graph) -> Graph:
    """A vector between a flattening of 1×1 maps and a gate of 1×1 stays a map, and its linear layers 1×1 convolutions;
    norms of such a vector come before the flattening."""
    graph = _copy_for_each_user(graph, "flatten")
    while True:
        by_name, users = {each.name: each for each in graph.operations}, users_of(graph.operations)
        step = _next_step(graph, by_name, users)
        if step is None:
            return graph
        graph = step


def _next_step(graph: Graph, by_name: dict[str, Operation], users: dict[str, list[Operation]]) -> Graph | None:
    for each in graph.operations:
        if each.kind != "flatten":
            continue
        before = by_name[each.inputs[0]].shape if each.inputs[0] in by_name else graph.input_shape
        after = users[each.name]
        if len(before) != 3 or before[1:] != (1, 1) or len(after) != 1:
            continue
        (user,) = after
        if user.kind == "reshape" and user.shape == before:
            before_it = each.inputs[0]
            return _rebuild(graph, {each.name: None, user.name: None}, {user.name: before_it, each.name: before_it})
        leads = user.kind in ("linear", "activation", "dropout") and _leads_on(user, users)
        if user.kind in NORMS or leads:
            shape = (user.shape[0], 1, 1)
            settings = dict(user.settings)
            kind = user.kind
            if kind == "linear":
                kind = "conv"
                settings = dict(POINTWISE)
            first = replace(user, kind=kind, inputs=each.inputs, shape=shape, settings=settings)
            second = replace(each, inputs=(user.name,), shape=user.shape)
            operations = []
            for other in graph.operations:
                if other.name == each.name:
                    continue
                if other.name == user.name:
                    operations += [first, second]
                    continue
                reads = tuple(each.name if name == user.name else name for name in other.inputs)
                operations.append(replace(other, inputs=reads))
            output = each.name if graph.output == user.name else graph.output
            return replace(graph, operations=tuple(operations), output=output)
    return None


def _leads_on(operation: Operation, users: dict[str, list[Operation]]) -> bool:
    """Whether a chain of operations on a vector leads to a norm, or to where it becomes a map again."""
    while True:
        after = users[operation.name]
        if len(after) != 1:
            return False
        (operation,) = after
        if operation.kind == "reshape":
            return len(operation.shape) == 3
        if operation.kind in NORMS:
            return True
        if operation.kind not in ("linear", "activation", "dropout"):
            return False


def _merge_scales(graph: Graph) -> Graph:
    """A factor and the summand behind it, both for each channel or both for all, are one scale; two numbers are one."""
    by_name, users = {each.name: each for each in graph.operations}, users_of(graph.operations)
    changed: dict[str, Operation | None] = {}
    renamed: dict[str, str] = {}
    for each in graph.operations:
        before = by_name.get(each.inputs[0]) if each.kind == "scale" and "weight" not in each.tensors else None
        if before is None or before.kind != "scale" or len(users[before.name]) != 1 or before.name in changed:
            continue
        if not each.tensors and not before.tensors:
            factor = each.settings["factor"] * before.settings["factor"]
            changed |= {before.name: None, each.name: replace(each, settings={"factor": factor})}
            renamed[before.name] = before.inputs[0]
            continue
        weight, bias = before.tensors.get("weight"), each.tensors.get("bias")
        if bias is None or "bias" in before.tensors:
            continue
        if weight and graph.tensors[weight].numel() != graph.tensors[bias].numel():
            continue
        changed[before.name] = None
        renamed[before.name] = before.inputs[0]
        changed[each.name] = replace(each, settings=before.settings, tensors={**before.tensors, "bias": bias})
    return _rebuild(graph, changed, renamed)


def _copy_for_each_user(graph: Graph, kind: str) -> Graph:
    """Each operation that reads such a value gets one of its own; what it does costs nothing."""
    by_name, users = {each.name: each for each in graph.operations}, users_of(graph.operations)
    operations = []
    for each in graph.operations:
        reads = []
        for number, name in enumerate(each.inputs):
            source = by_name.get(name)
            if source is not None and source.kind == kind and len(users[name]) > 1:
                operations.append(replace(source, name=f"{name}_for_{each.name}_{number}"))
                name = operations[-1].name
            reads.append(name)
        operations.append(replace(each, inputs=tuple(reads)))
    return _sweep(replace(graph, operations=tuple(operations)))


def _is_positive(graph: Graph, name: str) -> bool:
    """Whether no number of a value is below 0, as far as its last operations tell."""
    by_name = {each.name: each for each in graph.operations}
    while name in by_name:
        operation = by_name[name]
        if operation.kind == "activation":
            return operation.settings["function"] in ("relu", "relu6", "sigmoid", "hard_sigmoid")
        if operation.kind not in ("max_pool", "avg_pool", "adaptive_pool", "slice", "dropout"):
            return False
        name = operation.inputs[0]
    return False


def _merge_padding(graph: Graph) -> Graph:
    """Padding by zeros is the convolution's own, or the average's; by -inf the maximum's, or by zeros above 0."""
    graph = _copy_for_each_user(graph, "pad")
    users = users_of(graph.operations)
    changed: dict[str, Operation | None] = {}
    renamed: dict[str, str] = {}
    for each in graph.operations:
        if each.kind != "pad" or len(users[each.name]) != 1:
            continue
        (user,) = users[each.name]
        value = {"conv": 0.0, "avg_pool": 0.0, "max_pool": float("-inf")}.get(user.kind)
        above = user.kind == "max_pool" and each.settings["value"] == 0 and _is_positive(graph, each.inputs[0])
        if value is None or (each.settings["value"] != value and not above):
            continue
        own = user.settings["padding"]
        exact = all(
            (size - kernel) % stride == 0
            for size, kernel, stride in zip(
                each.shape[1:], user.settings["kernel_size"], user.settings["stride"], strict=True
            )
        )
        if user.kind != "conv" and (any(map(any, own)) or (user.settings.get("ceil_mode") and not exact)):
            continue  # its own padding counts otherwise
        sides = tuple(
            (a + c, b + d) for (a, b), (c, d) in zip(own, each.settings["padding"], strict=True)
        )
        settings = {**user.settings, "padding": sides}
        if user.kind != "conv":
            settings["ceil_mode"] = False
        if user.kind == "avg_pool":
            settings["count_include_pad"] = True
        changed[user.name] = replace(user, settings=settings)
        changed[each.name] = None
        renamed[each.name] = each.inputs[0]
    return _rebuild(graph, changed, renamed)


def _share_prefixes(graph: Graph) -> Graph:
    """cat[a, b, c] is cat[cat[a, b], c] where cat[a, b] is there: a dense block is one step after another."""
    known: dict[tuple[str, ...], str] = {}
    operations = []
    for each in graph.operations:
        other = each
        if each.kind == "concat":
            for count in range(len(each.inputs) - 1, 1, -1):
                prefix = known.get(each.inputs[:count])
                if prefix:
                    other = replace(each, inputs=(prefix, *each.inputs[count:]))
                    break
            known.setdefault(each.inputs, each.name)
        operations.append(other)
    return replace(graph, operations=tuple(operations))
