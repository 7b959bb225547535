"""Statistics: intervals, experiments, surveys, survival."""
