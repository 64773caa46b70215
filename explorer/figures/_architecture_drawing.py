"""A block, or a whole network opened, as a drawing for print."""

from __future__ import annotations

from collections.abc import Sequence

from ..analysis import Analysis, analyze
from ..architecture import Architecture, edit
from ..text import format_count, format_shape, format_si, shorten
from ._drawing import Drawing, Polyline, Shape, draw_arrow, shift
from ._pieces import GAP, Pencil, Piece, draw_box, frame, stack
from ._repeats import Twins, find_repeats

PAGE_WIDTH, PAGE_HEIGHT = 504.0, 648.0
"""The type area of a page in pt: 7 by 9 inches."""
_LEGIBLE, _HARDLY_LEGIBLE = 0.6, 0.5
"""A picture that must shrink to less than this to fit a page is drawn with less in it; before blocks are closed, it may
shrink a little more."""
_ALIKE = "Blocks in a row that differ in their channels alone are drawn once, with the least and the most."
_MARGIN, _COLUMN = 4.0, 16.0
_STAGES, _LAYERS = 3, 6
"""A sequence of so many blocks, or of more layers, is no block but a part of the trunk."""
_SIGNS = (
    "From the bottom to the top. Boxes: kernel, /stride, d: dilation, g: groups, dw: depthwise; output as "
    "channels × height × width; ×n: n times in a row. Normalisation and activation after a convolution are not drawn."
)


def draw_block(architecture: Architecture, path: str) -> Drawing:
    """Draw one block opened: its lanes side by side, the input at the bottom.

    Args:
        architecture: The network.
        path: Path of the block, or of any other node.

    Returns:
        The drawing, at the size at which its letters have 6 and 7 pt.

    Raises:
        ArchitectureError: There is no node at ``path``, or the layers do not fit together.
    """
    node = edit.find(architecture, path)
    analysis = analyze(architecture)
    layers = analysis.below(path)
    pencil = Pencil(analysis)
    body = pencil.chain([((f"{path}/{child.name}", child),) for child in node.nodes]) if node.op == "auxiliary" else (
        pencil.draw(((path, node),))
    )  # fmt: skip
    first = layers[0].input_shape if layers else ()
    if layers and node.child_field:  # a parallel's own row comes behind its branches and reads what they read
        first = next(layer.input_shape for layer in layers if layer.path != path or len(layers) == 1)
    pieces = [draw_box("input", format_shape(first) if first else "", ""), body]
    macs, params = sum(layer.macs for layer in layers), sum(layer.params for layer in layers)
    cost = f"{path}: {format_si(macs)} MACs, {format_si(params)} parameters."
    return _arrange([pieces], f"{architecture.name}, {path}", f"{cost} {_SIGNS}")


def draw_network(architecture: Architecture) -> Drawing:
    """Draw a whole network, its blocks opened, in columns from left to right.

    Blocks that repeat are drawn once, with their number. Where the picture would still be too large for a page, blocks
    that differ in their channels alone are drawn once, too, and after that blocks are closed; the caption says so.

    Args:
        architecture: The network.

    Returns:
        The drawing, at the size at which its letters have 6 and 7 pt.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    analysis = analyze(architecture)
    steps: list[Twins] = [((path, node),) for each in architecture.trunk.nodes for path, node in _open(each, each.name)]
    start = draw_box("input", format_shape(architecture.input_shape), "")
    total = f"{architecture.name}: {format_si(analysis.macs)} MACs, {format_count(analysis.params)} parameters."
    opened = None
    for pencil, note, least in (
        (Pencil(analysis), "", _LEGIBLE),
        (Pencil(analysis, is_alike=True), _ALIKE, _HARDLY_LEGIBLE),
        (None, "Blocks are closed: each is a box with its name.", 0),
    ):
        pieces = _draw_steps(steps, analysis, pencil)
        opened = opened or pieces
        told = (total, _SIGNS, note if pieces != opened else "")
        drawing = _arrange(_wrap([start, *pieces]), architecture.name, " ".join(filter(None, told)))
        if _shrink(drawing.width, drawing.height) >= least:
            break
    return drawing


def _open(node: object, path: str) -> list[tuple[str, object]]:
    """The nodes of the trunk that have a frame or a box of their own."""
    children = getattr(node, "nodes", ())
    blocks = sum(bool(child.child_field) for child in children)
    if getattr(node, "op", "") == "sequence" and (blocks >= _STAGES or len(children) > _LAYERS):
        return [each for child in children for each in _open(child, f"{path}/{child.name}")]
    return [(path, node)]


def _draw_steps(steps: Sequence[Twins], analysis: Analysis, pencil: Pencil | None) -> list[Piece]:
    """The trunk as pieces that may stand in different columns; without a pencil its blocks are closed."""
    pieces = []
    closing = pencil or Pencil(analysis, is_alike=True)
    for unit, count in find_repeats(steps, analysis, is_alike=closing.is_alike):
        first, last = unit[0][0], unit[-1][-1]
        is_block = any(bool(twins[0][1].child_field) and twins[0][1].op != "auxiliary" for twins in unit)
        drawn = [
            closing.close(twins) if pencil is None and _is_closed(twins) else closing.draw(twins) for twins in unit
        ]
        name = _tail(first[0]) if first[0] == last[0] else f"{_tail(first[0])} … {shorten(last[1].name, 20)}"
        framed = (is_block and pencil is not None) or count > 1
        pieces.append(frame(stack(drawn), name if is_block else "", count) if framed else stack(drawn))
    return [piece for piece in pieces if piece.height]


def _tail(path: str) -> str:
    """The end of a path, by which a block is known."""
    return "/".join(shorten(name, 20) for name in path.split("/")[-2:])


def _is_closed(twins: Twins) -> bool:
    return bool(twins[0][1].child_field) and twins[0][1].op != "auxiliary"


def _shrink(width: float, height: float) -> float:
    """The factor with which a picture fits a page, upright or lying."""
    return max(min(1.0, w / width, h / height) for w, h in ((PAGE_WIDTH, PAGE_HEIGHT), (PAGE_HEIGHT, PAGE_WIDTH)))


def _wrap(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Columns that let the picture shrink least; the fewer of them, the better."""
    whole = sum(piece.height + GAP for piece in pieces)
    best: tuple[float, list[list[Piece]]] = (0.0, [])
    for count in range(1, min(len(pieces), 16) + 1):
        limit = max(whole / count, *(piece.height for piece in pieces))
        columns: list[list[Piece]] = [[]]
        room = 0.0
        for piece in pieces:
            if columns[-1] and room + piece.height / 2 > limit:
                columns.append([])
                room = 0.0
            columns[-1].append(piece)
            room += piece.height + GAP
        built = [stack(column) for column in columns]
        width = sum(column.left + column.right + _COLUMN for column in built)
        shrink = _shrink(width, max(column.height for column in built) + 2 * GAP)
        if shrink > best[0] * 1.02:
            best = (shrink, columns)
    return best[1]


def _arrange(columns: Sequence[Sequence[Piece]], title: str, caption: str) -> Drawing:
    """Columns side by side; from the top of one a line leads to the foot of the next."""
    built = [stack(column) for column in columns]
    shapes: list[Shape] = []
    x = 0.0
    end: tuple[float, float, float] | None = None
    for column, piece in zip(built, columns, strict=True):
        axis = x + column.left
        if end is not None:
            before, top, gutter = end
            points = ((before, top), (before, top - GAP), (gutter, top - GAP), (gutter, GAP), (axis, GAP), (axis, 0.0))
            shapes += [Polyline(points=points)] if piece[0].is_open else draw_arrow(*points)
        shapes += column.moved(axis, 0)
        x = axis + column.right + _COLUMN
        end = (axis, -column.height, x - _COLUMN / 2)
    high = max(column.height for column in built)
    over = GAP if len(built) > 1 else 0.0
    placed = tuple(shift(shape, _MARGIN, _MARGIN + over + high) for shape in shapes)
    width, height = x - _COLUMN + 2 * _MARGIN, high + 2 * over + 2 * _MARGIN
    return Drawing(width=round(width, 2), height=round(height, 2), shapes=placed, title=title, caption=caption)
