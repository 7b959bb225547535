"""Pages: one module for each family."""
