"""E-mails to people: the outbox and its delivery."""
