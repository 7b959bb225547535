"""Judged queries and the measures of a ranking."""
