"""Every role, with and without a branch's private link, walks the whole site: no word of an
article that it may not read is in anything it gets, by any route and method.

The articles lie in Git with a past: drafts, embargoes, narrower articles that wider ones link to
and include, articles that became narrower or wider, and a branch with articles of its own.
"""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kb.app import create_app
from kb.config.settings import Settings
from kb.publishing.publisher import publish
from kb.scheduler import Worker
from kb.services import Services, build
from tests.publishing.conftest import PASSWORD, Repository, browser, settings_over

ROLES = ("anonymous", "reader", "author", "agent", "lead", "admin")
STAFF = set(ROLES[2:])
SIGNED_IN = set(ROLES[1:])

# The front matter of an article that not everybody may read, and who may read it on the site.
NARROW: dict[str, tuple[dict[str, str], set[str]]] = {
    "members": ({"audience": "signed-in"}, SIGNED_IN),
    "staff": ({"audience": "staff"}, STAFF),
    "draft": ({"status": "draft"}, set()),
    "archived": ({"status": "archived"}, set()),
    "scheduled": ({"publish_at": "2099-01-01"}, set()),
    "expired": ({"expires_at": "2020-01-01"}, set()),
}
# Who may read the past of an article that is open to all today is who could read it then.
PAST = {"wasstaff": STAFF, "wasdraft": set()}
BRANCH = {"branchdraft": set(ROLES), "branchstaff": STAFF, "branchmembers": SIGNED_IN}
# Staff may be told in lists of their own (what to do, what is wrong) of what is not shown yet.
TOLD_TO_STAFF = {"draft", "archived", "scheduled", "expired", "wasdraft"}
MESSAGES = ("zyqcommitmessage", "ana@example.org")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
LINK = re.compile(r"""(?:href|src|action|hx-get)=["']([^"'#]+)""")
MOST = 700  # pages of one walk: far more than there are, and an end where addresses multiply


def word(kind: str) -> str:
    """Return the word that stands in every part of that article and nowhere else."""
    return f"zyq{kind}canary"


def article(title: str, body: str, **front: str) -> str:
    """Return a file of an article."""
    lines = "".join(f"{name}: {value}\n" for name, value in front.items())
    return f"---\ntitle: {title}\nlanguage: en\n{lines}---\n\n{body}\n"


def narrow(kind: str, **front: str) -> str:
    """Return an article whose every part holds its word."""
    this = word(kind)
    body = (
        f"## Issue {this}\n\nPrinting to {this} fails with PRN-7781-{this}.\n\n"
        f"## Resolution of {this}\n\nOpen the queue of {this}."
    )
    return article(
        f"Printing with {this}", body,
        summary=f"How {this} prints", owner=f"{this} team", keywords=f"[printing, {this}]",
        answers=f"[how do I print with {this}]", **front,
    )  # fmt: skip


def open_article(more: str = "") -> str:
    """Return an article for everybody that leads to every narrower one in every way there is."""
    ways = []
    for kind in NARROW:
        ways += [
            f"[[{kind}]]",
            f"[[narrow/{kind}]]",
            f"[](narrow:{kind})",
            f"[](../narrow/{kind}.md)",
        ]
        ways += [f"[](/narrow/{kind})", f"[words](../narrow/{kind}.md)", f"[](kb:narrow/{kind})"]
        ways += [f"![](../narrow/{kind}.md)", f"[ref][{kind}]\n\n[{kind}]: ../narrow/{kind}.md"]
    return article(
        "Where to print", "## Issue\n\n" + "\n\n".join(ways) + '\n\n--8<-- "note"\n\n' + more,
        summary="Where printing is told of.",
    )  # fmt: skip


def write_the_past(made: Repository) -> None:
    """Give the repository its past and its branch."""

    def put(path: str, text: str) -> None:
        file = made.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    for kind, front in (("wasstaff", {"audience": "staff"}), ("wasdraft", {"status": "draft"})):
        put(f"open/{kind}.md", narrow(kind, **front))
    put("open/removed.md", narrow("staff", audience="staff"))
    put("open/moved.md", narrow("staff", audience="staff"))
    made.commit("zyqcommitmessage first")
    for kind in PAST:
        put(f"open/{kind}.md", article(f"Open {kind}", "## Issue\n\nFor all by now."))
    made.git("rm", "-q", "open/removed.md")
    made.git("mv", "open/moved.md", "narrow-moved.md")
    put("open/print.md", open_article())
    put("_snippets/note.md", "See [[narrow/staff]] and [](../narrow/draft.md).\n")
    for kind, (front, _) in NARROW.items():
        put(f"narrow/{kind}.md", narrow(kind, **front))
    for language, kind in (("es", "staff"), ("fr", "draft"), ("de", "scheduled")):
        text = narrow(kind, **NARROW[kind][0], translation_of="open/print")
        put(f"narrow/print-{language}.md", text.replace("language: en", f"language: {language}"))
    made.commit("zyqcommitmessage second")
    made.git("switch", "-qc", "work")
    put("open/print.md", open_article("See [[branch/branchdraft]] and [[branch/branchstaff]]."))
    put("branch/branchdraft.md", narrow("branchdraft", status="draft"))
    put("branch/branchstaff.md", narrow("branchstaff", audience="staff"))
    put("branch/branchmembers.md", narrow("branchmembers", audience="signed-in"))
    made.commit("zyqcommitmessage branch")
    made.git("switch", "-q", "main")


@pytest.fixture(scope="module")
def sites(
    tmp_path_factory: pytest.TempPathFactory, _peopled_template: Path
) -> dict[bool, Settings]:
    """Return settings of the published site as every walk finds it, without (False) and with
    (True) a private link to the branch; nothing is refused for its number.
    """
    folder = tmp_path_factory.mktemp("canaries")
    repository = Repository(folder / "repository")
    write_the_past(repository)
    rates = ("search_rate", "suggest_rate", "write_rate", "ticket_rate", "sign_in_rate")
    changed = dict.fromkeys(rates, 10**6)
    live = replace(settings_over(repository, folder / "live", _peopled_template), **changed)
    publish(live, progress=lambda *_: None, now=datetime.now(UTC))
    linked = replace(live, data=folder / "linked")
    shutil.copytree(live.data, linked.data)
    parts = build(linked)
    author = signed_in(create_app(services=parts), "author")
    assert author.post("/previews/", data={"branch": "work"}).status_code == 303
    Worker(parts).round(datetime.now(UTC), without="publish")
    parts.recorder.flush()
    parts.db.close()
    return {False: live, True: linked}


@pytest.fixture
def parts(sites: dict[bool, Settings], branch: bool, tmp_path: Path) -> Iterator[Services]:
    """Return the parts of a site of the test's own."""
    shutil.copytree(sites[branch].data, tmp_path / "data")
    made = build(replace(sites[branch], data=tmp_path / "data"))
    yield made
    made.db.close()


def signed_in(app: Flask, role: str) -> FlaskClient:
    """Return that role's browser."""
    made = browser(app)
    if role != "anonymous":
        form = {"email": f"{role}@example.org", "password": PASSWORD}
        assert made.post("/sign-in", data=form).status_code == 303
    return made


@pytest.fixture
def visit(parts: Services) -> Callable[..., FlaskClient]:
    """Return a function from a role to its browser, which has followed the branch's link or not."""
    app = create_app(services=parts)

    def come(role: str, *, branch: bool) -> FlaskClient:
        made = signed_in(app, role)
        if branch:
            found = re.search(
                r'href="http://localhost(/previews/open/[\w.-]+)"',
                signed_in(app, "author").get("/previews/").text,
            )
            assert found
            assert made.get(found[1]).status_code == 303
        return made

    return come


def forbidden(role: str, *, branch: bool) -> set[str]:
    """Return the kinds of which that role may meet no word."""
    kinds = {kind for kind, (_, readers) in NARROW.items() if role not in readers}
    kinds |= {kind for kind, readers in PAST.items() if role not in readers}
    kinds |= {kind for kind, readers in BRANCH.items() if not branch or role not in readers}
    return kinds - TOLD_TO_STAFF if role in STAFF else kinds


def seeds() -> Iterator[str]:
    """Give addresses that no page leads to, or that ask for what may not be found."""
    yield from (
        "/",
        "/about",
        "/robots.txt",
        "/opensearch.xml",
        "/sitemap.xml",
        "/previews/changes",
    )
    kinds = [*NARROW, *PAST, *BRANCH, "removed", "moved"]
    for folder in ("narrow", "open", "branch"):
        for kind in kinds:
            slug = f"{folder}/{kind}"
            yield from (f"/articles/{slug}", f"/api/v1/articles/{slug}", f"/articles/{slug}.md")
            yield from (f"/articles/{slug}/history", f"/articles/{slug}/changes")
            yield from (f"/previews/changes/{slug}", f"/tickets/new?article={slug}")
    for kind in kinds:
        half = word(kind)[:-3]
        for words in (half, f"zyq{kind}canery", f"printing {half}", f"PRN-7781-{half}"):
            for way in (
                "/search?q=",
                "/suggest?q=",
                "/api/v1/search?limit=50&q=",
                "/tickets/new?q=",
            ):
                yield way + quote(words)
    for words in ("printing", "zyq", "PRN-7781", "how do I print", "queue fails", "resolution of"):
        for way in ("/search?q=", "/suggest?q=", "/api/v1/search?limit=50&q="):
            yield way + quote(words)
    yield from ("/api/v1/articles?limit=50", "/collections/narrow", "/collections/branch")
    yield from ("/api/v1/publishing", "/api/v1/openapi.json", "/readyz", "/healthz", "/metrics")


def without_search(address: str) -> str:
    """Return the address without what only says from which search somebody came."""
    path, _, query = address.partition("?")
    return path if "from=" in query or query.startswith("search=") else address


def read(data: bytes) -> str:
    """Return the text of an answer, of a workbook that of all its sheets."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            data = b"\n".join(book.read(name) for name in book.namelist())
    return data.decode("utf-8", "replace")


def walk(client: FlaskClient) -> Iterator[tuple[str, str]]:
    """Give (address, answer with its headers) of the seeds and of all that they lead to."""
    waiting, seen = list(seeds()), set()
    while waiting and len(seen) < MOST:
        address = waiting.pop(0)
        if (page := without_search(address)) in seen:
            continue
        seen.add(page)
        answer = client.get(address, buffered=True)
        text = read(answer.data)
        yield address, f"{answer.headers}\n{text}"
        found = [*LINK.findall(text), answer.headers.get("Location", "")]
        for link in map(unescape, found):
            to = urlsplit(urljoin(f"http://localhost{address}", link))
            if link and to.hostname == "localhost" and "sign-out" not in to.path:
                waiting.append(to.path + (f"?{to.query}" if to.query else ""))


def routes(parts: Services) -> Iterator[tuple[str, str]]:
    """Give (method, address) of every route and method, allowed there or not, for each article."""
    adapter = create_app(services=parts).url_map.bind("localhost")
    for rule in adapter.map.iter_rules():
        slugs = [f"narrow/{kind}" for kind in NARROW] + [f"branch/{kind}" for kind in BRANCH]
        for slug in slugs if "slug" in rule.arguments else slugs[:1]:
            values = dict.fromkeys(rule.arguments, "none") | {"slug": slug, "filename": "site.css"}
            given = {name: values[name] for name in rule.arguments}
            for method in METHODS:
                if rule.endpoint not in {"account.sign_out", "previews.leave"}:
                    yield method, adapter.build(rule.endpoint, given)


def body(slug: str) -> dict[str, str]:
    """Return a form that names an article wherever a form can."""
    return {"article": slug, "from": "none", "helpful": "yes", "subject": "It jams",
            "q": "printing", "other_article": f"/articles/{slug}", "kind": "view"}  # fmt: skip


@pytest.mark.parametrize("branch", [False, True], ids=["live", "branch"])
@pytest.mark.parametrize("role", ROLES)
def test_no_word_of_a_narrower_article_reaches_a_role(
    visit: Callable[..., FlaskClient], parts: Services, role: str, branch: bool
) -> None:
    client = visit(role, branch=branch)
    hidden = {word(kind): kind for kind in forbidden(role, branch=branch)}
    told: list[tuple[str, str]] = []
    pages = 0
    for address, text in walk(client):
        pages += 1
        asked = unescape(address.lower())
        told += [(address, w) for w in hidden if w in text.lower() and w not in asked]
        if role not in STAFF:
            told += [(address, w) for w in MESSAGES if w in text]
    for method, address in routes(parts):
        form = body(address.partition("articles/")[2]) if method in {"POST", "PUT", "PATCH"} else {}
        answer = client.open(address, method=method, data=form, buffered=True)
        text = f"{answer.headers}\n{read(answer.data)}"
        told += [(f"{method} {address}", w) for w in hidden if w in text.lower()]
    assert pages > 100, "the walk must see the site"
    if told:  # a list of hundreds is what pytest would cut short
        pytest.fail("\n".join(f"{canary} at {address}" for address, canary in sorted(set(told))))


@pytest.mark.parametrize("branch", [False, True], ids=["live", "branch"])
@pytest.mark.parametrize("role", ROLES)
def test_who_may_read_an_article_does_meet_its_word(
    visit: Callable[..., FlaskClient], role: str, branch: bool
) -> None:
    """The walk above sees what there is: each article's word is met by who may read it."""
    client = visit(role, branch=branch)
    readable = {f"narrow/{kind}": word(kind) for kind, (_, who) in NARROW.items() if role in who}
    if branch:
        readable |= {f"branch/{kind}": word(kind) for kind, who in BRANCH.items() if role in who}
    for slug, canary in readable.items():
        assert canary in client.get(f"/articles/{slug}").text, slug
        assert canary in client.get("/search?q=printing").text, slug
