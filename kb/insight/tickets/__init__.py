"""What became of tickets: where they stand, how long they took, whether the answer was known."""
