"""Emails to people: the outbox, its delivery, and the emails about passwords."""
