"""The event log: what visitors did, without knowing who they are."""
