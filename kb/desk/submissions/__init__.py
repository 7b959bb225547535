"""What was sent under a name of its sender's, so that it is taken once."""
