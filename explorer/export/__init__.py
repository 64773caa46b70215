"""A design as what other programs read: source code, ONNX, weights, pictures and tables for papers."""

from ._formats import FORMATS, ExportedFile, Format, export
from ._pdf import write_pdf
from ._reread import tell_changes
from ._script_plan import choose_data, list_data
from ._show import Diagram, show
from ._subject import Subject
from ._svg import write_svg
from ._tables import PaperTable, write_latex_table
from ._tikz import write_tikz

__all__ = [
    "FORMATS",
    "Diagram",
    "ExportedFile",
    "Format",
    "PaperTable",
    "Subject",
    "choose_data",
    "export",
    "list_data",
    "show",
    "tell_changes",
    "write_latex_table",
    "write_pdf",
    "write_svg",
    "write_tikz",
]
