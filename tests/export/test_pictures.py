"""Pictures of networks and blocks: legible, whole, the same in every form, and harmless whatever a name holds."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from fpdf.fonts import CORE_FONTS_CHARWIDTHS
from hypothesis import given, settings

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, Conv, Sequence, edit
from explorer.cli import main
from explorer.export import FORMATS, Subject, export, write_pdf, write_svg, write_tikz
from explorer.figures import (
    Drawing,
    GrowthLine,
    Polyline,
    Rectangle,
    Text,
    draw_block,
    draw_growth,
    draw_network,
    draw_scatter,
    measure_text,
)
from explorer.figures._architecture_drawing import PAGE_HEIGHT, PAGE_WIDTH
from explorer.text import format_count
from tests.networks import EACH_NETWORK
from tests.sizes import examples
from tests.strategies import analysis_or_skip, architectures

PICTURES = ("svg", "pdf", "tikz")
HOSTILE = (
    "</title><script>alert(1)</script>",
    r"\input{/etc/passwd}$x^2$ % #&_{}~",
    r"}\end{document}\immediate\write18{ls}",
    "a\u2028b\u00a0c\u200bd",
    r"(a) Tj ET \) /JS (app.alert(1))",
    "\u7f51\u7edc \U0001f578 e\u0301",
    "^^5cinput{x}",
    "``--'' <<>> ?` !`",
    '" onload="alert(1)',
    "]]>&amp;&#x41;",
    "W" * 100,
)
SVG = "{http://www.w3.org/2000/svg}"
SHAPES = {"svg", "title", "desc", "rect", "polyline", "polygon", "text"}


def boxes_of_texts(drawing: Drawing) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Where each text stands, by the widths that fpdf knows of Helvetica; of its lower-case letters and digits."""
    found = []
    for text in drawing.shapes:
        if isinstance(text, Text) and not text.turned:
            widths = CORE_FONTS_CHARWIDTHS["helveticaB" if text.is_bold else "helvetica"]
            wide = sum(widths.get(each.encode("cp1252", "replace").decode("latin-1"), 1000) for each in text.text)
            wide *= text.size / 1000
            left = text.x - {"start": 0.0, "middle": wide / 2, "end": wide}[text.anchor]
            found.append((text.text, (left, text.y - 0.72 * text.size, left + wide, text.y + 0.2 * text.size)))
    return found


def crosses(a: tuple[float, float, float, float], b: tuple[float, float, float, float], slack: float = 0.05) -> bool:
    return a[0] + slack < b[2] and b[0] + slack < a[2] and a[1] + slack < b[3] and b[1] + slack < a[3]


def segments(drawing: Drawing) -> Iterable[tuple[float, float, float, float]]:
    for line in drawing.shapes:
        if isinstance(line, Polyline):
            for (x0, y0), (x1, y1) in itertools.pairwise(line.points):
                yield min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def check_legible(drawing: Drawing) -> None:
    """All lies within the picture; no text meets another, or a line; no box meets another but as one within it."""
    texts = boxes_of_texts(drawing)
    for text, (left, top, right, bottom) in texts:
        assert 0 <= left < right <= drawing.width, text
        assert 0 <= top < bottom <= drawing.height, text
    for (one, a), (other, b) in itertools.combinations(texts, 2):
        assert not crosses(a, b), (one, other)
    for line in segments(drawing):
        assert 0 <= line[0] <= line[2] <= drawing.width
        assert 0 <= line[1] <= line[3] <= drawing.height
        wide = (line[0] - 0.1, line[1] - 0.1, line[2] + 0.1, line[3] + 0.1)
        assert not any(crosses(wide, box) for _, box in texts), line
    rectangles = [(s.x, s.y, s.x + s.width, s.y + s.height) for s in drawing.shapes if isinstance(s, Rectangle)]
    for a, b in itertools.combinations(rectangles, 2):
        inside = any(
            p[0] <= q[0] + 0.01 and p[1] <= q[1] + 0.01 and p[2] >= q[2] - 0.01 and p[3] >= q[3] - 0.01
            for p, q in ((a, b), (b, a))
        )
        assert inside or not crosses(a, b), (a, b)


def test_widths_are_those_of_helvetica() -> None:
    for bold, name in ((False, "helvetica"), (True, "helveticaB")):
        for letter in [chr(code) for code in (*range(32, 127), *range(0xC0, 0x100))]:
            if letter not in "ÆÐ×ØÞßæðøþ÷ìíîï":  # ligatures and dotless letters have widths of their own
                assert measure_text(letter, 1000, is_bold=bold) == CORE_FONTS_CHARWIDTHS[name][letter], letter


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_every_network_of_the_catalogue_is_legible_in_every_form(name: str) -> None:
    architecture = catalog.get(name)
    drawing = draw_network(architecture)
    check_legible(drawing)
    upright = min(PAGE_WIDTH / drawing.width, PAGE_HEIGHT / drawing.height)
    lying = min(PAGE_HEIGHT / drawing.width, PAGE_WIDTH / drawing.height)
    assert max(upright, lying) > 0.5, "letters of 6 pt stay above 3 pt on a page"
    for form in PICTURES:
        assert export(Subject(architecture=architecture), form).data


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_every_block_of_the_catalogue_is_legible(name: str) -> None:
    architecture = catalog.get(name)
    for node in architecture.trunk.nodes:
        if node.child_field:
            check_legible(draw_block(architecture, node.name))


@settings(max_examples=examples(150), deadline=None)
@given(architectures())
def test_random_networks_are_legible(architecture: Architecture) -> None:
    analysis_or_skip(architecture)
    check_legible(draw_network(architecture))


def test_a_block_tells_kernel_channels_and_shape_of_every_layer() -> None:
    architecture = catalog.get("googlenet")
    drawing = draw_block(architecture, "inception_3a")
    told = [shape.text for shape in drawing.shapes if isinstance(shape, Text)]
    for layer in analyze(architecture).below("inception_3a"):
        channels, height, width = layer.output_shape
        assert any(f"{format_count(channels)} × {height} × {width}" in text for text in told), layer.path
    assert {"1×1 conv", "3×3 conv", "5×5 conv", "max 3×3", "input"} <= set(told)
    assert drawing.width < 252, "one column of a paper of two"


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("densenet-121", ["×6", "×12", "×16", "×24"]),
        ("inception-resnet-v2", ["×9", "×10", "×20"]),
        ("convnext-t", ["×3", "×3", "×3", "×9"]),
        ("vgg-16", []),
    ],
)
def test_what_repeats_is_drawn_once_and_counted(name: str, times: list[str]) -> None:
    texts = [shape.text for shape in draw_network(catalog.get(name)).shapes if isinstance(shape, Text)]
    assert sorted((text for text in texts if re.fullmatch("×[0-9]+", text)), key=lambda text: int(text[1:])) == times


def test_a_network_too_large_for_a_page_is_drawn_with_its_blocks_closed() -> None:
    def convolutions(k: int) -> tuple[Conv, ...]:
        return tuple(Conv(name=f"c{i}", out_channels=8, kernel_size=1 + 2 * ((k * i) % 5)) for i in range(5))

    blocks = tuple(Sequence(name=f"b{k}", children=convolutions(k)) for k in range(120))
    trunk = Sequence(name="t", children=blocks)
    drawing = draw_network(Architecture(name="long", input_shape=(3, 64, 64), trunk=trunk))
    check_legible(drawing)
    assert "closed" in drawing.caption
    assert "b119" in {shape.text for shape in drawing.shapes if isinstance(shape, Text)}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_and_nothing_else(name: str) -> None:
    plain = catalog.get("mnist-inception")
    named = edit.replace(plain, "", name=name)
    svg = export(Subject(architecture=named), "svg").data.decode()
    root = ET.fromstring(svg)
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= SHAPES
    assert not [key for each in root.iter() for key in each.attrib if key.startswith("on") or "href" in key]
    tex = export(Subject(architecture=named), "tikz").data.decode()
    code = [line for line in tex.splitlines() if not line.startswith("%")]
    usual = export(Subject(architecture=plain), "tikz").data.decode()
    assert code == [line for line in usual.splitlines() if not line.startswith("%")], "a name is in the comment alone"
    check_balanced(tex)
    assert export(Subject(architecture=named), "pdf").data.startswith(b"%PDF-")


def check_balanced(tex: str) -> None:
    """Every line of the code closes what it opens, and every command is one that the writer uses."""
    for line in tex.splitlines():
        if not line.startswith("%"):
            bare = re.sub(r"\\[\\{}%#$&_]", "", line)
            assert bare.count("{") == bare.count("}"), line
            assert not re.search("[%^~]", bare), line
            commands = set(re.findall(r"\\([A-Za-z]+)", bare))
            assert commands <= ALLOWED_COMMANDS, commands - ALLOWED_COMMANDS


ALLOWED_COMMANDS = {
    "documentclass", "usepackage", "definecolor", "begin", "end", "useasboundingbox", "path", "node", "usefont",
    "fontsize", "selectfont", "bfseries", "texttimes", "textperiodcentered", "textendash", "ldots", "textminus",
    "textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar", "textquotedbl",
    "textquotesingle", "textasciigrave",
}  # fmt: skip


def test_a_pdf_has_one_page_of_the_size_of_the_picture_and_all_of_its_words() -> None:
    architecture = catalog.get("googlenet")
    data = export(Subject(architecture=architecture, path="inception_4a"), "pdf").data
    drawing = draw_block(architecture, "inception_4a")
    assert data.count(b"/Type /Page\n") == 1
    found = re.search(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", data)
    assert found
    assert [round(float(each)) for each in found.groups()] == [round(drawing.width), round(drawing.height)]
    content = b"".join(zlib.decompress(each) for each in re.findall(rb"stream\r?\n(\x78.*?)\r?\nendstream", data, re.S))
    assert content.count(b" Tj") == sum(isinstance(shape, Text) for shape in drawing.shapes)
    assert data.count(b"/FontFile2") == 2, "regular and bold are in it"
    assert export(Subject(architecture=architecture, path="inception_4a"), "pdf").data == data


def test_a_path_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="inception_9z"):
        export(Subject(architecture=catalog.get("googlenet"), path="inception_9z"), "svg")


def test_texts_of_svg_say_how_long_they_are() -> None:
    root = ET.fromstring(export(Subject(architecture=catalog.get("lenet-5")), "svg").data)
    for text in root.iter(f"{SVG}text"):
        bold = text.get("font-weight") == "bold"
        assert float(text.attrib["textLength"]) == pytest.approx(
            measure_text(text.text or "", float(text.attrib["font-size"]), is_bold=bold), abs=0.01
        )


@pytest.mark.parametrize("form", [*PICTURES, "latex", "markdown"])
def test_the_command_line_writes_a_block(form: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "block"
    command = ["export", "googlenet", "--block", "inception_3a", "--format", form]
    assert main([*command, "-o", str(file)]) == 0
    subject = Subject(architecture=catalog.get("googlenet"), path="inception_3a")
    told = capfd.readouterr().out
    assert all(note in told for note in export(subject, form).notes)
    assert file.read_bytes() == export(subject, form).data
    assert export(subject, form).name == f"GoogLeNet-inception_3a{FORMATS[form].suffix}"


def test_a_block_is_refused_where_the_whole_is_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "googlenet", "--block", "inception_3a", "--format", "json"]) == 2
    assert "svg, pdf, tikz, latex, markdown" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "file"), [("../../x", "x.svg"), ("a/b c", "a-b-c.svg"), ("...", "network.svg")]
)
def test_names_of_files_are_harmless(name: str, file: str) -> None:
    assert export(Subject(architecture=edit.replace(catalog.get("lenet-5"), "", name=name)), "svg").name == file


def test_formats_are_in_the_table() -> None:
    assert set(PICTURES) <= FORMATS.keys()


def test_a_letter_that_the_font_has_not_is_told() -> None:
    data = {"x": {"label": "MACs", "log": False}, "y": {"label": "Größe, Ω", "log": False}, "paths": [], "dots": None}
    marks = [{"label": name, "x": k, "y": k, "reachX": None, "reachY": None, "shape": k, "named": True}
             for k, name in enumerate(("μ-net", "сеть", "\u7f51\u7edc"))]  # fmt: skip
    _, notes = write_pdf(draw_scatter({**data, "marks": marks}))
    assert notes == ("Arimo has no letter for U+7EDC, U+7F51, written so.",)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_in_a_chart_is_text(name: str) -> None:
    points = ((0.0, 1, 1), (1.0, 30, 20))
    drawing = draw_growth([GrowthLine(name=name, points=points)], [(0.5, name)], title=name)
    tex, _ = write_tikz(drawing)
    check_balanced(tex)
    root = ET.fromstring(write_svg(drawing)[0])
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= SHAPES
    assert write_pdf(drawing)[0].startswith(b"%PDF-")
