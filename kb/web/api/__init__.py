"""The JSON API, version 1: search, articles, tickets, events.

Promises one error shape, bodies held to the schemas that the OpenAPI document shows, and the same
permissions as the pages.
"""

from kb.web.api.routes import blueprint

__all__ = ["blueprint"]
