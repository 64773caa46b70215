"""The parts of the Train page: what it shows (``state``), a new run, the live run, its details, the table of all."""
