"""Where the site is put: behind proxies, under a path, asked for by several names.

This WSGI middleware runs before everything else. Forwarding headers are believed only from declared
proxies; the rest of the site sees one spelling of client, host and path; and under a host name that
is not ours only the probes are answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import SecurityError

from kb.config.settings import Settings
from kb.errors import ConfigError
from kb.proxies import PORTS, Client, Host, Proxied, client_of, is_among, read_address, read_host

# Asked by IP address, by what starts, watches and balances processes.
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
UNKNOWN_HOST = "tier_zero.unknown_host"  # in a request's environment: its host is not one of ours
FORWARDING = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_FORWARDED",
)
_PORT = re.compile(r"[0-9]{1,5}")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]{1,64}){1,8}/?")


class Places:
    """WSGI middleware: a request as the site's own pages should see it."""

    def __init__(self, app: Any, settings: Settings, proxied: Proxied) -> None:
        self._app = app
        self._site = settings.site
        self._declared = settings.trusted_proxies
        self._names = settings.names
        self._proxied = proxied

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        asker = self._ask(environ)
        self._mount(environ, asker)
        self._name(environ, asker)
        return self._app(environ, start_response)  # type: ignore[no-any-return]

    def _ask(self, environ: dict[str, Any]) -> Client | None:
        """Set the client's address; return the client if a declared proxy names it, else None."""
        peer = read_address(environ.get("REMOTE_ADDR") or "")
        if peer is None:
            return None
        asker = client_of(peer, environ.get("HTTP_X_FORWARDED_FOR", ""), self._declared)
        environ["REMOTE_ADDR"] = str(asker.address)
        if asker.proxies:
            return asker
        if not peer.is_global and any(name in environ for name in FORWARDING):
            self._proxied.undeclared(str(peer))
        return None

    def _mount(self, environ: dict[str, Any], asker: Client | None) -> None:
        """Set the path that the site is under, whether or not the proxy took it off."""
        root, path = self._site.path, environ.get("PATH_INFO", "")
        environ["SCRIPT_NAME"] = root
        if root:
            whole = path == root or path.startswith(f"{root}/")
            # nginx's `location /kb` with `proxy_pass .../` leaves two slashes: a redirect to a path
            # with one would come back with two.
            environ["PATH_INFO"] = "/" + (path[len(root) :] if whole else path).lstrip("/")
        said = asker.said(environ.get("HTTP_X_FORWARDED_PREFIX", "")) if asker else ""
        if _PREFIX.fullmatch(said) and said.rstrip("/") != root:
            self._proxied.prefixed(said, root)

    def _name(self, environ: dict[str, Any], asker: Client | None) -> None:
        """Set the host and the scheme; where the host is not ours, note that and set our own."""
        scheme = asker.said(environ.get("HTTP_X_FORWARDED_PROTO", "")).lower() if asker else ""
        if scheme in PORTS:
            environ["wsgi.url_scheme"] = scheme
        host = _host(environ, asker)
        if host is None or not is_among(host.name, self._names):
            environ[UNKNOWN_HOST] = environ.get("PATH_INFO") not in PROBES
            environ["HTTP_HOST"] = self._site.netloc
        elif asker and host.name == self._site.host.name:
            # The public address of this name is known; many proxies leave the port out.
            environ["HTTP_HOST"] = self._site.netloc
            environ["wsgi.url_scheme"] = self._site.scheme
        else:
            environ["HTTP_HOST"] = str(host)


def _host(environ: dict[str, Any], asker: Client | None) -> Host | None:
    """Return the host that was asked for, None where it is invalid."""
    told = asker.said(environ.get("HTTP_X_FORWARDED_HOST", "")) if asker else ""
    server = environ.get("SERVER_NAME", "")
    own = f"[{server}]" if ":" in server else server
    asked = told or environ.get("HTTP_HOST") or f"{own}:{environ.get('SERVER_PORT', '')}"
    host = read_host(asked)
    port = asker.said(environ.get("HTTP_X_FORWARDED_PORT", "")) if asker else ""
    # Usual ports are ignored: a balancer that ends TLS often sends the port behind it.
    if host and not host.port and _PORT.fullmatch(port) and int(port) not in PORTS.values():
        return read_host(f"{host}:{port}")
    return host


def init_app(app: Flask, settings: Settings, proxied: Proxied) -> None:
    """Install the middleware; call this before all else that looks at a request."""
    app.wsgi_app = Places(app.wsgi_app, settings, proxied)  # type: ignore[method-assign]
    app.before_request(_refuse_unknown_hosts)


def check_path(app: Flask, settings: Settings) -> None:
    """Raise ConfigError where pages of the site begin with the path of site_url: an address there
    would have two meanings.
    """
    first = settings.site.path.lstrip("/").partition("/")[0]
    own = {rule.rule.lstrip("/").partition("/")[0] for rule in app.url_map.iter_rules()}
    if first and first in own:
        raise ConfigError(
            f"site_url cannot have the path {settings.site.path}: pages of the site begin so.",
            "Put the site under another path, such as /help.",
        )


def _refuse_unknown_hosts() -> None:
    if request.environ.get(UNKNOWN_HOST):
        raise SecurityError()
