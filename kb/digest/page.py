"""A digest as HTML for mail programs.

Promises one document that asks nobody for anything: no picture, style sheet, font or script from
anywhere; every word escaped; text and ground in the reader's own colours (CSS system colours), so
that it is as light or as dark as the program that shows it.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from kb.digest.sheet import Digest


def html(digest: Digest) -> str:
    """Return the letter's HTML."""
    return _template().render(digest=digest)


@cache
def _template() -> Template:
    """Return the letter's template: beside this module, for pages of the site take no inline style
    and mail programs nothing else.
    """
    environment = Environment(
        loader=PackageLoader("kb.digest", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("letter.html")
