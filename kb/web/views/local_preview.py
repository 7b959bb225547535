"""What only `kb preview` has: the bar on top of each page, the stream of changes, the overview.

No other site has these pages. The author sees what every reader may see, and only reading is
answered: no ticket, vote or sign-in leaves a trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from werkzeug.serving import WSGIRequestHandler, make_server

from kb.accounts.roles import Permission, Role, Viewer
from kb.authoring.working_copy import Workspace
from kb.config.settings import Settings
from kb.web.guard import needs

blueprint = Blueprint("preview", __name__, url_prefix="/preview")

SHOWN = frozenset({"reader", "history", "preview", "static", "operator"})
ABSENT = "The preview shows articles and finds them; nothing else is a part of it."
BEAT_S = 15.0  # between keep-alive messages, by which a closed window is noticed


def init_app(app: Flask, work: Workspace) -> None:
    """Make the site a preview of `work`."""
    app.extensions["workspace"] = work
    app.register_blueprint(blueprint)


def serve(app: Flask, settings: Settings) -> None:
    """Answer this machine until stopped; each open page keeps a connection, hence threads."""
    server = make_server(settings.host, settings.port, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    try:
        server.serve_forever()
    finally:
        server.server_close()


class _Quiet(WSGIRequestHandler):
    """A request handler that logs nothing on the author's terminal."""

    protocol_version = "HTTP/1.1"

    def log(self, *args: Any) -> None:
        """Log nothing."""


@blueprint.get("/")
@needs(Permission.READ)
def overview() -> str:
    """All problems, by file, and what readers do not see yet."""
    library = _work().as_read()
    files: dict[str, list[Any]] = {}
    for problem in library.problems:
        files.setdefault(problem.path, []).append(problem)
    hidden = [a for a in library.articles.values() if a.status.value != "published"]
    slugs = {article.path: article.slug for article in library.articles.values()}
    return render_template("preview/overview.html", files=files, hidden=hidden, slugs=slugs)


@blueprint.get("/changes")
@needs(Permission.READ)
def changes() -> Response:
    """Stream the name of the present state, and each later one, as server-sent events."""
    kind = "index" if request.args.get("kind") == "index" else "pages"
    news = Response(stream_with_context(_news(_work(), kind)), mimetype="text/event-stream")
    news.headers["Cache-Control"] = "no-store"
    return news


def _news(work: Workspace, kind: str) -> Iterator[str]:
    known = ""
    while True:
        state = work.wait(kind, known, BEAT_S)
        yield f"data: {state}\n\n" if state != known else ": still here\n\n"
        known = state


@blueprint.before_app_request
def _look_on() -> None:
    """Let the author see staff articles; refuse what would leave a trace."""
    if request.method not in {"GET", "HEAD"}:
        abort(403, "This is a preview: nothing is sent or kept.")
    if request.blueprint not in SHOWN and request.endpoint != "static":
        abort(404, ABSENT)
    g.viewer = replace(g.viewer, role=Role.AUTHOR)


@blueprint.app_context_processor
def _bar() -> dict[str, Any]:
    """Give every page the bar, and a frame that offers only what the preview has."""
    work = _work()
    kind = "index" if request.endpoint == "reader.search" else "pages"
    slug = (request.view_args or {}).get("slug", "")
    return {
        "viewer": Viewer(visitor=""),
        "preview": {
            "standing": work.standing(slug) if slug else None,
            "state": work.state(kind),
            "news": url_for("preview.changes", kind=kind),
            "overview": url_for("preview.overview"),
            "count": len(work.as_read().problems),
        },
    }


def _work() -> Workspace:
    return cast("Workspace", current_app.extensions["workspace"])
