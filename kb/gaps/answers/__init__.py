"""Answers to failed searches: which article answers each now, and which commit brought it."""
