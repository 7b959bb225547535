"""What reports add up, counted once a day: a report of a year reads days, not episodes."""
