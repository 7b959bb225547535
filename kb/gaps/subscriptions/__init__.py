"""Subscriptions: readers who asked to be told when a search of theirs is answered."""
