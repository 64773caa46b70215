"""The parts of the Receptive field page."""
