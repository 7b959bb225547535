"""Accounts: roles, passwords, tokens, signing in, rate limits."""
