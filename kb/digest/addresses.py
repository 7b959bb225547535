"""Where the pages are that a digest leads to.

Promises absolute addresses under the site's own. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from kb.digest.week import Week


@dataclass(frozen=True, slots=True)
class Addresses:
    """The report's pages, absolute."""

    site_url: str
    week: Week

    def _at(self, path: str) -> str:
        return self.site_url.rstrip("/") + path

    @property
    def report(self) -> str:
        """Return the report of the week."""
        span = self.week.span
        return self._at(f"/reports/?from={span.first}&until={span.last}")

    @property
    def gaps(self) -> str:
        """Return the list of gaps."""
        return self._at("/reports/gaps")

    def gap(self, number: int) -> str:
        """Return one gap."""
        return self._at(f"/reports/gaps/{number}")

    def article(self, slug: str) -> str:
        """Return an article."""
        return self._at(f"/articles/{quote(slug, safe='/')}")

    def definition(self, key: str) -> str:
        """Return the place of a definition."""
        return self._at(f"/reports/definitions#{key}")
