"""A design as what other programs read: source code, ONNX, weights, pictures and tables for papers."""

from ._formats import FORMATS, ExportedFile, Format, Subject, export

__all__ = ["FORMATS", "ExportedFile", "Format", "Subject", "export"]
