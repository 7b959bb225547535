"""What is looked at before an article is published: one rule a function, all of them pure."""
