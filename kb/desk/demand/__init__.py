"""Demand: many people failing on the same words make one ticket for the team."""

from kb.desk.demand.team import Demand, apply_demand

__all__ = ["Demand", "apply_demand"]
