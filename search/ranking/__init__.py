"""Ranking: from a query to an order of articles, with a confidence and snippets."""
