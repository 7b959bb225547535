"""API tokens: made, listed, used and ended."""
