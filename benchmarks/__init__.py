"""Measurements of the product and of its rivals, under the same settings: see `search.QUIET`."""

import search  # noqa: F401
