"""The settings, and the values that they are read into."""
