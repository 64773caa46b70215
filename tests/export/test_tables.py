"""Tables for papers: their numbers are the analysis's, and a name in them is only a name."""

from __future__ import annotations

import re

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import edit
from explorer.comparison import compare, make_report, render_latex
from explorer.export import Subject, export
from explorer.export._tex import escape_tex
from explorer.text import format_count
from tests.export.test_pictures import HOSTILE
from tests.networks import EACH_NETWORK

COMMANDS = {
    "caption", "begin", "linewidth", "end", "centering", "toprule", "midrule", "bottomrule", "endfirsthead", "endhead",
    "endfoot",
    "textbf", "texttimes", "textendash", "textemdash", "textperiodcentered", "textminus", "ldots", "textquotesingle",
    "textquotedbl", "textquoteright", "textless", "textgreater", "textbar", "textbackslash", "textasciicircum",
    "textasciitilde", "textasciigrave", "textrightarrow", "texttwosuperior",
}  # fmt: skip


def cells(text: str, form: str) -> list[list[str]]:
    """The rows of a table as it was written, without its header."""
    if form == "markdown":
        return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]
    for written, sign in (("\\texttimes{}", "×"), ("\\textendash{}", "–"), ("\\textminus{}", "−"), ("\\_", "_")):
        text = text.replace(written, sign)
    rows = [line.removesuffix(" \\\\").split(" & ") for line in text.splitlines() if line.count(" & ") > 2]
    return [row for row in rows if row[0] != "layer"]


@pytest.mark.parametrize("form", ["latex", "markdown"])
@pytest.mark.parametrize("name", EACH_NETWORK)
def test_numbers_are_those_of_the_analysis(name: str, form: str) -> None:
    architecture = catalog.get(name)
    analysis = analyze(architecture)
    rows = cells(export(Subject(architecture=architecture), form).data.decode(), form)
    assert len(rows) == len(analysis.layers) + 1
    for row, layer in zip(rows, analysis.layers, strict=False):
        assert (row[0], row[5], row[6]) == (layer.path, format_count(layer.params), format_count(layer.macs))
        assert row[4].replace(",", "").split(" × ") == list(map(str, layer.output_shape))
        assert row[7].replace(",", "").split("×")[0] == str(layer.receptive_field.size[0])
    assert rows[-1][5:7] == [format_count(analysis.params), format_count(analysis.macs)]


def test_a_block_has_its_own_sum() -> None:
    architecture = catalog.get("googlenet")
    rows = cells(export(Subject(architecture=architecture, path="inception_3a"), "latex").data.decode(), "latex")
    layers = analyze(architecture).below("inception_3a")
    assert rows[-1][5] == format_count(sum(layer.params for layer in layers))
    assert rows[1][0] == "branch_3x3/reduce"


def check_tex(text: str) -> None:
    for line in text.splitlines():
        if not line.startswith("%"):
            bare = re.sub(r"\\[\\{}%#$&_]", "", line)
            assert bare.count("{") == bare.count("}"), line
            assert not re.search("[%^~$#_`\"']", bare), line
            assert set(re.findall(r"\\([A-Za-z]+)", bare)) <= COMMANDS, line


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_name(name: str) -> None:
    named = edit.replace(catalog.get("mnist-inception"), "", name=name)
    check_tex(export(Subject(architecture=named), "latex").data.decode())
    check_tex(render_latex(make_report(compare([named, catalog.get("lenet-5")]))))
    caption = export(Subject(architecture=named), "markdown").data.decode().splitlines()[0]
    assert not re.search(r"(?<!\\)[<`*|]", caption)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b & 5 % of $x$", r"a\_b \& 5 \% of \$x\$"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("1--2,,3", "1-{}-2,{},3"),
        ("3×3 − 2", r"3\texttimes{}3 \textminus{} 2"),
        ("naïve", "naïve"),
        ("\u7f51", "U+7F51"),
        ("a\nb", "a b"),
    ],
)
def test_escaping_for_tex(text: str, written: str) -> None:
    assert escape_tex(text) == written


def test_a_letter_that_tex_has_not_is_told() -> None:
    named = edit.replace(catalog.get("lenet-5"), "", name="\u7f51 LeNet")
    file = export(Subject(architecture=named), "latex")
    assert "U+7F51 LeNet" in file.data.decode()
    assert "U+7F51" in file.notes[0]


def test_a_comparison_tells_differences_and_conventions() -> None:
    first, other = catalog.get("googlenet"), catalog.get("lenet-5")
    text = render_latex(make_report(compare([first, other])))
    check_tex(text)
    params = analyze(first).params, analyze(other).params
    row = next(line for line in text.splitlines() if line.startswith("parameters & "))
    assert row.startswith(f"parameters & {format_count(params[0])} & \\textbf{{{format_count(params[1])} (")
    assert "bias not counted" in text
    assert "longtable" in text
    assert r"p{0.45\linewidth}" in text, "changes have long names"
