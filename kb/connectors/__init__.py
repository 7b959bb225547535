"""Connectors: ways to send messages out of the product, today by mail."""
