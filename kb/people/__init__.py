"""Roles, permissions, accounts."""
