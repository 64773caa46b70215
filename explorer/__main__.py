"""``python -m explorer``: see ``explorer.cli``."""

import sys
import warnings

from .cli import main

if __name__ == "__main__":
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # remarks of libraries to programmers; `python -W default` shows them
    sys.exit(main())
