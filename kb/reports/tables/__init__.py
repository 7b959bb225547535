"""The tables of the report, one module a page."""
