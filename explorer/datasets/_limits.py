"""Limits for imported sources: generous for data sets, small enough for one machine."""

from __future__ import annotations

MAX_ENTRIES = 200_000
"""Of an archive."""
MAX_FOLDER_ENTRIES = 5_000_000
"""Of a folder, where the machine has the memory: see ``FILE_BYTES``."""
FILE_BYTES = 2_000
"""Of memory that a file takes while a source is listed and sorted into classes (measured: 1.3 to 1.7 kB)."""
MAX_TOTAL_BYTES = 2_000_000_000
"""Of all members of an archive together, unpacked. The files of a folder are there already: only each is limited."""
MAX_MEMBER_BYTES = 40_000_000
MAX_RATIO = 200
"""Unpacked size by packed size of one member."""
MAX_DEPTH = 8
"""Folders around a file."""
MAX_DIRECTORY_BYTES = 64 * 2**20
"""Of a zip's table of contents, which is read into memory before anything can be counted."""
MAX_TAR_HEADER_BYTES = 2**20
"""Of one header of a tar, such as a long name."""
MAX_LABEL_FILES = 30
"""Text files that are tried as lists of labels, those nearest to the top first."""
MAX_LABEL_BYTES = 64 * 2**20
"""Of all of them together."""
MAX_ROWS_AN_IMAGE = 2
"""Of a list of labels; but any list may have twice MAX_ENTRIES."""
MAX_LABEL_COLUMNS = 1_100
"""A column for each of a thousand classes, and some more."""
UNPACK = "the limit of an archive: unpack it, and give the folder"
"""For the end of a message."""
