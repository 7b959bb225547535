"""Rate limits that hold over all workers and machines."""
