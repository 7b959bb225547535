"""Pages for support leads and authors: gaps, the questions in them, what is done about them.

Words are shown as the privacy rule allows, each action has a form of its own, and what cannot be
undone with one click is confirmed first. The rules are in `kb.gaps`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from kb.accounts.roles import STAFF_ROLES, Permission, Role, audiences
from kb.authoring.new_article import NewArticle, beginning_of, begun_text, slug_of
from kb.errors import InvalidInput, NotAllowed, NotFound, ProductError
from kb.gaps import service as gaps_service
from kb.gaps.export import csv_rows, json_rows
from kb.gaps.fixes import Fix, fix_of, reader_of
from kb.gaps.model import GapStatus, RootCause
from kb.web.files import attached, attached_csv
from kb.web.guard import needs, now, services, viewer
from search.types import Query

blueprint = Blueprint("gaps", __name__, url_prefix="/reports")

PAGE = 50
LOOKED_AT = 10  # questions whose present results are looked up for the page
TOP = 3
STATES = ("open", *(status.value for status in GapStatus), "all")
# Actions that take more than a click to undo are confirmed first.
ASK = frozenset({"merge", "split", "move", "decline"})


@blueprint.get("/gaps")
@needs(Permission.READ_REPORTS)
def listing() -> str:
    """The gaps, the most asked for first."""
    found, wanted = _found()
    page = min(max(request.args.get("page", 1, type=int), 1), 10_000)
    return render_template(
        "gaps/listing.html",
        found=found,
        rows=found.gaps[(page - 1) * PAGE : page * PAGE],
        page=page,
        more=page * PAGE < len(found.gaps),
        wanted=wanted,
        states=STATES,
        causes=tuple(RootCause),
        names=_names(),
        name_of=gaps_service.name_of,
    )


@blueprint.get("/gaps.csv")
@needs(Permission.READ_REPORTS)
def table() -> Response:
    """The same gaps as CSV."""
    return attached_csv(csv_rows(_found()[0]), f"gaps-{now().date()}.csv")


@blueprint.get("/gaps.json")
@needs(Permission.READ_REPORTS)
def rows() -> dict[str, Any]:
    """The same gaps as JSON."""
    return json_rows(_found()[0])


@blueprint.get("/gaps/<number>")
@needs(Permission.READ_REPORTS)
def gap(number: str) -> str:
    """One gap: the questions inside, what happened, what can be done."""
    return _page(_detail(number))


@blueprint.get("/gaps/<number>/draft.md")
@needs(Permission.READ_REPORTS)
def draft(number: str) -> Response:
    """The beginning of an article that closes the gap, to be saved among the articles."""
    found = _detail(number)
    title, _ = beginning_of(found)
    name = f"{slug_of(title) or f'gap-{found.gap.number}'}.md"
    return attached(_draft(found), "text/markdown", name)


@blueprint.get("/gaps/<number>/fix.patch")
@needs(Permission.READ_REPORTS)
def patch(number: str) -> Response:
    """The change that closes the gap, for `git apply`."""
    found = _detail(number)
    fix = _fix(found)
    if fix is None or not fix.patch:
        abort(404, "There is no ready change for this gap.")
    return attached(fix.patch, "text/x-diff", f"gap-{found.gap.number}.patch")


@blueprint.post("/gaps/<number>/<action>")
@needs(Permission.KEEP_GAPS)
def act(number: str, action: str) -> ResponseReturnValue:
    """Perform one action on the gap."""
    if action not in ACTIONS:
        abort(404, "There is no such action.")
    found = _detail(number)
    try:
        what = ACTIONS[action](request.form)
        if action in ASK and "sure" not in request.form:
            return _ask(found, action)
        acting = gaps_service.Acting(
            actor=viewer().name or viewer().email,
            now=now(),
            version=request.form.get("version", 0, type=int),
            k=services().settings.k_anonymity,
        )
        gaps_service.act(services().db, found.gap.number, what, acting)
    except (InvalidInput, NotAllowed) as problem:
        return _page(_detail(number), problem), 422
    return redirect(url_for("gaps.gap", number=number), 303)


def _ask(found: gaps_service.Detail, action: str) -> str:
    """Return the page that asks for confirmation."""
    asked = set(request.form.getlist("question"))
    return render_template(
        "gaps/sure.html",
        gap=found.gap,
        name_of=gaps_service.name_of,
        action=action,
        form=request.form,
        chosen=[each for each in found.questions if each.latest.search_id in asked],
        other=_number(request.form, "into") or _number(request.form, "to"),
    )


def _number(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "").strip().lstrip("#")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _merge(form: Mapping[str, str]) -> gaps_service.Act:
    into = _number(form, "into")
    if not into:
        problem = "Give the number of the other gap."
        raise InvalidInput(problem, fields={"into": problem})
    return gaps_service.merge(into)


def _questions() -> frozenset[str]:
    chosen = frozenset(request.form.getlist("question"))
    if not chosen:
        problem = "Choose at least one question."
        raise InvalidInput(problem, fields={"questions": problem})
    return chosen


def _assign(form: Mapping[str, str]) -> gaps_service.Act:
    owner, names = form.get("owner", ""), _names()
    if owner and owner not in names:
        raise InvalidInput("There is no such colleague.", fields={"owner": "Choose from the list."})
    return gaps_service.assign(owner, names.get(owner, "nobody"))


ACTIONS: dict[str, Callable[[Mapping[str, str]], gaps_service.Act]] = {
    "rename": lambda form: gaps_service.rename(form.get("title", "")),
    "assign": _assign,
    "watch": lambda _: gaps_service.decide(GapStatus.WATCHING),
    "decline": lambda _: gaps_service.decide(GapStatus.DECLINED),
    "reopen": lambda _: gaps_service.decide(GapStatus.NEW),
    "merge": _merge,
    "split": lambda _: gaps_service.split(_questions()),
    "move": lambda form: gaps_service.move(_questions(), _number(form, "to")),
}


def _found() -> tuple[gaps_service.Listing, gaps_service.GapFilter]:
    asked = {name: request.args.get(name, "")[:40] for name in ("cause", "language", "owner")}
    status = request.args.get("status", "open")
    wanted = gaps_service.GapFilter(status=status if status in STATES else "open", **asked)
    parts = services()
    found = gaps_service.listing(parts.db, wanted, k=parts.settings.k_anonymity, now=now())
    return found, wanted


def _detail(number: str) -> gaps_service.Detail:
    parts = services()
    try:
        wanted = int(number) if number.isdecimal() and len(number) < 10 else 0
        return gaps_service.detail(parts.db, wanted, k=parts.settings.k_anonymity)
    except NotFound:
        abort(404, "There is no such gap.")


def _names() -> dict[str, str]:
    """Return the names of staff by account id."""
    return {a.id: a.name for a in services().accounts.all() if a.role in STAFF_ROLES and a.active}


def _fix(found: gaps_service.Detail) -> Fix | None:
    parts = services()
    library = parts.library()
    return fix_of(found, library, reader_of(parts.settings, library.commit))


def _draft(found: gaps_service.Detail) -> str:
    parts, (title, questions) = services(), beginning_of(found)
    near = parts.library().get(str(found.gap.data.get("article", "")))
    wanted = NewArticle(
        title=title or f"Gap {found.gap.number}",
        collection=near.collection if near else "",
        language=found.gap.language or parts.settings.language,
        answers=questions,
    )
    return begun_text(parts.settings.articles, wanted, now().date())


def _today(found: gaps_service.Detail) -> dict[str, tuple[str, ...]]:
    """Return what the questions find at present, for any signed-in reader."""
    may, answers = audiences(Role.READER), {}
    for each in found.questions[:LOOKED_AT]:
        query = Query(each.latest.words, audiences=may, limit=TOP)
        hits = services().engine.search(query).hits
        answers[each.shown.words_key] = tuple(hit.id for hit in hits)
    return answers


def _page(found: gaps_service.Detail, problem: ProductError | None = None) -> str:
    """Return the gap's page."""
    return render_template(
        "gaps/gap.html",
        found=found,
        gap=found.gap,
        name_of=gaps_service.name_of,
        problem=problem,
        form=request.form,
        fix=_fix(found),
        draft=_draft(found) if found.questions else "",
        today=_today(found),
        titles={slug: a.title for slug, a in services().library().articles.items()},
        names=_names(),
        may_act=viewer().may(Permission.KEEP_GAPS) and not found.gap.became_id,
        top=TOP,
    )
