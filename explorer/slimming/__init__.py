"""A trained network with fewer layers, channels or bits, and the proof of what that changes."""
