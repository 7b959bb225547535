"""An author's day: write, check, preview, bring in, publish."""
