"""Gaps: failed searches grouped by meaning, with lasting numbers, causes, fixes and answers."""
