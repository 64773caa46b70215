"""What may vary in a given network, derived from its blocks and layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, cast

from ..analysis import repair
from ..architecture import Architecture, ArchitectureError, Conv, Linear, Parallel, Residual, edit, walk
from ..experiments import factor_edits as edits
from ..text import quote, suggest
from ..training import TrainConfig
from ._space import GROUPS, MAX_DIMENSIONS, Dimension, Group, Space, Value

_WIDTHS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
_KERNELS, _DILATIONS = (3, 5, 7), (1, 2, 3)
_ATTENTION = ("none", "se", "cbam")
_REPEATS = (1, 2, 3)
_RATES = tuple(10 ** (quarter / 4) for quarter in range(-4, 5))
_BATCHES = (0.25, 0.5, 1, 2, 4)
_AUGMENTATION: dict[str, tuple[Value, ...]] = {
    "flip": (False, True), "crop": (0, 2, 4), "rotate": (0.0, 10.0, 20.0), "mixup": (0.0, 0.2),
    "rand_augment": (0, 1, 2),
}  # fmt: skip
_REASONS: dict[Group, str] = {
    "widths": "it has no layer beside its classifier whose width could change",
    "kernels": "it has no convolution with an odd window above 1×1",
    "dilations": "no convolution with a window above 1×1 keeps the size of its map",
    "branches": "it has no block of several branches",
    "residual": "it has neither a shortcut nor a block that could take one",
    "attention": "it has no block that could end with it",
    "depth": "it has nothing to repeat: no block, no residual, and no convolution that keeps the size of its map",
}
_Kind = TypeVar("_Kind")


def find_groups(words: Iterable[str]) -> tuple[Group, ...]:
    """Find groups by their words.

    Args:
        words: Such as 'widths'; each once.

    Returns:
        The groups, in the order of ``GROUPS``.

    Raises:
        ValueError: There is none of a word, or no word.
    """
    given = [word.strip() for word in words if word.strip()]
    for word in given:
        if word not in GROUPS:
            raise ValueError(f"vary: there is nothing called {quote(word)} to vary; {suggest(word, GROUPS)}")
    if not given:
        raise ValueError(f"vary: name at least one of {', '.join(GROUPS)}")
    return tuple(group for group in GROUPS if group in given)


def derive_space(network: Architecture, config: TrainConfig, groups: Iterable[Group]) -> Space:
    """Derive what may vary in a network.

    Widths vary branch by branch within blocks, elsewhere column by column; kernels and dilations layer by layer; all
    else block by block.

    Args:
        network: The network; its layers fit together.
        config: How it is trained.
        groups: What may vary.

    Returns:
        The space, of which the network as it is given is a point.

    Raises:
        ValueError: Nothing of a group can vary in this network, or there are too many dimensions.
    """
    dimensions: list[Dimension] = []
    for group in groups:
        found = list(_FINDERS[group](network, config))
        if not found:
            raise ValueError(f"vary: {group} cannot vary in {quote(network.name)}: {_REASONS[group]}; leave it out")
        dimensions += found
    if len(dimensions) > MAX_DIMENSIONS:
        raise ValueError(
            f"vary: {len(dimensions):,} things could vary in {quote(network.name)}; at most {MAX_DIMENSIONS} are "
            f"allowed: vary less, such as depth and attention alone"
        )
    return Space(network=network, config=config, dimensions=tuple(dimensions))


def _dimension(group: Group, path: str, values: Iterable[Value], given: Value) -> Dimension:
    """With the given value among the others, in order where they are numbers."""
    known = list(dict.fromkeys([*values, given]))
    if not any(isinstance(value, bool | str) for value in known):
        known.sort(key=cast("Callable[[Value], float]", float))
    return Dimension(group=group, path=path, values=tuple(known), given=known.index(given))


def _columns(network: Architecture) -> dict[str, Any]:
    return {path: node for path, node in edit.columns(network).items() if node.op != "auxiliary"}


def _layers(network: Architecture, kind: type[_Kind]) -> Iterator[tuple[str, str, _Kind]]:
    """(column, path, layer) of all layers of a kind; auxiliary heads and classifiers stay as they are."""
    classifiers = set(edit.classifiers(network))
    for column, node in _columns(network).items():
        heads: tuple[str, ...] = ()
        for path, each in [(column, node), *walk(node, column)]:
            if each.op == "auxiliary":
                heads += (f"{path}/",)
            elif isinstance(each, kind) and path not in classifiers and not path.startswith(heads):
                yield column, path, each


def _widths(network: Architecture, _: TrainConfig) -> Iterator[Dimension]:
    branches = tuple(_branches(network))
    found: dict[str, None] = {}
    layers = [*_layers(network, Conv), *_layers(network, Linear)]
    for column, path, layer in layers:
        if not isinstance(layer, Conv) or isinstance(layer.out_channels, int):
            inside = next((each for each in branches if path == each or path.startswith(f"{each}/")), column)
            found[inside] = None
    for path in found:
        yield _dimension("widths", path, _WIDTHS, 1.0)


def _branches(network: Architecture) -> Iterator[str]:
    """The branches of blocks that have several."""
    for block in edit.blocks(network):
        parallel = edits.parallel_path(network, block)
        branches = edit.find(network, parallel).branches
        if len(branches) > 1:
            yield from (f"{parallel}/{branch.name}" for branch in branches)


def _kernels(network: Architecture, _: TrainConfig) -> Iterator[Dimension]:
    for column, path, conv in _layers(network, Conv):
        beside = any(isinstance(each, Parallel | Residual) for _, each in walk(edit.find(network, column), ""))
        beside = beside or isinstance(edit.find(network, column), Parallel | Residual)
        if beside and not edits.is_padded_to_size(conv):
            continue  # its map would no longer be as large as those beside it
        sizes = {size for size in conv.geometry.kernel if size > 1}
        if len(sizes) == 1 and (own := sizes.pop()) % 2:
            yield _dimension("kernels", path, _KERNELS, own)


def _dilations(network: Architecture, _: TrainConfig) -> Iterator[Dimension]:
    for _column, path, conv in _layers(network, Conv):
        g = conv.geometry
        if g.kernel != (1, 1) and g.stride == (1, 1) and len(set(g.dilation)) == 1 and edits.is_padded_to_size(conv):
            yield _dimension("dilations", path, _DILATIONS, g.dilation[0])


def _switches(network: Architecture, _: TrainConfig) -> Iterator[Dimension]:
    for path in _branches(network):
        yield _dimension("branches", path, (False, True), True)


def _residuals(network: Architecture, _: TrainConfig) -> Iterator[Dimension]:
    blocks = edit.blocks(network)
    for column, node in _columns(network).items():
        has = any(isinstance(each, Residual) for _, each in [("", node), *walk(node)])
        if has or (column in blocks and _works(lambda: edit.set_residual(network, column, "identity"))):  # noqa: B023
            yield _dimension("residual", column, (False, True), has)


def _works(change: Callable[[], Architecture]) -> bool:
    try:
        repair(change())
    except ArchitectureError:  # such as a shortcut around a block that crops its input
        return False
    return True


def _attentions(network: Architecture, _: TrainConfig) -> Iterator[Dimension]:
    for column in _columns(network):
        blocks = edits.find_blocks(network, column)
        if blocks:
            path = edit.attention_of(network, blocks[0])
            yield _dimension("attention", column, _ATTENTION, edit.find(network, path).kind if path else "none")


def _depths(network: Architecture, _: TrainConfig) -> Iterator[Dimension]:
    """The last block of each column, or a convolution that stands alone."""
    classifiers = edit.classifiers(network)
    for column, node in _columns(network).items():
        blocks = edits.find_blocks(network, column)
        path = blocks[-1] if blocks else column
        node = edit.find(network, path)
        strided = edits.has_stride(node)
        if isinstance(node, Residual) or (blocks and not strided):
            yield _dimension("depth", path, _REPEATS if strided else (0, *_REPEATS), 1)
        elif isinstance(node, Conv) and not strided and edits.is_padded_to_size(node) and column not in classifiers:
            yield _dimension("depth", path, _REPEATS, 1)


def _rates(_: Architecture, config: TrainConfig) -> Iterator[Dimension]:
    rates = (float(f"{config.lr * factor:.3g}") for factor in _RATES if factor != 1)
    yield _dimension("rate", "lr", [rate for rate in rates if 0 < rate <= 1000], config.lr)


def _batches(_: Architecture, config: TrainConfig) -> Iterator[Dimension]:
    sizes = (round(config.batch_size * factor) for factor in _BATCHES)
    yield _dimension("batch", "batch_size", [s for s in sizes if config.parts <= s <= 65_536], config.batch_size)


def _augmentation(_: Architecture, config: TrainConfig) -> Iterator[Dimension]:
    for setting, values in _AUGMENTATION.items():
        yield _dimension("augmentation", setting, values, getattr(config, setting))


_FINDERS: dict[Group, Callable[[Architecture, TrainConfig], Iterator[Dimension]]] = {
    "widths": _widths,
    "kernels": _kernels,
    "dilations": _dilations,
    "branches": _switches,
    "residual": _residuals,
    "attention": _attentions,
    "depth": _depths,
    "rate": _rates,
    "batch": _batches,
    "augmentation": _augmentation,
}
