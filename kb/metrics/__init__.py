"""Figures of the site for a monitoring system."""
