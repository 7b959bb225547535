"""`kb serve`: the site under gunicorn, and what it answers while it starts."""
