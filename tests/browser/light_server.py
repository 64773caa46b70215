"""``python -m tests.browser.light_server COMMAND run app.py …``: Streamlit, with workers that start as COMMAND says.

COMMAND is a JSON list, as ``tests.runs.forking.fork_server`` gives it.
"""

import json
import sys

from streamlit.web.cli import main

from explorer.training import _workers

if __name__ == "__main__":
    _workers.COMMAND = tuple(json.loads(sys.argv.pop(1)))
    sys.exit(main())
