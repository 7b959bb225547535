"""Where articles come from: Git, a folder, a mirror of a remote, several at once."""
