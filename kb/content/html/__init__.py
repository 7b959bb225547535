"""HTML of articles: read, rewritten to fit its page, sanitised."""
