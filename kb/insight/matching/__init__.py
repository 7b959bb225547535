"""Tickets and whom they may belong to."""
