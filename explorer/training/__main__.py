"""``python -m explorer.training RUN_ID``: see ``worker``."""

import contextlib
import logging
import os
import sys
from pathlib import Path

from .worker import main

# Whoever looks at the curves goes first; where nobody does, it costs nothing. Linux weighs whole sessions where it
# groups them, and a worker is one of its own.
if hasattr(os, "nice"):
    os.nice(5)
with contextlib.suppress(OSError):
    Path("/proc/self/autogroup").write_text("5", encoding="ascii")
logging.basicConfig(format="%(asctime)s %(name)s: %(message)s")
try:
    status = main(sys.argv[1:])
except ValueError as error:
    print(f"explorer.training: {error}", file=sys.stderr)
    status = 2
sys.exit(status)
