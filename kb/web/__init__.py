"""HTTP: one blueprint per audience, and the JSON API."""
