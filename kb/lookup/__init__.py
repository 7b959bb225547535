"""A person looks for an answer: ask, and the record of what was asked, opened and said."""
