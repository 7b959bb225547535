"""The JSON API, version 1: search, articles, tickets, events, gaps, reports, publishing.

Promises one error shape, bodies held to the schemas that the OpenAPI document shows, and the same
permissions as the pages.
"""

from kb.web.api import staff  # noqa: F401 - its routes join the blueprint
from kb.web.api.routes import blueprint

__all__ = ["blueprint"]
