"""The JSON API, version 1: search, articles, tickets, events, gaps, reports, publishing.

It has one error shape, checks bodies against the schemas in the OpenAPI document, and asks for the
same permissions as the pages.
"""

from kb.web.api import staff  # noqa: F401 - its routes join the blueprint
from kb.web.api.routes import blueprint

__all__ = ["blueprint"]
