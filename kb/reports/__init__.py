"""What leads read: every page of the report, as tables, and the same for files and programs."""
