"""The Flask application factory.

The app has every blueprint, guard, header and error page in place, and safe values where Flask's
defaults are open. Importing this module does no work.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, g
from jinja2 import StrictUndefined
from markupsafe import Markup

from kb.authoring.working_copy import Workspace
from kb.config.demo_marker import SAYS
from kb.config.settings import Settings, load
from kb.errors import ConfigError
from kb.services import Services, build
from kb.web import api, errors, filters, guard, headers, request_log, site_address
from kb.web.filters import address, direction
from kb.web.request_log import Counting
from kb.web.views import (
    account,
    articles,
    authors,
    branch_previews,
    desk,
    gaps,
    history,
    hooks,
    local_preview,
    operators,
    reports,
    saved_views,
    snapshots,
    subscriptions,
)
from kb.web.views import annotations as views_annotations
from kb.web.views import tickets as views_tickets
from search.text.pasted import MAX_PASTED

LONGEST_REQUEST = 256 * 1024  # bytes; more than the longest ticket needs
SPARE = 8  # counting places beyond two per web process (one ends while another starts)
BLUEPRINTS = (
    articles.blueprint,
    articles.survey_blueprint,
    history.blueprint,
    views_tickets.blueprint,
    views_tickets.link_again_blueprint,
    subscriptions.blueprint,
    account.blueprint,
    account.own_account_blueprint,
    account.forgotten_blueprint,
    desk.blueprint,
    operators.stored_emails_blueprint,
    reports.blueprint,
    views_annotations.blueprint,
    saved_views.blueprint,
    snapshots.blueprint,
    gaps.blueprint,
    authors.blueprint,
    operators.blueprint,
    operators.metrics_blueprint,
    authors.publishing_blueprint,
    branch_previews.blueprint,
    hooks.blueprint,
    api.blueprint,
)


def create_app(settings: Settings | None = None, services: Services | None = None) -> Flask:
    """Return the site for these settings (by default, those of the environment)."""
    settings = settings or (services.settings if services else load())
    if not (settings.templates / "base.html").is_file():
        raise ConfigError(
            f"There are no page templates at {settings.templates}.",
            "Start in the folder of the checkout, or set KB_TEMPLATES to its folder templates.",
        )
    app = Flask(
        __name__,
        static_folder=str(headers.STATIC),
        template_folder=str(settings.templates.absolute()),
    )
    parts = services or build(settings, pages=True)
    app.config.from_mapping(_config(settings, parts.secret_key))
    app.extensions["services"] = parts
    site_address.init_app(app, settings, parts.proxied)
    _prepare_templates(app, settings)
    counting = Counting(SPARE + 2 * settings.workers)
    app.extensions["counting"] = counting
    request_log.init_app(app)
    for begin in (
        headers.init_compression,
        branch_previews.init_app,
        guard.init_app,
        headers.init_app,
        errors.init_app,
        filters.init_app,
        filters.init_addresses,
    ):
        begin(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    site_address.check_path(app, settings)
    counting.begin(app.view_functions)
    app.wsgi_app = request_log.RequestLog(app.wsgi_app, counting)  # type: ignore[method-assign]
    return app


def serve_preview(services: Services, work: Workspace) -> None:
    """Serve the site with the author's articles and the preview's own pages until stopped."""
    app = create_app(services=services)
    local_preview.init_app(app, work)
    local_preview.serve(app, services.settings)


def _config(settings: Settings, secret_key: str) -> dict[str, Any]:
    """Return Flask's settings; each closes something that is open by default."""
    secure = settings.site.scheme == "https"
    return {
        "SECRET_KEY": secret_key,
        "SECRET_KEY_FALLBACKS": list(settings.secret_key_fallbacks),
        "MAX_CONTENT_LENGTH": LONGEST_REQUEST,
        "MAX_FORM_MEMORY_SIZE": LONGEST_REQUEST,
        "MAX_FORM_PARTS": 50,
        "SESSION_COOKIE_NAME": f"{_cookie_prefix(settings)}session",
        "SESSION_COOKIE_PATH": settings.site.path or "/",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": settings.session_lifetime,
        "SESSION_REFRESH_EACH_REQUEST": False,
    }


def _cookie_prefix(settings: Settings) -> str:
    """Return the name prefix by which browsers restrict a cookie to https, and to this host where
    the whole host is ours.
    """
    if settings.site.scheme != "https":
        return ""
    return "__Secure-" if settings.site.path else "__Host-"


def _prepare_templates(app: Flask, settings: Settings) -> None:
    """Make an undefined name an error, and give every page what the frame needs."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True

    app.jinja_env.globals["in_language"] = _in_language
    app.jinja_env.globals["longest_query"] = MAX_PASTED
    demonstration = SAYS if settings.demonstration else ""

    @app.context_processor
    def _frame() -> dict[str, Any]:
        return {
            "site_name": settings.site_name,
            "demonstration": demonstration,
            "viewer": g.viewer,
            "asset": _asset,
            "rtl_languages": filters.RIGHT_TO_LEFT,
            "offer": guard.offer(),
            "not_listed": headers.NOT_LISTED if headers.is_personal() else "",
        }


def _in_language(language: str) -> Markup:
    """Return the attributes of an element whose text is in a language that is not the page's."""
    if language == "en":
        return Markup()
    return Markup(' lang="{}" dir="{}"').format(language, direction(language))


def _asset(name: str) -> str:
    """Return the address of a static file, with its hash so that browsers may keep it."""
    return address("static", filename=name, v=headers.version(name))
