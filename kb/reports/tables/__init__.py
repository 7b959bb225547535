"""The tables of the report, one module for each topic."""
