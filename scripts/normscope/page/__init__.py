"""The story of a run as HTML."""
