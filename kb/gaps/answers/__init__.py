"""Answers to searches that failed: which article brought one, with which commit."""
