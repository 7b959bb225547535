"""Suggestions while a person types."""
