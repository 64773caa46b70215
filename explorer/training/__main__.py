"""``python -m explorer.training RUN_ID``: see ``worker``."""

import os
import sys

from .worker import main

try:
    if hasattr(os, "nice"):
        os.nice(5)  # whoever looks at the curves goes first; where nobody does, it costs nothing
    status = main(sys.argv[1:])
except ValueError as error:
    print(f"explorer.training: {error}", file=sys.stderr)
    status = 2
sys.exit(status)
