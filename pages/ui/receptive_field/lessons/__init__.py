"""The lessons of the Receptive field page."""
