"""Reports kept as they were, cell by cell."""
