"""What the record says: episodes, outcomes, failed searches and reports."""
