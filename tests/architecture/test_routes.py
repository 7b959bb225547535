"""The routes are kept in Git, so that none appears or vanishes unnoticed."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from kb.accounts.roles import Permission
from tests.architecture.generated import routes

KEPT = Path(__file__).with_name("routes.txt")
LIMITS = {
    "", "search", "suggest", "pages", "form", "reading", "vote", "ticket", "write", "guesses",
}  # fmt: skip


def test_the_routes_are_those_kept_in_git(app: Flask) -> None:
    assert routes(app) == KEPT.read_text(encoding="utf-8").splitlines()


def test_every_route_declares_a_permission_and_a_known_limit(app: Flask) -> None:
    for endpoint, view in app.view_functions.items():
        if endpoint != "static":
            assert isinstance(getattr(view, "permission", None), Permission), endpoint
            assert getattr(view, "limit", None) in LIMITS, endpoint


def test_what_anybody_may_change_is_rate_limited(app: Flask) -> None:
    """Without an account, each address may write only so often; what ends something of
    one's own browser excepted.
    """
    harmless = {"account.sign_out", "previews.leave"}
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        writes = bool({"POST", "PUT", "PATCH", "DELETE"} & (rule.methods or set()))
        if writes and rule.endpoint not in harmless and view.permission is Permission.READ:
            assert view.limit, rule.endpoint


def test_a_route_without_a_permission_is_refused(app: Flask) -> None:
    app.add_url_rule("/undeclared", view_func=lambda: "open to all", endpoint="undeclared")
    assert app.test_client().get("/undeclared").status_code == 403
