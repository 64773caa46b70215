"""The Challenges page's parts."""
