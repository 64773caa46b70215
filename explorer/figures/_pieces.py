"""Nodes as pieces of a drawing, from the input at the bottom upwards: boxes, lanes side by side, joints, frames.

A piece has its input at (0, 0) and its output at (0, -height). What is drawn once may stand for several equal nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..analysis import Analysis, projection_stride
from ..text import format_count, format_extent, format_shape, shorten
from ._colours import kind_of
from ._diagram import kind_of_node
from ._drawing import Polyline, Rectangle, Shape, Text, draw_arrow, measure_text, shift
from ._kinds import look_of
from ._repeats import Twins, find_repeats

TITLE, REMARK = 7.0, 6.0
GAP = 8.0
"""Between one box and the next, in pt; an arrow stands in it."""
_TALL, _LOW, _PAD = 21.0, 12.0, 4.0
_BUS, _LANES, _SIGN = 4.0, 7.0, 5.0
"""From where the input splits to the line that joins the lanes; between two lanes; radius of the sign of a sum."""
_FRAME, _HEAD = 6.0, 9.0
_TINT = 16


@dataclass(frozen=True)
class Piece:
    """A part of the drawing and the room that it takes, in pt."""

    left: float
    """From the axis, on which input and output lie, to the left edge."""
    right: float
    """From the axis to the right edge."""
    height: float
    """0 for nothing but a line."""
    shapes: tuple[Shape, ...]
    """From the back to the front."""
    is_open: bool = False
    """Whether it begins with a line, at which no arrow ends."""

    def moved(self, right: float, down: float) -> list[Shape]:
        """Its shapes at another place."""
        return [shift(shape, right, down) for shape in self.shapes]


def draw_box(title: str, remark: str, kind: str, *, is_dashed: bool = False) -> Piece:
    """A box with a caption, a remark below it where there is one, and the colour of a kind; "" for none."""
    high = _TALL if remark else _LOW
    text = max(measure_text(title, TITLE, is_bold=bool(remark)), measure_text(remark, REMARK))
    half = text / 2 + _PAD
    fill, tint = (kind, _TINT) if kind else ("page", 100)
    shapes: list[Shape] = [
        Rectangle(x=-half, y=-high, width=2 * half, height=high, fill=fill, tint_percent=tint, stroke=kind or "soft",
                  radius=2, is_dashed=is_dashed),
        Text(x=0, y=-high + 8.6, text=title, size=TITLE, anchor="middle", is_bold=bool(remark)),
    ]  # fmt: skip
    if remark:
        shapes.append(Text(x=0, y=-4.4, text=remark, size=REMARK, anchor="middle", colour="soft"))
    return Piece(half, half, high, tuple(shapes))


def stack(pieces: Sequence[Piece]) -> Piece:
    """Pieces one after another, an arrow into each."""
    pieces = [piece for piece in pieces if piece.height]
    shapes: list[Shape] = []
    top = 0.0
    for number, piece in enumerate(pieces):
        if number:
            shapes += _lead(top, top - GAP, piece)
            top -= GAP
        shapes += piece.moved(0, top)
        top -= piece.height
    if not pieces:
        return Piece(0, 0, 0, ())
    left, right = max(piece.left for piece in pieces), max(piece.right for piece in pieces)
    return Piece(left, right, -top, tuple(shapes), is_open=pieces[0].is_open)


def _lead(y: float, end: float, piece: Piece, x: float = 0.0) -> list[Shape]:
    """A line upwards into a piece."""
    return [Polyline(points=((x, y), (x, end)))] if piece.is_open else draw_arrow((x, y), (x, end))


def frame(piece: Piece, name: str, count: int) -> Piece:
    """A piece within a frame that tells its name, and how often it comes one after another."""
    times = f"×{format_count(count)}" if count > 1 else ""
    named, counted = measure_text(name, REMARK), measure_text(times, TITLE, is_bold=True)
    left = max(piece.left + _FRAME, named + 2 * _PAD if name else 0)
    right = max(piece.right + _FRAME, counted + 2 * _PAD if times else 0)
    lead = _BUS if piece.is_open else GAP
    top = -(lead + piece.height + _FRAME + _HEAD)
    shapes: list[Shape] = [
        Rectangle(x=-left, y=top, width=left + right, height=-top, stroke="soft", stroke_width=0.5, radius=3,
                  is_dashed=True, fill="soft", tint_percent=5)
    ]  # fmt: skip
    shapes += _lead(0, -lead, piece)
    shapes += piece.moved(0, -lead)
    shapes.append(Polyline(points=((0, -lead - piece.height), (0, top))))
    if name:
        shapes.append(Text(x=-left + _PAD, y=top + _HEAD - 1, text=name, size=REMARK, colour="soft"))
    if times:
        shapes.append(Text(x=right - _PAD, y=top + _HEAD - 0.5, text=times, size=TITLE, anchor="end", is_bold=True))
    return Piece(left, right, -top, tuple(shapes), is_open=True)


@dataclass(frozen=True)
class Pencil:
    """Draws the nodes of one network."""

    analysis: Analysis
    is_alike: bool = False
    """Whether blocks that differ in their channels alone are drawn once, too."""

    def draw(self, twins: Twins) -> Piece:
        """A node, which may stand for others that are drawn just so.

        Args:
            twins: (path, node) of each.
        """
        node = twins[0][1]
        if node.op == "parallel":
            return self._lanes(twins)
        if node.op == "residual":
            return self._sum(twins)
        if node.op == "auxiliary":
            return self._tap(twins)
        return self.chain(below(twins)) if node.child_field else self._layer(twins)

    def chain(self, steps: Sequence[Twins]) -> Piece:
        """Nodes one after another; what repeats is drawn once, in a frame that says how often."""
        pieces = []
        for unit, count in find_repeats(steps, self.analysis, is_alike=self.is_alike):
            piece = stack([self.draw(twins) for twins in unit])
            pieces.append(frame(piece, "", count) if count > 1 else piece)
        return stack(pieces)

    def close(self, twins: Twins) -> Piece:
        """A block as one box with its name."""
        path, node = twins[0]
        return draw_box(shorten("/".join(path.split("/")[-2:]), 30), self._shape(twins), kind_of_node(node))

    def _shape(self, twins: Twins) -> str:
        """What comes out of a node; from the least channels to the most, where it stands for several."""
        found = [layers[-1].output_shape for path, _ in twins if (layers := self.analysis.below(path))]
        if not found:
            return ""
        channels = [shape[0] for shape in found]
        ends = dict.fromkeys((min(channels), max(channels)))
        return " × ".join(["–".join(map(format_count, ends)), *([format_shape(found[0][1:])] if found[0][1:] else [])])

    def _layer(self, twins: Twins) -> Piece:
        node = twins[0][1]
        look = look_of(node.op)
        title = " ".join(filter(None, look.box(node))).replace("_", " ")
        if node.op == "conv":
            size, _, remarks = title.partition(" ")
            title = f"{size} conv {remarks}".strip()
        return draw_box(title, "" if look.minor else self._shape(twins), kind_of(node))

    def _lanes(self, twins: Twins) -> Piece:
        node = twins[0][1]
        lanes = [self.draw(lane) for lane in below(twins)]
        axes, x = [], 0.0
        for lane in lanes:
            axes.append(x + max(lane.left, 4))
            x = axes[-1] + max(lane.right, 4) + _LANES
        middle = (axes[0] + axes[-1]) / 2
        axes = [axis - middle for axis in axes]
        tall = max(lane.height for lane in lanes)
        top = -(_BUS + GAP + tall)
        shapes: list[Shape] = [Polyline(points=((0, 0), (0, -_BUS)))]
        if len(axes) > 1:
            shapes.append(Polyline(points=((axes[0], -_BUS), (axes[-1], -_BUS))))
        for axis, lane in zip(axes, lanes, strict=True):
            if lane.height:
                foot = top + lane.height
                shapes += [*_lead(-_BUS, foot, lane, axis), *lane.moved(axis, foot)]
                shapes += draw_arrow((axis, top), (axis, top - GAP))
            else:
                shapes += draw_arrow((axis, -_BUS), (axis, top - GAP))
        text = f"{node.fuse} · {self._shape(twins)}"
        half = max(axes[-1] + 8, measure_text(text, TITLE) / 2 + _PAD)
        bar = top - GAP - _LOW
        shapes += [
            Rectangle(x=-half, y=bar, width=2 * half, height=_LOW, fill=kind_of(node), tint_percent=_TINT,
                      stroke=kind_of(node), radius=2),
            Text(x=0, y=bar + 8.6, text=text, size=TITLE, anchor="middle"),
        ]  # fmt: skip
        left = max(half, -axes[0] + max(lanes[0].left, 4))
        right = max(half, axes[-1] + max(lanes[-1].right, 4))
        return Piece(left, right, -bar, tuple(shapes), is_open=True)

    def _sum(self, twins: Twins) -> Piece:
        node = twins[0][1]
        body = self.draw(tuple((f"{path}/{node.body.name}", node.body) for path, node in twins))
        scale = f"× {node.scale:g}" if node.scale != 1 else ""
        aside = self._projection(twins) if node.shortcut == "projection" else Piece(0, 0, 0, ())
        last = GAP + 4 if scale else GAP
        room = max(body.height + GAP + last, aside.height + 2 * GAP)
        y, bottom = -_BUS - room - _SIGN, -_BUS
        foot, top = bottom - GAP, bottom - GAP - body.height
        x = max(body.right, _SIGN) + _LANES + aside.left
        shapes: list[Shape] = [Polyline(points=((0, 0), (0, bottom)))]
        if body.height:
            shapes += [*_lead(bottom, foot, body), *body.moved(0, foot), *draw_arrow((0, top), (0, y + _SIGN))]
        else:
            shapes += draw_arrow((0, bottom), (0, y + _SIGN))
        start = (0.0, bottom)
        if aside.height:
            middle = (bottom + y + aside.height) / 2
            shapes += [*draw_arrow(start, (x, bottom), (x, middle), stroke="shortcut"), *aside.moved(x, middle)]
            shapes += draw_arrow((x, middle - aside.height), (x, y), (_SIGN, y), stroke="shortcut")
        else:
            shapes += draw_arrow(start, (x, bottom), (x, y), (_SIGN, y), stroke="shortcut")
        if scale:
            shapes.append(Text(x=-3, y=top - 3.5, text=scale, size=REMARK, anchor="end", colour="soft"))
        shapes += [
            Rectangle(x=-_SIGN, y=y - _SIGN, width=2 * _SIGN, height=2 * _SIGN, radius=_SIGN, fill="page",
                      stroke="shortcut"),
            Polyline(points=((-2.5, y), (2.5, y)), stroke_width=0.9),
            Polyline(points=((0, y - 2.5), (0, y + 2.5)), stroke_width=0.9),
        ]  # fmt: skip
        left = max(body.left, _SIGN, measure_text(scale, REMARK) + 3)
        return Piece(left, x + aside.right, -y + _SIGN, tuple(shapes), is_open=True)

    def _projection(self, twins: Twins) -> Piece:
        row = self.analysis.by_path[twins[0][0]]
        stride = projection_stride(row.input_shape[1:], row.output_shape[1:])
        step = f" /{format_extent(stride)}" if stride != (1, 1) else ""
        return draw_box(f"1×1 conv{step}", self._shape(twins), "shortcut")

    def _tap(self, twins: Twins) -> Piece:
        """An auxiliary head stands beside the trunk, whose tensor goes on as it is."""
        box = draw_box(shorten(twins[0][1].name, 30), "in training only", "linear", is_dashed=True)
        x = GAP + 6
        shapes = [
            Polyline(points=((0, 0), (0, -box.height))), *box.moved(x + box.left, 0),
            *draw_arrow((0, -box.height / 2), (x, -box.height / 2), is_dashed=True),
        ]  # fmt: skip
        return replace(box, left=0, right=x + 2 * box.left, shapes=tuple(shapes), is_open=True)


def below(twins: Twins) -> list[Twins]:
    """The children of equal nodes, place by place."""
    return [
        tuple((f"{path}/{child.name}", child) for (path, _), child in zip(twins, children, strict=True))
        for children in zip(*(node.nodes for _, node in twins), strict=True)
    ]
