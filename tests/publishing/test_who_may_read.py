"""What an author meant for few is told to nobody else, by any way in: page, API, search, history."""

# ruff: noqa: E501 - texts stand as their authors write them

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from flask.testing import FlaskClient

from kb.publishing.publisher import Published
from kb.services import Services

Live = Callable[..., Published]
SECRET = "zyqdrawer"
STAFF, SIGNED_IN, LATER, GONE, REFUSED = "staff", "signed-in", "later", "gone", "refused"
# The files of somebody who meant each of them for staff, or for another time: what becomes of it,
# and the line that is named where it is refused.
LOST: dict[str, tuple[str, str, int]] = {
    "agents": ("---\ntitle: Agents\naudience: agents\n---\n", STAFF, 0),
    "blank": ("\n---\ntitle: Blank first\naudience: staff\n---\n", REFUSED, 2),
    "bomblank": ("\ufeff\n---\ntitle: bomblank\naudience: staff\n---\n", REFUSED, 2),
    "cap": ("---\ntitle: role\naudience: Staff\n---\n", STAFF, 0),
    "comment": ("<!-- owner -->\n---\ntitle: C\naudience: staff\n---\n", REFUSED, 2),
    "embargo": ("---\ntitle: embargo\npublishDate: 2099-01-01\n---\n", LATER, 0),
    "expired": ("---\ntitle: expired hugo\nexpiryDate: 2020-01-01\n---\n", GONE, 0),
    "four": ("----\ntitle: Four dashes\naudience: staff\n----\n", REFUSED, 1),
    "internal": ("---\ntitle: Internal\naudience: Internal\n---\n", SIGNED_IN, 0),
    "listaud": ("---\ntitle: pl\naudience: [staff]\n---\n", STAFF, 0),
    "misspelt": ("---\ntitle: misspelt\naudiance: staff\n---\n", REFUSED, 3),
    "nested": ("---\ntitle: indented\nmeta:\n  audience: staff\n---\n", REFUSED, 3),
    "noend": ("---\ntitle: no end\naudience: staff\n\n## Issue\n", REFUSED, 1),
    "space": (" ---\ntitle: Space first\naudience: staff\n---\n", REFUSED, 1),
    "trail": ("--- \ntitle: Trailing space\naudience: staff\n---\n", STAFF, 0),
    "upper": ("---\ntitle: Staff only\nAudience: staff\n---\n", REFUSED, 3),
    "vis": ("---\ntitle: visibility\nvisibility: private\n---\n", REFUSED, 3),
}  # fmt: skip


def put(repository: Any, files: dict[str, str]) -> None:
    """Write the files as they are, and commit."""
    for path, text in files.items():
        file = repository.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    repository.commit()


def told(client: FlaskClient, slugs: Iterable[str], words: Iterable[str]) -> str:
    """Return all that a browser is told of articles and words, by every way in."""
    ways = ["/", "/about", "/collections/kb", "/collections/cases", "/collections/internal"]
    ways += ["/api/v1/articles?limit=50", "/articles/absent", "/opensearch.xml", "/robots.txt"]
    for slug in slugs:
        ways += [f"/articles/{slug}", f"/api/v1/articles/{slug}", f"/articles/{slug}/history"]
        ways += [f"/tickets/new?article={slug}", f"/articles/{slug}/changes"]
    for word in words:
        ways += [f"/search?q={word}", f"/api/v1/search?q={word}", f"/suggest?q={word[:-1]}"]
    parts = []
    for way in ways:
        answer = client.get(way)
        asked = way.partition("q=")[2]
        # A page may repeat what was asked.
        parts.append(answer.text.replace(asked, "") if asked else answer.text)
        parts.append(answer.headers.get("Location", ""))
    return "\n".join(parts)


def findings(kb: Any) -> tuple[int, list[dict[str, Any]]]:
    """Return what `kb check` ends with, and its findings."""
    done = kb("check", "--format", "json")
    return done.exit_code, json.loads(done.stdout)["findings"]


def test_an_audience_that_would_be_lost_makes_no_article_public(
    repository: Any,
    go_live: Live,
    parts: Services,
    client: FlaskClient,
    signed_in: Callable[[str], FlaskClient],
    kb: Any,
) -> None:
    body = f"\nThe key lies in the {SECRET} of {{}}.\n"
    put(repository, {f"kb/{n}.md": text + body.format(n) for n, (text, _, _) in LOST.items()})
    go_live()
    slugs = [f"kb/{name}" for name in LOST]
    assert SECRET not in told(client, slugs, [SECRET, "key"])
    agent, reader = signed_in("agent"), signed_in("reader")
    for name, (_, becomes, line) in LOST.items():
        page = f"/articles/kb/{name}"
        assert client.get(page).status_code == 404, name
        assert agent.get(page).status_code == (200 if becomes in (STAFF, SIGNED_IN) else 404), name
        assert reader.get(page).status_code == (200 if becomes == SIGNED_IN else 404), name
        refusals = [p for p in parts.library().problems if p.path == f"kb/{name}.md" and p.refused]
        assert [p.line for p in refusals] == ([line] if becomes == REFUSED else []), name
        assert all(p.hint for p in refusals)
    code, found = findings(kb)
    assert code == 1
    errors = {(each["path"].rpartition("/")[2], each["line"]) for each in found if each["fix"]
              and each["severity"] == "error" and each["code"] in ("front-matter", "access")}  # fmt: skip
    assert errors == {(f"{n}.md", line) for n, (_, what, line) in LOST.items() if what == REFUSED}


def test_a_key_that_is_not_read_does_not_leave_a_wider_version_live(
    repository: Any, go_live: Live, client: FlaskClient, signed_in: Callable[[str], FlaskClient]
) -> None:
    page = "/articles/vpn/connect"
    assert client.get(page).status_code == 200
    text = (repository.folder / "vpn/connect.md").read_text()
    put(repository, {"vpn/connect.md": text.replace("language: en", "title: again")})
    go_live()
    assert client.get(page).status_code == 200, "a slip that narrows nothing takes nothing away"
    for broken in (
        text.replace("language: en", "audiance: staff"),
        text.replace("language: en", "audience: staff\nx: [1"),
        f"\n{text.replace('language: en', 'Audience: staff')}",
        text.replace("language: en", "publish-at: 2099-01-01"),
    ):
        put(repository, {"vpn/connect.md": broken})
        go_live()
        assert client.get(page).status_code == 404
        assert signed_in("agent").get(page).status_code == 200
    put(repository, {"vpn/connect.md": text})
    go_live()
    assert client.get(page).status_code == 200


HEAD = "---\ntitle: {}\nlanguage: en\ncollection: {}\naudience: {}\nstatus: {}\n{}---\n"
NARROW = {
    "internal/merger-orchid-plan.md": HEAD.format(
        "Project Orchid merger accounts", "internal", "staff", "published",
        "aliases: [old-orchid]\nanswers:\n  - how do I get the orchid zygomorphic folder\n",
    ) + "## Access to the Orchid vault\n\nThe zygomorphic keyword opens the vault.\n",
    "internal/signed.md": HEAD.format("Marigold salary bands", "internal", "signed-in", "published", "")
    + "## Text\n\nMarigold text.\n",
    "internal/draft-fuchsia.md": HEAD.format("Fuchsia draft", "internal", "public", "draft", "")
    + "Fuchsia text.\n",
    "internal/later-gentian.md": HEAD.format(
        "Gentian embargo", "internal", "public", "published", "publish_at: 2099-01-01\n"
    ) + "Gentian text.\n",
    "internal/old-hyacinth.md": HEAD.format("Hyacinth archive", "internal", "public", "archived", "")
    + "Hyacinth text.\n",
    "internal/copy-of-freesia.md": HEAD.format("Freesia for staff", "internal", "staff", "published", "")
    + "## Issue\n\nThe same words stand in two articles, one of them for few, and say the same.\n",
    "cases/hidden-lupin.es.md": HEAD.replace("language: en", "language: es").format(
        "Lupin para pocos", "cases", "staff", "published", "translation_of: cases/plain\n"
    ) + "Lupin.\n",
    "_snippets/teamnote.md": "---\naudience: staff\n---\nThe petunia: [[internal/merger-orchid-plan]].\n",
    "_snippets/everyone.md": "For all: [[internal/merger-orchid-plan]], [](kb:internal/signed).\n",
    "_snippets/lost.md": "\n---\naudience: staff\n---\nThe begonia.\n",
    "_collections.yml": "internal: {title: {en: Camellia plans}}\n",
}  # fmt: skip
WIDE = {
    "cases/public-links.md": HEAD.format("Where to find pages", "cases", "public", "published", "")
    + "## Resolution\n\nRead [[internal/merger-orchid-plan]] or [[merger-orchid-plan]] or "
    "[words](kb:internal/merger-orchid-plan) or [file](../internal/merger-orchid-plan.md) or "
    "[former](/old-orchid) or [](kb:merger-orchid-plan) or [[merger-orchid-plan#access]] or "
    "[address](/articles/internal/merger-orchid-plan) next.\n",
    "cases/more-links.md": HEAD.format("More pages to read", "cases", "public", "published", "")
    + "## Resolution\n\nSee [[internal/draft-fuchsia]], [[internal/later-gentian]], "
    '[[internal/signed]] and [[old-hyacinth]].\n\n--8<-- "teamnote"\n\n--8<-- "everyone"\n\n'
    '--8<-- "lost"\n',
    "cases/first-words.md": HEAD.format("First words", "cases", "public", "published", "")
    + '--8<-- "teamnote"\n\n[!INCLUDE [The rose](../_snippets/lost.md)]\n\nOther words.\n',
    "cases/plain.md": HEAD.format("Plain words", "cases", "public", "published", "")
    + "## Issue\n\nThe same words stand in two articles, one of them for few, and say the same.\n",
}  # fmt: skip
FLOWERS = {
    "orchid", "zygomorphic", "marigold", "fuchsia", "gentian", "hyacinth", "freesia", "lupin",
    "petunia", "begonia", "camellia",
}  # fmt: skip


def test_nothing_of_a_narrower_article_is_told_to_wider_readers(
    repository: Any,
    go_live: Live,
    client: FlaskClient,
    signed_in: Callable[[str], FlaskClient],
    kb: Any,
) -> None:
    """mozilla/sumo#1661, mozilla/sumo#1660, toeverything/blocksuite#4739; with BookStackApp/BookStack#1178 (what a page
    includes shows in its summary), osTicket/osTicket-1.7#691, publify/publify#892.
    """
    put(repository, NARROW | WIDE)
    go_live()
    slugs = [path.removesuffix(".md") for path in WIDE] + ["cases/hidden-lupin", "old-orchid"]
    slugs += [p.removesuffix(".md") for p in NARROW if p.startswith("internal/")]
    words = [*FLOWERS, "orchd", "mrigold", "petunai", "salary", "read", "same+words"]

    def leaked(browser: FlaskClient) -> set[str]:
        answers = told(browser, slugs, words).casefold()
        for slug in slugs:  # the form repeats the address that it was asked with
            answers = answers.replace(slug, "")
        return {flower for flower in FLOWERS if flower in answers}

    assert leaked(client) == set()
    assert leaked(signed_in("reader")) == {"marigold", "camellia"}
    page = client.get("/articles/cases/public-links").text
    assert "Read another article or another article or words or file or former or" in page
    assert "/articles/internal/" not in page
    assert client.get("/articles/old-orchid").status_code == 404
    for word in ("orchid", "marigold", "petunia"):
        hits = client.get(f"/api/v1/search?q={word}").get_json()
        assert not [hit for hit in hits["hits"] if hit["slug"].startswith("cases/")], word
        assert "orchid" not in client.get("/api/v1/search?q=orchd").text.replace("orchd", "")
    assert "Project Orchid merger accounts" in signed_in("agent").get("/search?q=orchid").text
    code, found = findings(kb)
    assert code == 1
    links = {(each["path"].rpartition("/")[2], each["line"]) for each in found
             if each["code"] == "audience-link" and each["severity"] == "error"}  # fmt: skip
    assert {line for path, line in links if path == "public-links.md"} == {10}
    assert "more-links.md" in {path for path, _ in links}
    assert {e["code"] for e in found if e["path"].endswith("more-links.md")} >= {"snippet"}


def test_who_may_open_an_article_is_told_its_title(
    repository: Any, go_live: Live, signed_in: Callable[[str], FlaskClient]
) -> None:
    text = HEAD.format("For staff", "cases", "staff", "published", "")
    put(
        repository,
        NARROW | {"cases/staff.md": text + 'See [[merger-orchid-plan]].\n\n--8<-- "teamnote"\n'},
    )
    go_live()
    page = signed_in("agent").get("/articles/cases/staff").text
    assert page.count(">Project Orchid merger accounts</a>") == 3  # the last in the list below
    assert "The petunia" in page


def test_a_title_goes_when_its_article_is_narrowed(
    repository: Any, go_live: Live, client: FlaskClient
) -> None:
    wide = {p: t.replace("audience: staff", "audience: public") for p, t in NARROW.items()}
    put(repository, wide | WIDE)
    go_live()
    assert "Project Orchid merger accounts</a>" in client.get("/articles/cases/public-links").text
    put(repository, NARROW)
    go_live()
    assert "orchid" not in client.get("/articles/cases/public-links").text.casefold()
    assert "orchid" not in client.get("/api/v1/search?q=merger").text.casefold()
    history = client.get("/articles/cases/public-links/history").text
    assert "orchid" not in history.casefold()


def test_a_refused_version_tells_others_no_title(
    repository: Any, go_live: Live, client: FlaskClient
) -> None:
    put(repository, {"cases/links.md": HEAD.format("L", "cases", "public", "published", "")
                     + "See [[vpn/connect]].\n"})  # fmt: skip
    go_live()
    assert ">vpn connect</a>" in client.get("/articles/cases/links").text
    put(repository, {"vpn/connect.md": "---\ntitle: Zyqforesight plan\nx: [\n---\nText\n"})
    put(repository, {"vpn/drops.md": "---\ntitle: Zyqforesight two\naudiance: staff\n---\nText\n",
                     "cases/more.md": HEAD.format("M", "cases", "public", "published", "")
                     + "See [[vpn/drops]] and [[vpn/connect]].\n"})  # fmt: skip
    go_live()
    for page in ("links", "more"):
        assert "Zyqforesight" not in client.get(f"/articles/cases/{page}").text
    assert "another article" in client.get("/articles/cases/more").text


def test_what_was_never_shown_is_not_named_when_it_is_removed(
    repository: Any, go_live: Live, client: FlaskClient
) -> None:
    text = HEAD.format("Zyqnever shown", "cases", "public", "published", "publish_at: 2099-01-01\n")
    put(repository, {"cases/never.md": text + "Text.\n", "cases/lost.md": text.replace(
        "publish_at", "publish-at") + "Text.\n"})  # fmt: skip
    go_live()
    for name in ("never", "lost"):
        (repository.folder / f"cases/{name}.md").unlink()
    repository.commit()
    go_live()
    for name in ("never", "lost"):
        answer = client.get(f"/articles/cases/{name}")
        assert "Zyqnever" not in answer.text


def test_a_version_held_back_does_not_come_to_light_in_the_history(
    repository: Any, go_live: Live, client: FlaskClient, signed_in: Callable[[str], FlaskClient]
) -> None:
    text = HEAD.format("A plan", "cases", "public", "published", "{}") + "Text {}.\n"
    for keys, word in (("", "one"), ("publish_at: 2099-01-01\n", "zyqheld"), ("", "three")):
        put(repository, {"cases/plan.md": text.format(keys, word)})
    put(repository, {"cases/plan.md": "\n" + text.format("", "zyqlost")})
    put(repository, {"cases/plan.md": text.format("", "five")})
    go_live()
    commits = repository.git("log", "--format=%H", "--", "cases/plan.md").split()
    assert len(commits) == 5
    for held in (commits[1], commits[3]):
        for commit in commits:
            for old, new in ((held, commit), (commit, held)):
                answer = client.get(f"/articles/cases/plan/changes?from={old}&to={new}")
                assert "zyq" not in answer.text
    assert client.get("/articles/cases/plan/history").status_code == 200


HIDDEN = {
    '<p style="display:none">Remark wombat1: the vendor was bribed.</p>': 8,
    "<span hidden>wombat2</span>": 9,
    "<p style='VISIBILITY : Hidden !important'>wombat3</p>": 10,
    '<div hidden="until-found">wombat4 <b>wombat5</b></div>': 11,
    "<table><tr hidden><td>wombat6</td></tr><tr><td>Shown row</td></tr></table>": 12,
    '<img src="a.png" hidden alt="wombat7">': 13,
    "<template>wombat8</template><noscript>wombat9</noscript>": 14,
    "<title>wombat10</title>": 15,
    "<textarea>wombat11</textarea>": 16,
    "<!-- wombat12 -->": 17,
    '<div class="hidden">wombat13</div>': 18,
    '<p style="opacity:0">wombat14</p>': 19,
    '<p style="font-size: 0px">wombat15</p>': 20,
    "wombat16\n{: .hidden}": 21,
    "{% comment %}wombat17{% endcomment %}": 24,
    '<div aria-hidden="true">Shown aria</div>': 25,
    "<details><summary>Fold</summary>Shown fold</details>": 26,
    '<span class="sr-only">Shown to readers of screens</span>': 27,
    "<div hidden>wombat18 <p>wombat19</p>": 30,
}


def test_text_that_html_hides_is_neither_shown_nor_found(
    repository: Any, go_live: Live, parts: Services, client: FlaskClient, kb: Any
) -> None:
    """codelibs/fess#775, Pagefind/pagefind#580"""
    head = "---\ntitle: Hidden text\nlanguage: en\ncollection: cases\n---\n## Resolution\n\n"
    put(repository, {"cases/hidden.md": head + "\n\n".join([*HIDDEN, "wombat20"]) + "\n"})
    go_live()
    slugs, words = ["cases/hidden"], [f"wombat{n}" for n in range(1, 21)]
    words += ["bribed", "wombt1"]
    assert "wombat" not in told(client, slugs, words)
    assert "bribed" not in told(client, slugs, words)
    page = client.get("/articles/cases/hidden").text
    for shown in ("Shown row", "Shown aria", "Shown fold", "Shown to readers"):
        assert shown in page
    assert "cases/hidden" in client.get("/search?q=Shown+aria").text
    found = [p for p in parts.library().problems if p.code == "hidden-text"]
    assert len(found) == 14
    assert all(p.line and p.hint for p in found)
    code, told_of = findings(kb)
    assert code == 0, "nothing that readers get wrong"
    lines = {each["line"] for each in told_of if each["code"] == "hidden-text"}
    assert len(lines) == 14
