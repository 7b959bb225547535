"""Security headers on every response.

Promises that a page can run only this site's own script files and style sheets, can be framed by
nobody, and tells other sites nothing of where its reader was.
"""

from __future__ import annotations

from flask import Flask, Response, current_app, g, request

from kb.web.guard import standings, wants_json
from kb.web.previews import keep_apart

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
# Where pages hold words of one person, or lead to them; robots.txt names these too.
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
AWAY_S = 10  # a database or a worker that is away is tried again sooner than this


def init_app(app: Flask) -> None:
    """Add the headers to every response of the app."""
    app.after_request(_protect)


def is_personal() -> bool:
    """Return whether this page is for one person: by its address, a secret in it, or a question to
    them that stands on the page. A browser keeps it no longer than it is open.
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
    """Say to programs, and to everybody who is refused, what is left of the limits that counted
    this request, and when to come again.

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
