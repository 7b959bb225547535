"""What is live, for programs: a pipeline can wait until its commit is.

Promises that a commit counts as live when it is part of what this process shows to readers, also
when a later one was published with it or when it changed no article; and not while an article that
it changed was refused or waits for its time. Problems are listed for staff alone.
"""

from __future__ import annotations

import re
from typing import Any

from flask import Response, jsonify, request

from kb.accounts.roles import Permission
from kb.content.problem import Problem
from kb.errors import InvalidInput
from kb.publishing.state import PublishState, lineage_of, read_state, withheld_of
from kb.web.api.routes import blueprint
from kb.web.guard import needs, services, viewer
from search.opened import Generation

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
    """Return the newest commit that is live; one that changed no article built nothing."""
    return standing.seen[0] if standing.seen and _is_of(standing, live) else live.commit


def _is_of(standing: PublishState, live: Generation) -> bool:
    """Whether what the last publish saw is what this process shows; another may be quicker."""
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
