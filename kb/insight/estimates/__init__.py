"""Figures that are estimated rather than counted, each with an interval and what it rests on."""
