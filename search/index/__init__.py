"""The index: generations built beside the one that serves, and opened for reading."""
