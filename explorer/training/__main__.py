"""``python -m explorer.training RUN_ID``: see ``worker``."""

import sys

from .worker import main

try:
    status = main(sys.argv[1:])
except ValueError as error:
    print(f"explorer.training: {error}", file=sys.stderr)
    status = 2
sys.exit(status)
