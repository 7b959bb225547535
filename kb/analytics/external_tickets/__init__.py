"""Tickets that other systems opened, imported and matched."""
