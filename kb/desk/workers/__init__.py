"""Who can work tickets, and what becomes of tickets whose agent no longer can."""
