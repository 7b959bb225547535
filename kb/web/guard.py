"""Checks in front of every route: who is asking, may they, is it theirs, is it too much.

Access is denied by default: a route that declares no permission is refused, and an unsafe request
must come from our own pages or carry an API token. Every check happens in this one place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar, cast

from flask import Flask, abort, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from kb.accounts.rate_limits import Rate, RemainingRate, mailbox, network
from kb.accounts.roles import STAFF_ROLES, Permission, Role, Viewer
from kb.accounts.sign_in import Caller
from kb.accounts.store import Account
from kb.errors import NotFound, StoreError
from kb.proxies import Site, read_host, read_origin
from kb.services import Services
from kb.tickets.model import Offer
from kb.tickets.offers import open_offer
from kb.tracking.events import Event, is_young
from kb.tracking.user_agents import device_of, is_ahead, is_robot

log = logging.getLogger(__name__)

Parts = Services  # the name that pages use for them
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
TEN_MINUTES = timedelta(minutes=10)
MANY = 10  # a program may do this many times what one person may
READING = frozenset({"search", "suggest", "pages", "form"})  # limits that count reading
GUESSES = "guesses"  # limit of a route that takes a password: it counts wrong ones itself


def needs(
    permission: Permission,
    *,
    limit: str = "",
    signed: bool = False,
    in_person: bool = False,
    spooled: bool = False,
) -> Callable[[View], View]:
    """Declare the permission that a route needs, and the rate limit that counts it (see `_rate`).

    A `signed` route is called by programs and verifies the caller itself, so no page of ours needs
    to have sent the request. An `in_person` route is refused to API tokens, which may not make
    others. A `spooled` route goes on while the database is away: a token that was good minutes ago
    is believed, and its account may then read what everybody may.
    """

    def declare(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        view.limit = limit  # type: ignore[attr-defined]
        view.signed = signed  # type: ignore[attr-defined]
        view.in_person = in_person  # type: ignore[attr-defined]
        view.spooled = spooled  # type: ignore[attr-defined]
        return view

    return declare


def services() -> Services:
    """Return the services behind this page: those of a branch where a preview is open."""
    return cast("Services", g.get("services") or live_services())


def live_services() -> Services:
    """Return the services of the live site, even where a preview is open."""
    return cast("Services", current_app.extensions["services"])


def viewer() -> Viewer:
    """Return the person behind this request."""
    return cast("Viewer", g.viewer)


def now() -> datetime:
    """Return the time of this request, the same throughout."""
    if "now" not in g:
        g.now = datetime.now(UTC)
    return cast("datetime", g.now)


def chosen(name: str) -> frozenset[str]:
    """Return the values of a filter in the address, without those that no article can have: not
    every database can store them.
    """
    given = request.args.getlist(name)[:20]
    return frozenset(value for value in given if value.isprintable() and 0 < len(value) <= 100)


def own_search(search_id: str | None) -> Event | None:
    """Return the search if this person made it, under the present pseudonym or one from before
    signing in or midnight.
    """
    if not search_id:
        return None
    address, agent = request.remote_addr or "", request.user_agent.string
    before = services().visitors.others(address, agent, now())
    return services().record.own_search(viewer(), search_id, now=now(), others=before)


def named_search(search_id: str | None) -> str | None:
    """Return the id when the search is this person's, or too young to be looked up yet; the event
    log drops it when it turns out to be another's.
    """
    found = own_search(search_id)
    if found is None and search_id and is_young(search_id, now()):
        return search_id
    return found.id if found else None


def must_be_kept(kept: bool) -> None:
    """Go on, and thank, only when what somebody said was stored; 409 in a preview, else 503."""
    if not services().recorder.keeps:
        abort(409, "This is a preview: what you say of its articles is not counted.")
    if not kept:
        abort(503, "Your answer could not be stored.")


def tried(search: Event | None) -> dict[str, Any]:
    """Return what this person tried before a ticket. Without an account or a search of their own it
    is nothing: behind one network address the last visit may be another's.
    """
    if search is None and not viewer().signed_in:
        return {}
    return services().trail(viewer().visitor, search.id if search else None, now())


def offer() -> Offer | None:
    """Return the open offer of a ticket to this person, None for most people."""
    if not viewer().signed_in:
        return None
    try:
        asked = open_offer(services().desk, viewer().user_id)
    except StoreError:
        return None
    if asked is not None:
        g.asks = True  # the page holds this person's words: kb.web.headers
    return asked


def look_again() -> None:
    """Determine again who is asking, after the session has changed."""
    g.viewer = _viewer()


def init_app(app: Flask) -> None:
    """Put the guard in front of every route of the app."""
    app.before_request(_stand)


def _stand() -> ResponseReturnValue | None:
    """Refuse the request, or set `g.viewer` and let it pass."""
    g.viewer = Viewer(visitor="")
    if request.endpoint is None or request.endpoint == "static":
        return None
    if (request.url_rule or "") and request.routing_exception:
        return None
    if request.method == "OPTIONS":  # which methods an address takes is no secret
        return None
    if "\0" in request.path:  # no address of ours holds one, and PostgreSQL takes none
        abort(404)
    view = current_app.view_functions[request.endpoint]
    permission = getattr(view, "permission", None)
    if permission is None:
        abort(403, "This page declares no permission.")
    g.viewer = _viewer()
    signed = getattr(view, "signed", False)
    if request.method not in SAFE and not signed and not _from_our_pages():
        g.elsewhere, said = True, _compared()
        log.warning("%s refused: %s", request.method, said)
        abort(403, said)
    g.ours = not signed
    if not g.viewer.may(permission):
        return _refuse()
    if getattr(view, "in_person", False) and _bearer():
        abort(403, "An API token cannot do this. Sign in in a browser.")
    return _limit(getattr(view, "limit", ""))


def _refuse() -> ResponseReturnValue | None:
    """Send an anonymous reader to sign in; refuse anybody else."""
    if "record_away" in g:  # who is asking cannot be known; signing in would not help
        raise g.record_away
    if g.viewer.signed_in or request.method not in SAFE or wants_json():
        abort(401 if not g.viewer.signed_in else 403)
    here = request.root_path + request.full_path
    return redirect(url_for("account.sign_in", next=here.rstrip("?")))


def wants_json() -> bool:
    """Return whether the caller speaks JSON: the API, and the scripts of our pages."""
    return (
        request.path.startswith(("/api/", "/hooks/", "/metrics"))
        or request.accept_mimetypes.best == "application/json"
    )


def _viewer() -> Viewer:
    """Return who is asking, by API token, else by session, else an anonymous visitor."""
    parts = services()
    agent = request.user_agent.string
    device = device_of(agent).value
    account = _account()
    if account is None:
        visitor = parts.visitors.anonymous(request.remote_addr or "", agent, now())
        robot = is_robot(agent) or _ahead()
        return Viewer(visitor=visitor, left_out="robot" if robot else "", device=device)
    return Viewer(
        visitor=parts.visitors.signed_in(account.id),
        role=Role.ANONYMOUS if "record_away" in g else account.role,
        user_id=account.id,
        name=account.name,
        email=account.email,
        left_out="staff" if account.role in STAFF_ROLES else "robot" if _ahead() else "",
        device=device,
    )


def _ahead() -> bool:
    """Return whether the browser prefetches the page."""
    return is_ahead(request.method, dict(request.headers))


def _account() -> Account | None:
    """Return the account behind the token or the session; None without one or with a stale one."""
    if token := _bearer():
        return _of_token(token)
    if "account" not in session:
        return None
    try:
        account = services().accounts.by_id(session["account"])
    except NotFound:
        account = None
    except StoreError as problem:  # the public site works although the database is down
        g.record_away = problem
        return None
    if account and account.active and account.session_version == session.get("version"):
        return account
    session.clear()
    return None


def _of_token(token: str) -> Account:
    try:
        return services().accounts.by_token(token, now()) or _unknown_token()
    except StoreError as problem:
        view = current_app.view_functions.get(request.endpoint or "")
        if not getattr(view, "spooled", False):
            raise
        known = services().accounts.by_recent_token(token, now())
        if known is None:
            raise
        g.record_away = problem
        return known


def _unknown_token() -> NoReturn:
    services().entrance.token_refused(Caller(request.remote_addr or ""), now())
    abort(401, "This API token is not known: it is wrong, has expired or was revoked.")


def link_refused() -> None:
    """Count a private link that leads nowhere; raise TooSoon after too many from one network,
    StoreError when it cannot be counted.
    """
    services().entrance.link_refused(Caller(request.remote_addr or ""), now())


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _from_our_pages() -> bool:
    """Return whether an unsafe request comes from this site's own pages or carries a token.

    Browsers say so in headers that no page can set: Sec-Fetch-Site, and Origin where that is
    absent. A browser sends no token of its own accord, so a request with one needs neither. A
    request without any of them is refused (docs/decisions/0007).
    """
    if _bearer():
        return True
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return _is_ours(read_origin(request.headers.get("Origin", "")))


def _is_ours(origin: Site | None) -> bool:
    """Return whether an origin is that of site_url or of the host that was asked for. A site_url of
    this machine (localhost) counts only there: elsewhere it would be the reader's own machine.
    """
    asked = read_host(request.host)
    if origin is None or asked is None:
        return False
    public = services().settings.site
    if origin.origin == public.origin and (
        asked.is_this_machine or not public.host.is_this_machine
    ):
        return True
    return replace(origin, host=asked).origin == origin.origin


def _compared() -> str:
    """Return why a request is not taken for one of our own pages, and what was compared."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        shown = site if site in {"cross-site", "same-site", "none"} else "something unknown"
        said = f"Your browser says that this came from another site (Sec-Fetch-Site: {shown})"
    elif origin is None:
        said = "Your browser did not say which page this came from (no Origin header)"
    else:
        shown = str(read_origin(origin) or ("null" if origin == "null" else "an unreadable origin"))
        said = (
            f"Your browser says that this came from {shown}, and this site is {request.host} "
            f"(its public address: {services().settings.site_url})"
        )
    return f"{said}, so it was not accepted as sent from a page of this site."


def _rate(limit: str) -> Rate:
    """Return the rate for one person; each limit has a count of its own."""
    settings, minute = services().settings, timedelta(minutes=1)
    return {
        "search": Rate("search", settings.search_rate, minute),
        "pages": Rate("pages", settings.search_rate, minute),
        "form": Rate("form", settings.search_rate, minute),
        "suggest": Rate("suggest", settings.suggest_rate, minute),
        "reading": Rate("reading", MANY * settings.search_rate, minute),
        "vote": Rate("vote", settings.write_rate, TEN_MINUTES),
        "write": Rate("write", settings.write_rate, TEN_MINUTES),
        "ticket": Rate("ticket", settings.ticket_rate, TEN_MINUTES),
    }[limit]


def _limit(limit: str) -> ResponseReturnValue | None:
    """Refuse when this person, program or network has asked too often."""
    if limit in {"", GUESSES} or (limit not in READING and request.method in SAFE):
        return None
    count(*_counted_under(_rate(limit)))
    return None


def _counted_under(rate: Rate) -> tuple[tuple[Rate, str], ...]:
    """Return the rates that count one request, each with its key.

    An account has one count, wherever it is used, and its programs have another. Without an account
    there are two: the network's is wide, and bounds clients that name another browser each time;
    the browser's is half of that, so that one who floods leaves the other half. Narrower it cannot
    be, for the browsers of an office are often all alike.
    """
    if by_token():  # a program asks for many people, from one address
        many = replace(rate, what=f"{rate.what}-program", count=MANY * rate.count)
        return ((many, f"account:{viewer().user_id}"),)
    if viewer().signed_in:
        return ((rate, f"account:{viewer().user_id}"),)
    people = services().settings.network_rate
    wide = replace(rate, what=f"{rate.what}-network", count=people * rate.count)
    narrow = replace(rate, count=max(rate.count, -(-wide.count // 2)))
    return (narrow, f"visitor:{viewer().visitor}"), (wide, network(request.remote_addr or ""))


def count_ticket_for(address: str) -> None:
    """Count a ticket that somebody files for another against that person's own limit."""
    count((replace(_rate("ticket"), what="ticket-for"), f"for:{mailbox(address)}"))


def count(*wanted: tuple[Rate, str]) -> None:
    """Count one request under each rate and key; refuse it with 429 and Retry-After when one of
    them is full.
    """
    taken = services().limits.take(wanted, now())
    g.standings = (*standings(), *taken.standings)
    if full := taken.full:
        whose = "Your network" if full.rate.what.endswith("-network") else "You"
        refuse(full.rate, full.wait, f"{whose} asked for more than this site answers in that time.")


def refuse(rate: Rate, wait: int, message: str) -> NoReturn:
    """Refuse with 429 until the window of the rate ends in `wait` seconds."""
    g.standings = (RemainingRate(rate, 0, wait), *standings())
    g.retry_after = wait
    abort(429, message)


def standings() -> tuple[RemainingRate, ...]:
    """Return what is left of each limit that counted this request."""
    return cast("tuple[RemainingRate, ...]", g.get("standings", ()))


def by_token() -> bool:
    """Return whether a program asks, with its account's token."""
    return bool(_bearer()) and viewer().signed_in
