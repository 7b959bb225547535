"""Tickets: created once per need, worked by tiers, escalated, closed."""
