"""Why searches failed, as it is kept with each."""
