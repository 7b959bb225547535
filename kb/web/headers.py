"""Headers on every response: security, caching and compression.

A page can run only this site's own script files and style sheets, cannot be framed, and tells other
sites nothing of where its reader was.

Text is compressed with gzip, which every browser and proxy takes; brotli would save a tenth more of
pages of some 10 kB and be one more library. Not compressed: what is small, pictures, answers to
posts, and every page that may not be cached, since the length of a compressed page reveals a secret
in it to whoever can put words beside it (BREACH). Pages carry a weak ETag of their text, which
includes the person's name, their language and the site's state, so that no version has to be
counted. A page stays private to its reader; only files that are named by the hash of their content
are cached for good.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path

from flask import Flask, Response, current_app, g, request, session

from kb.web.guard import standings, wants_json
from kb.web.views.branch_previews import keep_apart

# -- Security headers --


POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Frame-Options": "DENY",
}
# Pages that hold words of one person, or lead to them; robots.txt names these too.
PERSONAL = (
    "/t/",
    "/my/",
    "/desk/",
    "/offers/",
    "/subscriptions",
    "/forgot-password",
    "/reset-password/",
    "/api/v1/tickets",
)
NOT_LISTED = "noindex, nofollow"
YEAR_S = 365 * 86400
AWAY_S = 10  # Retry-After; a database or worker that is away is tried again sooner


def init_app(app: Flask) -> None:
    """Add the headers to every response of the app."""
    app.after_request(_protect)


def is_personal() -> bool:
    """Return whether this page is for one person: by its address, a secret in it, or a question to
    them on the page. A browser keeps it no longer than it is open.
    """
    secret = "token" in (request.view_args or {})
    return request.path.startswith(PERSONAL) or secret or "asks" in g


def _protect(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers["Strict-Transport-Security"] = f"max-age={YEAR_S}; includeSubDomains"
    if response.status_code == 401:  # RFC 6750 3
        sent = request.headers.get("Authorization", "").lower().startswith("bearer ")
        told = 'Bearer error="invalid_token"' if sent else "Bearer"
        response.headers.setdefault("WWW-Authenticate", told)
    _tell_limits(response)
    if request.endpoint == "static":
        return response
    if is_personal():
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers.setdefault("X-Robots-Tag", NOT_LISTED)
    # A page may hold what only this person may see; the browser asks again every time.
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response.headers.add("Vary", "Cookie")
    return keep_apart(response)


def _tell_limits(response: Response) -> None:
    """Tell programs, and everybody who is refused, what is left of the limits that counted this
    request, and when to come again.

    The fields are those of draft-ietf-httpapi-ratelimit-headers-11: every policy, and of these the
    one that is nearest to its end.
    """
    found, refused = standings(), response.status_code == 429
    if found and (refused or wants_json()):
        policies = (f'"{x.rate.what}";q={x.rate.count};w={x.rate.seconds}' for x in found)
        response.headers["RateLimit-Policy"] = ", ".join(dict.fromkeys(policies))
        nearest = min(found, key=lambda each: each.left)
        told = f'"{nearest.rate.what}";r={nearest.left};t={nearest.wait}'
        response.headers["RateLimit"] = told
    if refused or response.status_code == 503:
        wait = g.get("retry_after", AWAY_S)
        response.headers.setdefault("Retry-After", str(wait))
        if refused and not found:  # wrong passwords and unknown tokens
            response.headers["RateLimit"] = f'"guesses";r=0;t={wait}'


# -- Compression and caching --


STATIC = Path(__file__).parents[1] / "static"
SMALLEST = 1000  # bytes; less fits into one packet in either case
# A page of 10.8 kB becomes 3,458 bytes in 0.21 ms; level 1 leaves 3,817 in 0.14, 9 the same 3,441.
LEVEL, ONCE = 5, 9
TYPES = frozenset({
    "application/javascript", "application/json", "application/opensearchdescription+xml",
    "application/openmetrics-text", "application/xml", "application/xhtml+xml", "image/svg+xml",
})  # fmt: skip # a list, several to a line
_SUFFIX = re.compile(r"(?:--?|;)(?:gzip|br|zstd|deflate)\"")
FOREVER = "public, max-age=31536000, immutable"
SOON = "public, max-age=60"  # for another version than asked for, during an upgrade


def init_compression(app: Flask) -> None:
    """Compress, and answer 304, after all other hooks: call this before they register."""
    app.before_request(_resume)
    app.after_request(_send)


def _resume() -> None:
    """Send a whole file to clients that have a part of it under a weak tag (RFC 9110 13.1.5): their
    part may be of compressed bytes.
    """
    if request.headers.get("If-Range", "").startswith("W/"):
        request.environ.pop("HTTP_RANGE", None)
    if tags := request.environ.get(
        "HTTP_IF_NONE_MATCH"
    ):  # Apache and Jetty mark what they compress
        request.environ["HTTP_IF_NONE_MATCH"] = _SUFFIX.sub('"', tags)


@cache
def version(name: str) -> str:
    """Return the hash of a static file, which stands in its address."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]


@cache
def _squeezed(name: str) -> bytes:
    return gzip.compress((STATIC / name).read_bytes(), ONCE, mtime=0)


def _send(response: Response) -> Response:
    if request.endpoint == "static":
        return _file(response)
    if response.direct_passthrough or not response.is_sequence or not _is_text(response):
        return response
    if request.method not in {"GET", "HEAD"} or "no-store" in response.headers.get(
        "Cache-Control", ""
    ):
        return response
    body = response.get_data()
    if len(body) >= SMALLEST:
        response.vary.add("Accept-Encoding")
    if (
        response.status_code == 200
        and not session.modified
        and "Set-Cookie" not in response.headers
    ):
        response.set_etag(hashlib.blake2b(body, digest_size=12).hexdigest(), weak=True)
        response.make_conditional(request)
    if len(body) >= SMALLEST and response.status_code not in {206, 304} and _takes_gzip():
        response.set_data(gzip.compress(body, LEVEL, mtime=0))
        response.content_encoding = "gzip"
    return response


def _file(response: Response) -> Response:
    """Set how long a static file may be cached, and send its compressed form."""
    name = (request.view_args or {}).get("filename", "")
    if response.status_code not in {200, 206, 304}:
        return response
    if asked := request.args.get("v"):
        response.headers["Cache-Control"] = FOREVER if asked == version(name) else SOON
    if not _is_text(response) and response.status_code != 304:
        return response
    response.vary.add("Accept-Encoding")
    if "Range" in request.headers or response.status_code == 206 or not _takes_gzip():
        return response
    tag, _ = response.get_etag()
    if tag:  # the same tag for other bytes may only be a weak one
        response.set_etag(tag, weak=True)
    if response.status_code == 200:
        response.close()
        response.direct_passthrough = False
        response.set_data(_squeezed(name))
        response.content_encoding = "gzip"
    return response


def _is_text(response: Response) -> bool:
    kind = response.mimetype or ""
    return kind.startswith("text/") or kind in TYPES


def _takes_gzip() -> bool:
    return request.accept_encodings.quality("gzip") > 0
