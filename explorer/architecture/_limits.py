"""Bounds that keep an architecture from a stranger harmless; each is quoted by the message of its rule."""

MAX_LINK_CHARS = 8 * 1024
"""Characters of a share link's text: more than a server or a chat is sure to pass on helps nobody."""
MAX_CHANNELS = 8192
"""Channels of a feature map or an image."""
MAX_FEATURES = 65_536
"""Outputs of a linear layer."""
MAX_KERNEL = 31
"""Height and width of a window, its stride and its dilation."""
MAX_PADDING = 1024
"""Zeros at one border."""
MAX_BRANCHES = 8
"""Branches of one parallel node."""
MAX_DEPTH = 16
"""Containers within one another, below the trunk."""
MAX_NODES = 2000
"""Nodes of an architecture, all levels together."""
MIN_IMAGE, MAX_IMAGE = 8, 1024
"""Pixels a side of an image, least and most."""
MAX_TITLE = 120
"""Characters of a network's name."""
MAX_NAME = 64
"""Characters of a node's name."""
MAX_NOTES = 4000
"""Characters of the notes, and of the provenance."""
_NODE_BYTES, _NODE_LINES = 400, 34
"""The longest node as JSON, every field at its longest: bytes in one line, lines if indented; a test measures it."""
_INDENTATION = 2 * (2 * MAX_DEPTH + 5)
"""Spaces before a line of the deepest node: two for each object and each list around it."""
_LETTER_BYTES = 12
"""The longest character in JSON: two escapes, such as those of U+1D11E."""
MAX_LINK_BYTES = MAX_NODES * _NODE_BYTES + _LETTER_BYTES * (MAX_TITLE + 2 * MAX_NOTES)
"""Bytes that a link may unpack to: the longest architecture in one line."""
MAX_TEXT_BYTES = MAX_LINK_BYTES + MAX_NODES * _NODE_LINES * _INDENTATION
"""Bytes of an architecture's JSON: what is written can be read, the longest within these bounds too."""
MAX_PARAMS = 2_000_000_000
"""Learnable parameters of a network, auxiliary heads included."""
MAX_MACS = 20_000_000_000_000
"""Multiply-adds of a network for one image."""
