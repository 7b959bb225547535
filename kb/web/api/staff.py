"""Routes for programs of staff: gaps, reports and publishing.

Gaps, words and cells are those of the pages. A commit counts as live when it is part of what this
process shows to readers, also when a later one was published with it or when it changed no article;
it does not while an article that it changed was refused or waits for its time. Problems are listed
for staff alone.
"""

from __future__ import annotations

import re
from typing import Any

from flask import Response, abort, jsonify, request

from kb.accounts.roles import Permission
from kb.analytics.date_ranges import RANGES, asked_range
from kb.analytics.definitions import DEFINITION_VERSION
from kb.content.problem import Problem
from kb.errors import InvalidInput
from kb.gaps.export import detail_json
from kb.gaps.export import json_rows as gap_json_rows
from kb.gaps.service import GapFilter, detail, listing
from kb.publishing.state import PublishState, lineage_of, read_state, withheld_of
from kb.reports.pages import CODE, PAGES, table_of
from kb.table import json_rows
from kb.web.api.routes import blueprint
from kb.web.guard import needs, now, services, viewer
from search.index.opened import Generation

# -- Gaps --


@blueprint.get("/gaps")
@needs(Permission.READ_REPORTS)
def gaps() -> Response:
    """What people did not find, the most asked for first."""
    parts = services()
    given = {name: request.args.get(name, "")[:40] for name in ("cause", "language", "owner")}
    wanted = GapFilter(status=request.args.get("status", "open")[:20], **given)
    return jsonify(
        gap_json_rows(listing(parts.db, wanted, k=parts.settings.k_anonymity, now=now()))
    )


@blueprint.get("/gaps/<number>")
@needs(Permission.READ_REPORTS)
def gap(number: str) -> Response:
    """One gap with the questions inside."""
    if not number.isdecimal() or len(number) > 9:
        abort(404, "There is no such gap.")
    parts = services()
    return jsonify(detail_json(detail(parts.db, int(number), k=parts.settings.k_anonymity)))


# -- Publishing: a pipeline can wait until its commit is live --


_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@blueprint.get("/publishing")
@needs(Permission.READ, limit="pages")
def publishing() -> Response:
    """What is live, and whether the commit asked for is."""
    parts = services()
    library, live = parts.library(), parts.engine.generation
    problems = library.problems
    standing = read_state(parts.settings.data)
    shown = problems if viewer().may(Permission.STAFF) else ()
    return jsonify(
        commit=_newest(standing, live),
        live=library.commit == live.commit and _is_live(_asked(), standing, live),
        withheld=_is_withheld(_asked(), live),
        generation=live.id,
        articles=live.manifest.documents,
        rolled_back=standing.pin is not None,
        refused=standing.refusal.reason if standing.refusal else "",
        trouble=standing.wrong,
        problem_count=len(problems),
        problems=[_row(problem) for problem in shown],
    )


def _asked() -> str:
    commit = request.args.get("commit", "").lower()
    if commit and not _COMMIT.fullmatch(commit):
        problem = "A commit's id: at least 7 hexadecimal digits."
        raise InvalidInput(
            "No commit has such an id.", "Give it whole.", fields={"commit": problem}
        )
    return commit


def _newest(standing: PublishState, live: Generation) -> str:
    """Return the newest live commit; one that changed no article has no generation of its own."""
    return standing.seen[0] if standing.seen and _is_of(standing, live) else live.commit


def _is_of(standing: PublishState, live: Generation) -> bool:
    """Return whether this process shows what the last publish saw; another may be quicker."""
    return standing.generation == live.id


def _is_live(commit: str, standing: PublishState, live: Generation) -> bool:
    """Return whether readers find that commit; without one, whether they find the newest."""
    if not commit:
        return not standing.wrong and standing.pin is None and _is_of(standing, live)
    held = set(lineage_of(live)) | {live.commit}
    if _is_of(standing, live):
        held |= set(standing.seen)
    meant = {one for one in held if one.startswith(commit)}
    return bool(meant) and not meant & withheld_of(live)


def _is_withheld(commit: str, live: Generation) -> bool:
    """Return whether an article of that commit was refused or waits for its time."""
    return bool(commit) and any(one.startswith(commit) for one in withheld_of(live))


def _row(problem: Problem) -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "refused": problem.refused,
    }


# -- Reports --


@blueprint.get("/reports")
@needs(Permission.READ_REPORTS)
def reports() -> Response:
    """The pages of the report with the names of their tables, and the ranges that have names."""
    pages = [{"page": p.key, "title": p.title, "tables": p.tables} for p in PAGES.values()]
    ranges = [{"range": named.key, "title": named.words} for named in RANGES.values()]
    return jsonify(pages=pages, ranges=ranges)


@blueprint.get("/reports/<table>")
@needs(Permission.READ_REPORTS)
def report_table(table: str) -> Response:
    """One table of the report."""
    parts, at = services(), now()
    span = asked_range(request.args, at.date())
    found = table_of(parts.report_source(), table, span, at)
    return jsonify(
        {
            "table": found.key,
            "caption": found.caption,
            "from": span.first.isoformat(),
            "until": span.last.isoformat(),
            "made_at": at.isoformat(timespec="seconds"),
            "definition_version": DEFINITION_VERSION,
            "code_version": CODE,
            "demonstration": parts.settings.demonstration,
            "columns": [column.to_json() for column in found.columns],
            "rows": json_rows(found),
        }
    )
