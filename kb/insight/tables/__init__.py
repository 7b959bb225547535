"""A report's tables: what is shown, and the same as CSV, JSON and a workbook."""
