"""Checks of articles before they are published; each rule is one function."""
