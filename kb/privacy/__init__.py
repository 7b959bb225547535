"""What is held on people: told in figures, handed out, forgotten in time, erased on request."""
