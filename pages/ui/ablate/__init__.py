"""The parts of the Ablate page: what it shows (``state``), the wizard for a new experiment, the experiment itself."""
