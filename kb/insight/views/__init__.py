"""Addresses of reports under a name of their own."""
