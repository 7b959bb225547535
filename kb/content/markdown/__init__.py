"""Markdown, and the markup of other publishing systems, to HTML."""
