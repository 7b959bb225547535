"""The front matter of articles: where it stands, what it may hold, what it says."""
