"""The rows that reports add up."""
