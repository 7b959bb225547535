"""A person searches: the answer, and what they do with it."""
