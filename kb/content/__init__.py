"""Articles: read from Git or a folder, checked, rendered, sanitised and kept as one library."""
