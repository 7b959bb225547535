"""Tickets that other systems opened: by mail, by phone, at another desk."""
