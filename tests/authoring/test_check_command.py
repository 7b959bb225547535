"""`kb check` as a tool: exit codes, outputs, baselines, changes since a commit, mending."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.authoring.check_output import CheckResult, github
from kb.cli.main import main
from kb.content.draft import read_draft
from kb.content.lint.catalogue import CATALOGUE, Severity
from kb.content.lint.fixing import fixed_text
from kb.content.lint.page import SourcePage, read_page
from kb.content.markdown.conversion import to_html
from kb.content.sources.source import Blob

ROOT = Path(__file__).resolve().parents[2]
HEAD = "---\ntitle: {0}\nsummary: About {0}.\n---\n"


def kb(tmp_path: Path, *words: str) -> Result:
    environ = {"KB_ARTICLES": str(tmp_path / "kb"), "KB_DATA": str(tmp_path / "data")}
    return CliRunner().invoke(main, ["check", *words], env=environ)


def write(tmp_path: Path, path: str, text: str) -> Path:
    file = tmp_path / "kb" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def git(tmp_path: Path, *words: str) -> None:
    name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *name, *words], cwd=tmp_path / "kb", check=True, capture_output=True)


def commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "A change")


def codes(result: Result) -> list[tuple[str, str]]:
    assert result.exit_code in (0, 1), result.output
    rows = json.loads(result.stdout)["findings"]
    return [(row["path"].rpartition("/kb/")[2], row["code"]) for row in rows]


# -- exit codes and choice ----------------------------------------------------------------------


def test_exit_codes(tmp_path: Path) -> None:
    file = write(tmp_path, "a/one.md", HEAD.format("One") + "Text.\n")
    assert kb(tmp_path).exit_code == 0
    file.write_text(HEAD.format("One") + "[here](https://example.org)\n")
    assert kb(tmp_path).exit_code == 0
    assert kb(tmp_path, "--strict").exit_code == 1
    file.write_text(HEAD.format("One") + "[on](nowhere.md)\n")
    assert kb(tmp_path).exit_code == 1


@pytest.mark.parametrize(
    "words", [["--format", "xml"], ["--write-baseline"], ["/no/such/place"], ["--nonsense"]]
)
def test_a_wrong_call_ends_with_2(tmp_path: Path, words: list[str]) -> None:
    write(tmp_path, "a/one.md", HEAD.format("One") + "Text.\n")
    assert kb(tmp_path, *words).exit_code == 2


def test_files_not_yet_committed_are_read(tmp_path: Path) -> None:
    write(tmp_path, "a/one.md", HEAD.format("One") + "Text.\n")
    commit(tmp_path)
    write(tmp_path, "a/two.md", HEAD.format("Two") + "[on](nowhere.md)\n")
    assert codes(kb(tmp_path, "--format", "json")) == [("a/two.md", "link")]


def test_paths_choose_files_and_folders(tmp_path: Path) -> None:
    for path in ("a/one.md", "b/two.md", "b/three.md"):
        write(tmp_path, path, HEAD.format(path) + "[on](nowhere.md)\n")
    words = ("--format", "json", "--no-questions")
    assert {path for path, _ in codes(kb(tmp_path, str(tmp_path / "kb" / "b"), *words))} == {
        "b/two.md", "b/three.md",
    }  # fmt: skip
    assert codes(kb(tmp_path, "a/one.md", *words)) == [("a/one.md", "link")]


def test_a_second_run_finds_the_same_from_what_was_kept(tmp_path: Path) -> None:
    write(tmp_path, "a/one.md", HEAD.format("One") + "[two](two.md) [on](nowhere.md)\n")
    two = write(tmp_path, "a/two.md", HEAD.format("Two") + "Text.\n")
    first = kb(tmp_path, "--format", "json")
    assert kb(tmp_path, "--format", "json").stdout == first.stdout
    two.write_text("---\ntitle: [\n---\n")
    kept = codes(kb(tmp_path, "--format", "json"))
    for file in (tmp_path / "data").rglob("library.jsonl"):
        file.unlink()
    assert codes(kb(tmp_path, "--format", "json")) == kept
    assert ("a/two.md", "front-matter") in kept


# -- since and baseline -------------------------------------------------------------------------


def test_since_tells_what_a_change_touches_or_causes(tmp_path: Path) -> None:
    write(tmp_path, "a/old.md", HEAD.format("Old") + "[on](nowhere.md)\n")
    write(tmp_path, "a/linking.md", HEAD.format("Linking") + "[on](leaving.md)\n")
    leaving = write(tmp_path, "a/leaving.md", HEAD.format("Leaving") + "Text.\n")
    commit(tmp_path)
    words = ("--since", "HEAD", "--format", "json", "--no-questions")
    assert codes(kb(tmp_path, *words)) == []
    leaving.unlink()
    write(tmp_path, "a/new.md", HEAD.format("New") + "[here](https://example.org)\n")
    assert codes(kb(tmp_path, *words)) == [("a/linking.md", "link"), ("a/new.md", "link-words")]


def test_since_without_git_says_so(tmp_path: Path) -> None:
    write(tmp_path, "a/one.md", HEAD.format("One") + "Text.\n")
    result = kb(tmp_path, "--since", "HEAD")
    assert result.exit_code == 3
    assert "no Git repository" in result.stderr


def test_a_baseline_outlives_moved_lines_and_hides_no_second_fault(tmp_path: Path) -> None:
    file = write(tmp_path, "a/one.md", HEAD.format("One") + "[on](nowhere.md)\n")
    known = ("--baseline", str(tmp_path / "known.json"), "--format", "json")
    assert codes(kb(tmp_path, *known, "--write-baseline")) == []
    file.write_text(HEAD.format("One") + "A line before.\n\n[on](nowhere.md)\n")
    result = kb(tmp_path, *known)
    assert (codes(result), json.loads(result.stdout)["known"]) == ([], 1)
    file.write_text(file.read_text() + "\n[on](elsewhere.md)\n\n[here](https://example.org)\n")
    assert codes(kb(tmp_path, *known)) == [("a/one.md", "link"), ("a/one.md", "link-words")]


def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "a/one.md", HEAD.format("One") + "Text.\n")
    for name in (str(file), str(tmp_path / "absent.json")):
        result = kb(tmp_path, "--baseline", name)
        assert result.exit_code == 2
        assert "--write-baseline" in result.stderr


# -- outputs ------------------------------------------------------------------------------------

# The parts of the OASIS standard's schema (SARIF 2.1.0, sections 3.13 to 3.33) that are written.
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": {
            "type": "object",
            "required": ["tool", "results"],
            "properties": {
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "tool": {"type": "object", "required": ["driver"], "properties": {"driver": {
                    "type": "object", "required": ["name"], "properties": {
                        "rules": {"type": "array", "uniqueItems": True, "items": {
                            "type": "object", "required": ["id"]}}}}}},
                "results": {"type": "array", "items": {
                    "type": "object",
                    "required": ["message"],
                    "properties": {
                        "level": {"enum": ["none", "note", "warning", "error"]},
                        "ruleIndex": {"type": "integer", "minimum": -1},
                        "message": {"type": "object", "required": ["text"]},
                        "partialFingerprints": {"additionalProperties": {"type": "string"}},
                        "locations": {"type": "array", "items": {"properties": {
                            "physicalLocation": {"properties": {
                                "artifactLocation": {"properties": {
                                    "uri": {"type": "string", "pattern": r"^[^\s\\]+$"}}},
                                "region": {"properties": {
                                    "startLine": {"type": "integer", "minimum": 1}}},
                            }}}}},
                    }}},
            }}},
    },
}  # fmt: skip


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    text = HEAD.format("One") + "[on](nowhere.md) 100% [a, b: c::d](x.md)\n\n## Empty\n"
    write(tmp_path, "a/uno dos.md", text)
    return tmp_path


def test_sarif_is_as_its_standard_wants_it(faulty: Path) -> None:
    log = json.loads(kb(faulty, "--format", "sarif").stdout)
    jsonschema.validate(log, SARIF)
    (run,) = log["runs"]
    assert len(run["results"]) == 3
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.endswith("kb/a/uno%20dos.md")


def test_annotations_for_github_keep_to_their_line(faulty: Path) -> None:
    lines = kb(faulty, "--format", "github").stdout.splitlines()
    assert len(lines) == 3
    for line in lines:
        found = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.+)", line)
        assert found
        facts = dict(each.split("=") for each in found[2].split(","))
        assert facts.keys() == {"file", "line", "title"}
        assert facts["title"] in CATALOGUE


def test_text_is_a_line_a_finding_with_the_fix_under_it(faulty: Path) -> None:
    result = kb(faulty)
    first, hint = result.stdout.splitlines()[:2]
    assert re.search(r"kb/a/uno dos\.md:5: error: .+ \[link\]$", first)
    assert hint.startswith("    ")
    assert "1 article: 2 errors, 1 warning, 0 notes." in result.stderr


def test_nothing_found_is_nothing_printed() -> None:
    assert github(CheckResult((), 3)) == ""


def test_the_fields_of_json_are_those_that_the_page_lists(faulty: Path) -> None:
    told = json.loads(kb(faulty, "--format", "json").stdout)
    page = (ROOT / "docs" / "checks.md").read_text().partition("## JSON")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == told.keys()
    (row,) = re.findall(r"^\| `findings` \| (.*) \|$", page, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == told["findings"][0].keys()


def test_the_hook_for_pre_commit_runs_the_command() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, command = hook["entry"].split()
    assert (program, command in main.commands) == ("kb", True)
    assert f"id: {hook['id']}" in (ROOT / "docs" / "authors.md").read_text()


# -- mending ------------------------------------------------------------------------------------


def test_mending_needs_no_judgement_and_is_done_once(tmp_path: Path) -> None:
    write(tmp_path, "a/moved.md", HEAD.format("Moved").replace(
        "summary:", "redirect_from: /old/place\nsummary:") + "Text.\n")  # fmt: skip
    file = write(
        tmp_path, "b/one.md",
        "---\ntitle : One\nSumary: About one.\n---\nSee [it](/old/place#x).\n\n### Deep\n\nText.",
    )  # fmt: skip
    result = kb(tmp_path, "--fix", "--format", "json")
    assert "Files mended: 1." in result.stderr
    head = "---\ntitle: One\nsummary: About one.\n---\n"
    assert file.read_text() == head + "See [it](../a/moved.md#x).\n\n## Deep\n\nText.\n"
    assert codes(result) == [("b/one.md", "anchor")]
    assert "Files mended: 0." in kb(tmp_path, "--fix").stderr


def test_a_commit_cannot_be_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a/one.md", HEAD.format("One") + "Text.\n")
    commit(tmp_path)
    git(tmp_path, "branch", "other")
    monkeypatch.setenv("KB_ARTICLES_REF", "other")
    result = kb(tmp_path, "--fix")
    assert result.exit_code == 2
    assert "cannot be mended" in result.stderr


def page_of(text: str) -> SourcePage | None:
    data = text.encode()
    draft = read_draft("a/x.md", Blob("1", len(data), "100644", lambda: data))
    return read_page(draft, text, slug="a/x", language="en") if draft else None


KEYS = st.sampled_from(["title", "tittle", "Title", "sumary", "summary ", "owner", "colour", "x"])
VALUES = st.sampled_from(["A", '"B: c"', "[a, b]", "\n  - q", "", "2026-01-01", "|\n  tittle: no"])
FRONT = st.lists(st.tuples(KEYS, VALUES), max_size=5).map(
    lambda rows: "---\n" + "".join(f"{key}: {value}\n" for key, value in rows) + "---\n"
)
BLOCKS = st.sampled_from([
    "# One", "## Two", "### Three", "##### Five", "###### Six", "Text.", "    ## code", "```",
    "~~~", "Under\n---", "Under\n===", "> ## Quoted", "- ## Item", "<h3>Tag</h3>",
    "| a |\n|---|", "##",
    "[a](/old)", "`[a](/old)`", "[a](/old) [b](/old)", "<!--", "-->", "<pre>", "\u2028## Odd", "\r",
])  # fmt: skip
BODY = st.lists(BLOCKS, max_size=8).map("\n\n".join)
ENDS = st.sampled_from(["\n", "\r\n"])


@settings(max_examples=300, deadline=None)
@given(st.one_of(FRONT, st.just(""), st.text(max_size=40)), BODY, ENDS)
def test_mending_is_done_once_and_keeps_what_it_does_not_understand(
    front: str, body: str, end: str
) -> None:
    text = (front + body).replace("\n", end)
    page = page_of(text)
    if page is None or page.draft.refused:
        return
    once = fixed_text(text, page, {"/old": "../new.md"})
    again = page_of(once)
    assert again is not None
    assert fixed_text(once, again, {"/old": "../new.md"}) == once
    assert not again.draft.refused
    # Words, and everything but marks of headings, targets, keys and the last line's end, stay.
    plain = [re.sub(r"^ {0,3}#+(?=[ \t])", "#", line) for line in page.draft.body.split("\n")]
    after = [re.sub(r"^ {0,3}#+(?=[ \t])", "#", line) for line in again.draft.body.split("\n")]
    changed = "\n".join(after).rstrip("\n").replace("](../new.md)", "](/old)")
    assert changed == "\n".join(plain).rstrip("\n")
    # Code stays code: what is no heading before is none after.
    assert re.findall(r"<h\d", to_html(once)).__len__() == len(re.findall(r"<h\d", to_html(text)))
    kept = {k: v for k, v in page.draft.facts.extra.items() if k in again.draft.facts.extra}
    assert kept == again.draft.facts.extra


# -- the catalogue ------------------------------------------------------------------------------


def test_the_page_of_checks_is_complete() -> None:
    page = (ROOT / "docs" / "checks.md").read_text()
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (error|warning|note)\b", page, re.MULTILINE))
    assert rows == {code: check.severity.value for code, check in CATALOGUE.items()}
    mends = set(re.findall(r"^\| `([\w-]+)` \| \w+, mended \|", page, re.MULTILINE))
    assert mends == {code for code, check in CATALOGUE.items() if check.mends}
    for check in CATALOGUE.values():
        assert check.about in page


def test_every_code_in_the_sources_is_in_the_catalogue() -> None:
    given = re.compile(r'(?:Problem\(|problem\(|report\(|_refused\()[^"]{0,80}"([a-z][a-z-]+)"')
    found = {
        code
        for part in ("content", "authoring")
        for file in (ROOT / "kb" / part).rglob("*.py")
        for code in given.findall(file.read_text())
    }
    assert len(found) > 40
    assert found <= CATALOGUE.keys() | {"published"}


def test_errors_come_first() -> None:
    assert list(Severity) == [Severity.ERROR, Severity.WARNING, Severity.NOTE]
