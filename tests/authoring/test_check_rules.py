"""What `kb check` finds in one article, and that it finds nothing where nothing is wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmarks.faults import KINDS, seeded
from kb.cli.main import main
from kb.content.lint.catalogue import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
HEAD = """---
title: Reset a password
summary: For people who forgot theirs.
owner: identity team
reviewed: 2026-01-05
review_by: 2099-01-05
---
"""
MARK = "".join(("TO", "DO"))  # not as one word: the sources are searched for it
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
Check = Callable[..., list[tuple[str, str, int | None]]]


def ran(folder: Path, data: Path, *words: str) -> Result:
    environ = {"KB_ARTICLES": str(folder), "KB_DATA": str(data)}
    return CliRunner().invoke(main, ["check", *words], env=environ)


def told(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code in (0, 1), result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    return found


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Return a function from files to what is found: (file, code, line)."""

    def run(files: dict[str, str | bytes], *words: str) -> list[tuple[str, str, int | None]]:
        for path, text in files.items():
            file = tmp_path / "articles" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        result = ran(tmp_path / "articles", tmp_path / "data", "--format", "json", *words)
        prefix = os.path.relpath(tmp_path / "articles") + "/"
        return [(f["path"].removeprefix(prefix), f["code"], f["line"]) for f in told(result)]

    return run


SOUND = (
    HEAD
    + """
Lead.

## Issue

It fails, see [the next step](#what-to-do) and `<your-name>` in `{{ braces }}`.

## What to do

![The dialog with both buttons](dialog.png) <img src="dialog.png" alt="">

| Code | Meaning |
| --- | --- |
| `a|b` | Two |
| a \\| b | Two |

```html
# no heading
<script>
| one | cell | too many |
```

Write to helpdesk@example.org, call extension 1234, error 0x80070005, KB5034441.
"""
)


def test_an_article_in_order_gives_nothing(check: Check) -> None:
    assert check({"a/one.md": SOUND, "a/dialog.png": PNG}) == []


BAD = [
    ("tittle: X", "key", "tittle: X"),
    ("Owner: X", "key", "Owner: X"),
    ("keywords : x", "key-space", "keywords : x"),
    ("audience: everyone else", "audience", "audience: everyone else"),
    ("translation_of: no/such", "translation", "translation_of: no/such"),
]


@pytest.mark.parametrize(("line", "code", "at"), BAD, ids=lambda value: str(value)[:20])
def test_a_bad_key_is_named_with_its_line(check: Check, line: str, code: str, at: str) -> None:
    text = HEAD.replace("owner:", f"{line}\nowner:") + "\nText.\n"
    assert ("a/x.md", code, text.split("\n").index(at) + 1) in check({"a/x.md": text})


BODIES = [
    ("## A\n\n#### B\n\nText.", "heading-order", "#### B"),
    ("### A\n\nText.", "heading-order", "### A"),
    ("## A\n\nText.\n\n# B\n\nText.", "heading-one", "# B"),
    ("## A\n\nText.\n\n## A\n\nText.", "heading-twice", "## A"),
    ("## A\n\n## B\n\nText.", "section-empty", "## A"),
    ("Text.\n\n~~~sh\nls\n", "fence", "~~~sh"),
    ("| a | b |\n|---|---|\n| 1 |\n", "table", "| 1 |"),
    ("Type <name> there.", "html", "Type <name> there."),
    ('Press <b onclick="x()">it</b>.', "html", 'Press <b onclick="x()">it</b>.'),
    ("Look [here](https://example.org).", "link-words", "Look [here](https://example.org)."),
    ("Then [one](#two).", "anchor", "Then [one](#two)."),
    ("Then [one](two.md).", "link", "Then [one](two.md)."),
    ("Then\n[one](javascript:x).", "link", "[one](javascript:x)."),
    ("![What it shows](x.png)", "image", "![What it shows](x.png)"),
    ("Write {{ name }}.", "placeholder", "Write {{ name }}."),
    (f"{MARK}: say how.", "placeholder", f"{MARK}: say how."),
    ("Ask jane.doe@acme-industries.com.", "personal", "Ask jane.doe@acme-industries.com."),
    ("Use password: Summer2026!", "secret", "Use password: Summer2026!"),
    ("Use ghp_" + "a1B2" * 9, "secret", "Use ghp_" + "a1B2" * 9),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "at"), BODIES, ids=lambda value: str(value)[:20])
def test_a_fault_of_the_body_is_named_with_its_line(
    check: Check, body: str, code: str, at: str
) -> None:
    text = HEAD + "\nLead.\n\n" + body + "\n"
    lines = [n for n, line in enumerate(text.split("\n"), 1) if line == at]
    found = check({"a/x.md": text})
    assert [(path, line) for path, each, line in found if each == code] == [("a/x.md", lines[-1])]


def test_everything_in_spanish_is_no_mark_left_behind(check: Check) -> None:
    text = HEAD.replace("owner:", "language: es\nowner:") + f"\nGuarde {MARK} antes de salir.\n"
    assert check({"a/x.md": text}) == []


def test_pairs_are_told_once_at_the_later_path(check: Check) -> None:
    body = " ".join(f"word{n}" for n in range(80)) + "\n"
    questions = "answers:\n  - where is it\n"
    one = HEAD.replace("owner:", f"{questions}owner:") + body
    found = check({"a/one.md": one, "a/two.md": one})
    assert {(path, code) for path, code, _ in found} == {
        ("a/two.md", "title-twice"), ("a/two.md", "summary-twice"),
        ("a/two.md", "answers-twice"), ("a/two.md", "copy"),
    }  # fmt: skip


def test_links_that_lead_where_readers_cannot_go(check: Check) -> None:
    other = HEAD.replace("Reset a password", "{}").replace("summary: F", "summary: {} f")
    files: dict[str, str | bytes] = {
        "a/one.md": HEAD + "[Draft](draft.md)\n[Staff](staff.md)\n[Gone](stafff.md)\n",
        "a/draft.md": other.format("D", "D").replace("owner:", "status: draft\nowner:") + "D.\n",
        "a/staff.md": other.format("S", "S").replace("owner:", "audience: staff\nowner:") + "S.\n",
    }
    start = HEAD.count("\n") + 1
    assert check(files) == [
        ("a/one.md", "draft-link", start),
        ("a/one.md", "audience-link", start + 1),
        ("a/one.md", "link", start + 2),
    ]


def test_the_nearest_target_is_offered(tmp_path: Path) -> None:
    folder = tmp_path / "articles" / "a"
    folder.mkdir(parents=True)
    (folder / "one.md").write_text(HEAD + "[Go](../b/connct.md) or [on](two.md#resoluton).\n")
    other = HEAD.replace("Reset a password", "Connect").replace("For", "Of")
    (folder / "two.md").write_text(other + "## Resolution\n\nText.\n")
    (folder / "connect.md").write_text(other.replace("Connect", "C").replace("Of", "By") + "T.\n")
    fixes = {f["code"]: f["fix"] for f in told(ran(folder.parent, tmp_path, "--format", "json"))}
    assert fixes == {"link": "Did you mean “connect.md”?", "anchor": "Did you mean “#resolution”?"}


def test_pages_that_only_lead_elsewhere(check: Check) -> None:
    found = check({
        "a/one.md": HEAD + "Text.\n",
        "a/chain.md": "---\nredirect_to: /a/last\n---\n",
        "a/last.md": "---\nredirect_to: /a/one\n---\n",
        "a/round.md": "---\nredirect_to: /a/back\n---\n",
        "a/back.md": "---\nredirect_to: /a/round\n---\n",
    })  # fmt: skip
    codes = [(path, code) for path, code, _ in found if code != "redirect"]
    assert codes == [
        ("a/back.md", "redirect-loop"), ("a/chain.md", "redirect-chain"),
        ("a/round.md", "redirect-loop"),
    ]  # fmt: skip


def test_an_article_that_nothing_leads_to(check: Check) -> None:
    assert check({"one.md": HEAD + "Text.\n"}) == [("one.md", "orphan", None)]


def test_paths_that_differ_in_case_alone(check: Check) -> None:
    files: dict[str, str | bytes] = {"a/One.md": HEAD + "Text.\n", "A/two.md": HEAD + "Other.\n"}
    assert ("a/One.md", "case", None) in check(files)


def test_an_old_translation_is_told_of_until_somebody_looked_at_it(check: Check) -> None:
    english = HEAD.replace("owner:", "updated: 2026-05-01\nowner:") + "Text.\n"
    spanish = HEAD.replace("Reset a password", "Restablecer").replace("For people", "Para quienes")
    late = spanish.replace("owner:", "language: es\ntranslation_of: a/one\n"
                           "updated: 2026-02-01\nowner:") + "Texto.\n"  # fmt: skip
    assert ("a/uno.md", "translation-old", 5) in check({"a/one.md": english, "a/uno.md": late})
    seen = late.replace("reviewed: 2026-01-05", "reviewed: 2026-05-02")
    assert check({"a/uno.md": seen}) == []


@pytest.mark.parametrize("number", range(0, len(KINDS), 6))
def test_the_seeded_faults_are_real(tmp_path: Path, number: int) -> None:
    """Each kind changes the file that it names, and its line is there."""
    corpus, faults = seeded(ROOT / "articles", len(KINDS), copies=1)
    for fault in faults[number : number + 6]:
        assert set(fault.codes) <= CATALOGUE.keys()
        assert fault.mark in corpus.text(fault.path)
        original = ROOT / "articles" / fault.path
        assert not original.exists() or original.read_text() != corpus.text(fault.path)


def test_a_variable_that_is_known_is_no_placeholder(tmp_path: Path) -> None:
    (tmp_path / "_variables.yml").write_text("phone: 5555\n")
    text = "---\ntitle: A title\n---\nCall {{ phone }} or {{ fax }}. Type <name>.\n"
    (tmp_path / "a.md").write_text(text)
    (tmp_path / "two.md").write_text("---\ntitle: Other\n---\nText")
    environment = {
        "KB_ARTICLES": str(tmp_path),
        "KB_DATA": str(tmp_path / "var"),
        "KB_SEMANTIC": "off",
    }
    done = CliRunner().invoke(main, ["check"], env=environment)
    assert "phone" not in done.output
    assert "“{{ fax }}” was to be replaced." in done.output
    assert "“<name>” is no HTML and shown as written." in done.output
