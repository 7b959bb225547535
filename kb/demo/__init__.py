"""A made-up quarter in a data folder of its own, for looking at every report."""
