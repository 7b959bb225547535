"""Text: tokens, terms, passages, queries, spelling."""
