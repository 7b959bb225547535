"""The event log: what visitors did, recorded without knowing who they are."""
