"""Needs that nobody has met yet: unresolved episodes, and demand for the same words."""
