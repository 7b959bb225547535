"""The front matter of articles: where it is found, its keys, what it says, how it is edited."""
