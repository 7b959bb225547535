"""Searches by visitors: the answer, and what they do with it."""
