"""What is live, for programs: a pipeline can wait until its commit is.

Promises that a commit counts as live when it is part of what readers find, also when a later one
was published with it or when it changed no article. Problems are listed for staff alone.
"""

from __future__ import annotations

import re
from typing import Any

from flask import Response, jsonify, request

from kb.content.problem import Problem
from kb.errors import InvalidInput
from kb.lookup.made import lineage_of
from kb.lookup.standing import Standing, read_standing
from kb.people.roles import Permission
from kb.web.api.routes import blueprint
from kb.web.guard import needs, services, viewer
from search.opened import Generation

_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@blueprint.get("/publishing")
@needs(Permission.READ, limit="pages")
def publishing() -> Response:
    """What is live, and whether the commit asked for is."""
    parts = services()
    problems, live = parts.library().problems, parts.engine.generation
    standing = read_standing(parts.settings.data)
    shown = problems if viewer().may(Permission.STAFF) else ()
    return jsonify(
        commit=_newest(standing, live),
        live=_is_live(_asked(), standing, live),
        generation=live.id,
        articles=live.manifest.documents,
        rolled_back=standing.pin is not None,
        refused=standing.refusal.reason if standing.refusal else "",
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


def _newest(standing: Standing, live: Generation) -> str:
    """Return the newest commit that is live; one that changed no article built nothing."""
    return standing.seen[0] if standing.seen and live.commit in standing.seen else live.commit


def _is_live(commit: str, standing: Standing, live: Generation) -> bool:
    """Return whether readers find that commit; without one, whether they find the newest."""
    if not commit:
        return standing.refusal is None and standing.pin is None
    held = set(lineage_of(live)) | {live.commit}
    if live.commit in standing.seen:
        held |= set(standing.seen)
    return any(one.startswith(commit) for one in held)


def _row(problem: Problem) -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "refused": problem.refused,
    }
