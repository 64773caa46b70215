"""Models of other programs → Architecture, with their weights."""
