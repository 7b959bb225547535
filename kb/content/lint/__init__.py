"""What is checked before an article is published: one rule a function."""
