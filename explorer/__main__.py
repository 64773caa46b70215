"""``python -m explorer``: see ``explorer.cli``."""

import sys
import warnings

from .process import collect_seldom

if __name__ == "__main__":
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # remarks of libraries to programmers; `python -W default` shows them
    with collect_seldom():
        from .cli import main

        sys.exit(main())
