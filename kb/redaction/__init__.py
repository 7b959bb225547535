"""Redaction: what is hidden in words before they are stored."""
