"""The cycle of knowledge: how soon a gap is answered, and whether people fail less afterwards."""
