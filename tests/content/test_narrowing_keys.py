"""Front matter that would be lost, and keys that only look as if they kept readers out."""

# ruff: noqa: E501 - texts stand as their authors write them

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.content.article import Audience
from kb.content.build import build_library
from kb.content.draft import Draft, read_draft
from kb.content.sources.folder import in_memory
from kb.content.sources.source import open_source

STAFF = "title: T\naudience: staff\n"


def draft(text: str) -> Draft:
    found = read_draft("a.md", in_memory(text.encode()))
    assert found is not None
    return found


# Blocks of people who meant the article for staff.
STRAY = {
    "longer end": f"---\n{STAFF}----\nx",
    "end set in": f"---\n{STAFF} ---\nx",
    "dashes of a word processor": f"—-\n{STAFF}—-\nx",
    "two marks of order": f"\ufeff\ufeff---\n{STAFF}---\nx",
    "no width": f"\u200b---\n{STAFF}---\nx",
    "no-break space": f"\u00a0---\n{STAFF}---\nx",
    "named language": f"---yaml\n{STAFF}---\nx",
    "two dashes": f"--\n{STAFF}--\nx",
    "after a heading": f"# Title\n\n---\n{STAFF}---\nx",
    "after an import": f"import X from 'y'\n---\n{STAFF}---\nx",
    "after a comment of MDX": f"{{/* x */}}\n---\n{STAFF}---\n",
    "after a licence": f"<!--\n\nlicence\n-->\n\n---\n{STAFF}---\n",
    "no dashes": f"{STAFF}\nbody",
    "no first dashes": f"{STAFF}---\nbody",
    "ended too early": "---\ntitle: T\n---\naudience: staff\n---\nx",
    "a second block": f"---\ntitle: T\n---\n\n---\n{STAFF}---\nx",
    "JSON": '{\n  "title": "x",\n  "audience": "staff"\n}\nx',
    "blank before TOML": '\n+++\ntitle = "T"\naudience = "staff"\n+++\nx',
    "a table of TOML": '+++\ntitle = "T"\n[params]\naudience = "staff"\n+++\nx',
    "in a text": "---\ntitle: T\nsummary: |\n  text\n  audience: staff\n---\nx",
    "in a list": "---\ntitle: T\ntags:\n  - vpn\n  - audience: staff\n---\nx",
    "in a key of ours": "---\ntitle: T\nowner:\n  audience: staff\n---\nx",
    "no space": "---\ntitle: T\naudience:staff\n---\n",
}


@pytest.mark.parametrize("text", STRAY.values(), ids=STRAY)
def test_a_block_that_is_not_read_is_refused(text: str) -> None:
    """open-gsd/gsd-core#2977, ryo-ebata/cc-audit#229: anything before the dashes loses them all."""
    found = draft(text)
    refusals = [p for p in found.problems if p.refused]
    assert refusals, found.facts.audience
    assert all(p.line and p.hint for p in refusals)
    assert found.facts.audience is Audience.STAFF, "what was live before is not for all"


@pytest.mark.parametrize(
    "end", ["\u2028", "\u2029", "\x85", "\x0c\n", "\xa0\n", "\u200b\n", "\u2060\n"]
)
def test_a_block_with_unseen_letters_or_other_line_ends_is_refused(end: str) -> None:
    found = draft(f"---{end}title: t{end}audience: staff{end}---{end}Text")
    assert found.refused
    assert found.facts.audience is Audience.STAFF


@pytest.mark.parametrize(
    "text",
    [
        "Permissions: you need to be an administrator.\n\nThen go on.",
        "Note: read this.\nAccess: from home\n",
        f"# How to\n\n```yaml\n---\n{STAFF}---\n```\n",
        f"1. Write this\n\n    1.  ```markdown\n        ---\n        {STAFF}        ---\n        ```\n",
        "---\ntitle: t\n---\n\nText\n\n---\n\nNote: this\n\n---\nMore",
        "---\ntitle: t\nanswers:\n  - Access: denied\n  - private: key\n---\nx",
        "| a | b |\n|---|---|\n| audience: | staff |\n",
        "Text\n====\n\nNote: one\n----\n",
    ],
)
def test_text_that_only_looks_a_little_like_it_is_read(text: str) -> None:
    assert not draft(text).refused


NARROWS = """
Audience: staff|AUDIENCE: Internal|audiance: staff|audiencia: personal|audiences: [staff]
meta: {audience: staff}|meta.audience: staff|"audience ": staff|target_audience: staff
visibility: private|visibility: [team]|access: staff|access: {group: it}|acl: [a]
permissions: read|roles: [admin]|groups: [it]|privacy: internal|classification: confidential|tlp: red
private: true|isPrivate: true|restricted: yes|internal: true|hidden: true|unlisted: true|password: x
params: {private: true}|page_visibility: internal|visible: staff|public: false|enabled: false
Status: draft|stauts: draft|Draft: true|is_draft: true|Published: false|publish: false|stage: draft
dg-publish: false|estado: borrador|privado: sí|visibilité: interne|archived: true
publish-at: 2099-01-01|publishAt: 2099-01-01|release_date: 2099-01-01|embargo: true
embargo: 2099-01-01|available_from: 2099-01-01|expires: 2020-01-01|expire_at: 2020-01-01
valid_until: 2020-01-01|hide_until: 2099-01-01|ms.audience: staff
"""
# As on the screen "audience: staff" and its like, in letters of other scripts.
ALIKE = (
    "\u0430ud\u0456\u0435n\u0441\u0435: staff|\u03b1udi\u03b5nc\u03b5: staff|\u0410UDI\u0415N\u0421\u0415: staff"
    "|\u0455t\u0430tu\u0455: draft|v\u0456\u0455\u0456b\u0456l\u0456t\u0443: private|\u0440r\u0456v\u0430t\u0435: true"
    "|\u1d00\u1d1c\u1d05\u026a\u1d07\u0274\u1d04\u1d07: staff|state: dr\u0430ft|meta: {\u0430ud\u0456\u0435n\u0441\u0435: staff}"
)
HARMLESS = """
Audience: public|visibility: public|access: open|private: false|unlisted: false|groups: []|Draft: false
publish: true|dg-publish: true|public: true|role: admin|group: Knowledge|stage: Plan|state: California|active: home
publisher: O'Reilly|published_by: Ann|updates: weekly|stats: 5|drafts: 3|target_audience: end users
noindex: true|hide: [toc]|layout: private|tags: [internal]|seo: {robots: noindex}|search_exclude: true
internal_links: true|private_notes: hi|auth: oauth|security: high|lastmod: 2099-01-01|tlp: white
ms.audience: ITPro|ms.date: 01/01/2099|nav_exclude: true|sitemap: false|comments: false
""".strip()


@pytest.mark.parametrize(
    "line", [*NARROWS.strip().replace("\n", "|").split("|"), *ALIKE.split("|")]
)
def test_a_key_that_looks_as_if_it_narrowed_or_delayed_is_refused(line: str) -> None:
    """estruyf/vscode-front-matter#186 (keys in capitals), oleeskild/obsidian-digital-garden#811."""
    found = draft(f"---\ntitle: T\n{line}\n---\nx")
    (problem,) = [p for p in found.problems if p.refused]
    assert (problem.code, problem.line) == ("access", 3)
    assert any(
        key in problem.hint for key in ("audience:", "status:", "publish_at:", "expires_at:")
    )


@pytest.mark.parametrize("line", HARMLESS.replace("\n", "|").split("|"))
def test_a_key_that_keeps_nobody_out_is_no_reason_to_refuse(line: str) -> None:
    found = draft(f"---\ntitle: T\n{line}\n---\nx")
    assert not found.refused
    assert found.facts.audience is Audience.PUBLIC


@given(st.text("-+\n \ufeff#:=ab audience staff>{\"'[", max_size=200))
def test_any_text_gives_a_draft_in_time(text: str) -> None:
    begun = time.process_time()
    draft(text)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("piece", ["---\n", "a: b\n", "- a: b\n  c\n", "<!-- ", "  - x\n", "```\n"])
def test_much_of_the_same_is_read_in_time(piece: str) -> None:
    draft(piece * (200_000 // len(piece)))  # the killer of slow renderings does not watch this


def test_a_version_that_is_refused_only_now_does_not_stay_live_for_all(tmp_path: Path) -> None:
    """A library of before knew such keys as harmless: its article is this very version."""
    file = tmp_path / "a.md"
    file.write_text("---\ntitle: T\n---\nText\n")
    before = build_library(open_source(tmp_path))
    file.write_text("---\ntitle: T\nvisibility: private\n---\nText\n")
    blob = next(iter(open_source(tmp_path).files().values())).id
    known = replace(before, articles={"a": replace(before.articles["a"], blob=blob)})
    after = build_library(open_source(tmp_path), previous=known)
    assert after.articles["a"].audience is Audience.STAFF
    assert after.visible({"public", "signed-in"}) == ()
