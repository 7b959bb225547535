"""Events to episodes, outcomes, daily counts and figures."""
