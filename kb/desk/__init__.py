"""Tickets: tiers, rules, escalation, the outbox."""
