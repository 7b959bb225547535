"""Accounts: roles, passwords, API tokens, signing in and rate limits."""
