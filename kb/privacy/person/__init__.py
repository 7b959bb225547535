"""One person: which rows are theirs, and all of them in one document."""
