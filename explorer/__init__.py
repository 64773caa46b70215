"""Inception Explorer: an architecture is a value, and everything shown is a pure reading of it.

``explorer.architecture`` holds the value, ``explorer.catalog`` named architectures, ``explorer.analysis`` cost and
geometry in pure Python; ``explorer.modules`` needs torch and is imported only on demand.
"""

__version__ = "0.1.0"
