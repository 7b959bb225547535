"""Gaps for programs: what people did not find, by what they meant.

Promises the same gaps and words as the pages. Knows no rule.
"""

from __future__ import annotations

from flask import Response, abort, jsonify, request

from kb.accounts.roles import Permission
from kb.gaps.export import detail_json, json_rows
from kb.gaps.service import GapFilter, detail, listing
from kb.web.api.routes import blueprint
from kb.web.guard import needs, now, services


@blueprint.get("/gaps")
@needs(Permission.READ_REPORTS)
def gaps() -> Response:
    """What people did not find, the most asked for first."""
    parts = services()
    given = {name: request.args.get(name, "")[:40] for name in ("cause", "language", "owner")}
    wanted = GapFilter(status=request.args.get("status", "open")[:20], **given)
    return jsonify(json_rows(listing(parts.db, wanted, k=parts.settings.k_anonymity, now=now())))


@blueprint.get("/gaps/<number>")
@needs(Permission.READ_REPORTS)
def gap(number: str) -> Response:
    """One gap with the questions inside."""
    if not number.isdecimal() or len(number) > 9:
        abort(404, "There is no such gap.")
    parts = services()
    return jsonify(detail_json(detail(parts.db, int(number), k=parts.settings.k_anonymity)))
