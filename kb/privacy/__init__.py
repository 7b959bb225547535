"""Personal data: figures of what is held, export, retention, and erasure on request."""
