"""PyTorch source: one file that imports torch alone, a class for each block, the weights under the names of `build`."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..analysis import Totals
from ..architecture import SOURCE_LINK, Architecture, ArchitectureError, write_source_link
from ..text import format_count, format_extent, format_si
from ._code import WIDTH, call, lay_out, lay_out_docstring, name_class
from ._source_blocks import SourceWriter
from ._source_tree import SourceTree

if TYPE_CHECKING:
    from ._subject import Subject

_PARTS = Path(__file__).with_name("_source_parts.py")
_RESERVED = ("torch", "nn", "F", "Tensor", "OrderedDict", "Any", "NamedTuple", "network", "x", SOURCE_LINK)


def write_pytorch(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    """Write the network as a Python file that needs torch alone.

    Args:
        subject: The design.

    Returns:
        The file, and what can be done with it.

    Raises:
        ValueError: A kind of node has no form in source.
    """
    text = write_source(subject.architecture)
    return text.encode(), (
        "It needs torch alone. Run as a program, it prints the shapes.",
        "Weights have the names that they have here: a state dict of this design loads strictly, both ways.",
    )


def write_source(architecture: Architecture) -> str:
    """Write the source of a network.

    Args:
        architecture: The network.

    Returns:
        Python, typed and laid out as ``ruff format`` does it. The last class is the network.

    Raises:
        ArchitectureError: The layers do not fit together.
        ValueError: A kind of node has no form in source.
    """
    source = write_classes(architecture)
    size = ", ".join(map(str, architecture.input_shape))
    main = "\n".join(
        [
            'if __name__ == "__main__":',
            *lay_out(call("print_shapes", f"{source.name}()", f"torch.zeros(1, {size})"), 1),
        ]
    )
    helpers = select_parts("\n".join([*source.classes, main]))
    code = "\n\n\n".join([*helpers, *source.classes, main])
    return finish_source(architecture, source.totals, [], f"{write_imports(code)}\n\n\n{code}\n")


@dataclass(frozen=True)
class NetworkClasses:
    """The classes of a network as source."""

    name: str
    """Of the network's own class, the last one."""
    classes: tuple[str, ...]
    totals: Totals


def write_classes(architecture: Architecture, reserved: Collection[str] = ()) -> NetworkClasses:
    """Write the classes of a network, without what they call of the parts.

    Args:
        architecture: The network.
        reserved: Names that stand for something else in the file, beside those of every source.

    Returns:
        The classes.

    Raises:
        ArchitectureError: The layers do not fit together.
        ValueError: A kind of node has no form in source.
    """
    tree = SourceTree(architecture)
    taken = [*read_parts(), *_RESERVED, *reserved]
    name = name_class(architecture.name) or "Network"
    while name in taken or name in ("None", "True", "False") or hasattr(builtins, name):
        name += "Net"
    writer = SourceWriter(tree, name, taken)
    classes = tuple("\n".join(each.lines) for each in (*writer.definitions.values(), writer.network))
    return NetworkClasses(name, classes, tree.analysis.totals)


def finish_source(architecture: Architecture, totals: Totals, about: Collection[str], code: str) -> str:
    """Put a docstring before a code and the link to the design behind it.

    Args:
        architecture: The network.
        totals: Its numbers.
        about: Further paragraphs of the docstring.
        code: Python; its last line is ended.

    Returns:
        The content of the file.
    """
    try:
        link = f"\n{write_source_link(architecture, WIDTH)}\n"
        origin = f"Written by Inception Explorer, which opens the design again: {SOURCE_LINK}, at the end."
    except ArchitectureError:
        link = ""
        origin = "Written by Inception Explorer; the design is too large for a link, so keep its JSON."
    paragraphs = [*describe_network(architecture, totals), *about, origin]
    docstring = "\n".join(lay_out_docstring(paragraphs, 0))
    return f"{docstring}\n\n{code}{link}"


def describe_network(architecture: Architecture, totals: Totals) -> list[str]:
    """Say in paragraphs what the network is, for a docstring.

    Args:
        architecture: The network.
        totals: Its numbers.

    Returns:
        Paragraphs.
    """
    shape = " × ".join(map(str, architecture.input_shape))
    title = " ".join(architecture.name.split()) or "A network"
    heads = f", {format_count(totals.auxiliary_params)} more in auxiliary heads" if totals.auxiliary_params else ""
    field = totals.receptive_field
    seen = " (global pooling or attention on the way sees all)" if field.whole_input else ""
    return [
        f"{title}, for images of {shape}.",
        f"{format_count(totals.params)} parameters{heads}; {format_si(totals.macs)} MACs for an image (multiply-adds "
        f"of convolutions and linear layers); receptive field of the last maps {format_extent(field.size)} px{seen}.",
    ]


@cache
def read_parts(file: Path = _PARTS) -> dict[str, str]:
    """The text of each class and function that sources may need, by its name."""
    text = file.read_text(encoding="utf-8")
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            lines = text.splitlines()[first - 1 : node.end_lineno]
            found[node.name] = re.sub("  # noqa.*", "", "\n".join(lines))
    return found


def select_parts(code: str, file: Path = _PARTS) -> list[str]:
    """Find what a code needs of the parts, and what those need.

    Args:
        code: Python.
        file: Where the parts are.

    Returns:
        Their texts, each before those that use it.
    """
    parts = read_parts(file)
    needed, asked = set[str](), [code]
    while asked:
        for name in (find_names(asked.pop()) & parts.keys()) - needed:
            needed.add(name)
            asked.append(parts[name])
    return [text for name, text in parts.items() if name in needed]


def write_imports(code: str) -> str:
    """Write the imports that a code needs: the standard library's and torch's."""
    names = find_names(code)
    lines = []
    if "OrderedDict" in names:
        lines.append("from collections import OrderedDict")
    typed = [name for name in ("Any", "NamedTuple") if name in names]
    if typed:
        lines.append(f"from typing import {', '.join(typed)}")
    if lines:
        lines.append("")
    lines += ["import torch", f"from torch import {'Tensor, ' * ('Tensor' in names)}nn"]
    if "F" in names:
        lines.append("from torch.nn import functional as F")
    return "\n".join(lines)


def find_names(code: str) -> set[str]:
    """What a code calls by its name; not what parts of a network are called."""
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
