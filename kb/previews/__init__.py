"""Branches shown to who has the link, before they are published."""
