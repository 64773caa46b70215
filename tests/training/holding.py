"""Rank 1 of attempt 3 of a run, as far as its lock tells: ``python -m tests.training.holding FOLDER`` holds it."""

import sys
import time
from pathlib import Path

from explorer.training import torchrun

if __name__ == "__main__":
    lock = torchrun.hold_rank_lock(Path(sys.argv[1]), 1, 3)
    print("held", flush=True)
    time.sleep(1000)
