"""Notes on days: what happened that the figures of a report should be read beside."""
