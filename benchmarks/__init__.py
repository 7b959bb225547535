"""Measurements of the product and of its rivals, under the same silence: see `search.QUIET`."""

import search  # noqa: F401
