"""What every kind of node has: a name, children or none, and facts that are worked out once."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any, ClassVar

from pydantic import ConfigDict

from ._fields import Name, NormKind, pair
from ._value import Value


class NodeBase(Value):
    """A node of an architecture: it has a name and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    child_field: ClassVar[str | None] = None
    """The field that holds child nodes, for containers."""

    name: Name
    """Unique among its siblings; letters, digits and underscores."""

    @property
    def weighted_depth(self) -> int:
        """Layers with weights on the longest path through the node; 0 unless its kind says otherwise."""
        return 0

    @property
    def norm_kind(self) -> NormKind:
        """What normalises within the node itself; 'none' unless its kind says otherwise."""
        return "none"

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of branches that weigh the others as attention does; () unless its kind says otherwise."""
        return ()

    @property
    def nodes(self) -> tuple[Any, ...]:
        """Child nodes in execution order, () for a leaf."""
        return ()

    @property
    def plan(self) -> Any:
        """What the analysis is handed of the node: the node itself, unless its kind has the numbers ready."""
        return self

    @cached_property
    def extent(self) -> tuple[int, int]:
        """(nodes below this one, containers with children that nest below it), counted once a node as the hash is."""
        count = depth = 0
        for child in self.nodes:
            inner, deep = child.extent
            count += 1 + inner
            depth = max(depth, 1 + deep if child.nodes else 0)
        return count, depth

    @cached_property
    def meaning(self) -> dict[str, Any]:
        """The settings; what can be written in two ways in one of them: an output size of 1 is (1, 1)."""
        values = settings_of(self)
        if "bias" in values:
            values["bias"] = getattr(self, "has_bias", values["bias"])
        if "output_size" in values:
            values["output_size"] = pair(values["output_size"])
        return values

    @cached_property
    def structure(self) -> int:
        """A hash of what the node does, whatever it and the nodes in it are called."""
        return hash((*self.meaning.values(), *(child.structure for child in self.nodes)))

    def with_nodes(self, nodes: tuple[Any, ...]) -> Any:  # noqa: ARG002
        """Put other children into the same container, which is validated anew.

        Args:
            nodes: The children in order.

        Returns:
            The new container.

        Raises:
            TypeError: The node is a leaf.
            ValueError: The children break a rule of the container.
        """
        raise TypeError(f"a {type(self).__name__} has no children")

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Computed once a node: edits share unchanged subtrees, so hashing a large architecture stays cheap.
        return hash((type(self), tuple(self.__dict__.get(field) for field in type(self).model_fields)))


def settings_of(node: NodeBase) -> dict[str, Any]:
    """Collect the fields of a node except its name and its children.

    Args:
        node: Any node.

    Returns:
        Values by field name, ``op`` included.
    """
    values = node.__dict__
    return {name: values[name] for name in _setting_names(type(node))}


@cache
def _setting_names(kind: type[NodeBase]) -> tuple[str, ...]:
    return tuple(name for name in kind.model_fields if name not in (kind.child_field, "name"))
