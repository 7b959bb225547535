"""One repository with everything that could go wrong: each part costs itself, the rest is read."""

from __future__ import annotations

import subprocess
import unicodedata
from pathlib import Path

from kb.content.build import build_library
from kb.content.link_targets import Directory
from kb.content.rendering import Rendered, RenderJob
from kb.content.rendering_pool import render_all
from kb.content.sources.source import open_source

SHORT = 2.0  # seconds an article may take here; the product allows kb.content.rendering_pool.LIMIT
# Long runs of each mark that this product or a dialect reads.
RUNS = {
    "fenced blocks": ":::note\n" * 20_000,
    "fenced blocks closed": ":::note\n" * 9_000 + ":::\n" * 9_000,
    "unknown blocks": ":::zz\n" * 20_000,
    "zones": '::: zone pivot="a"\n' * 10_000,
    "tabs": '=== "A"\n    x\n' * 15_000,
    "deep tabs": "\n".join(" " * 4 * n + '=== "A"' for n in range(300)) + " " * 1200 + "\n    x",
    "learn tabs": "# [A](#tab/a)\n" * 15_000,
    "details": "<details>\n<summary>s</summary>\n\n" * 6_000,
    "details on one line": "<details>" * 20_000,
    "tab items": "<TabItem value='a'>\n" * 10_000,
    "shortcodes": "{{< a >}}" * 20_000,
    "shortcodes closed": "{{< a >}}" * 10_000 + "{{< /a >}}" * 10_000,
    "shortcode arguments": "{{< a " + 'x="' * 60_000,
    "components": "<Foo a={" * 20_000,
    "components closed": "<Foo>" * 15_000 + "</Foo>" * 15_000,
    "exports": "export const a = {\n" * 10_000,
    "comments": "{/*" * 60_000,
    "includes": "[!INCLUDE [a](" * 15_000,
    "snippets": '--8<-- "a"\n' * 20_000,
    "variables": "{{ a }}" * 30_000,
    "liquid": "{% raw %}" * 20_000,
    "wiki links": "[[a|b]] " * 25_000,
    "open wiki links": "[[" * 60_000,
    "keys": "++a" * 60_000,
    "many keys": "++a+b++ " * 25_000,
    "image sizes": "![a](b.png){width=" * 10_000,
    "angles": "<a-b>" * 40_000,
    "ticks": "`" * 100_000,
    "code": "```python\n" + "x = (" * 40_000,
    "small code": "```python\nx = '''\n```\n" * 8_000,
}


def test_a_long_run_of_any_mark_is_read_or_refused_and_the_rest_is_rendered() -> None:
    directory = Directory(variables={"a": {"": "b"}}, snippets={"_snippets/a.md": "x" * 60_000})
    jobs = [
        RenderJob("x.md", body[: 256 * 1024], "T", "en", jekyll=name == "liquid")
        for name, run in RUNS.items()
        for body in (run, "Fine")
    ]
    results = render_all(jobs, directory, limit=SHORT, processes=2)
    allowed = ("it takes longer", "it is nested", "it needs too much", "the process")
    assert all(not isinstance(r, str) or r.startswith(allowed) for r in results[::2])
    fine = [result.html.strip() for result in results[1::2] if isinstance(result, Rendered)]
    assert fine == ["<p>Fine</p>"] * len(RUNS)


def git(root: Path, *words: str, given: bytes = b"") -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", root, *who, *words], check=True, input=given, capture_output=True
    )
    return done.stdout.decode().strip()


def test_everything_at_once(tmp_path: Path) -> None:
    """Entries are put into the index by name: some file systems could not hold them."""
    files: dict[str, bytes] = {
        "fine.md": b"---\ntitle: Fine\n---\nWords",
        ".gitattributes": b"*.md filter=run diff=run\n",
        "a/Case.md": b"---\ntitle: One\n---\nx", "a/case.md": b"---\ntitle: Two\n---\nx",
        unicodedata.normalize("NFD", "a/Ñandú.md"): b"---\ntitle: Form\n---\nx",
        "large.md": b"---\ntitle: Large\n---\n" + b"word " * 61_440,
        "bomb.md": b"---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\n",
        "merge.md": b"---\na: &a {x: 1}\n<<: [*a, *a]\n---\n",
        "deep.md": b"---\na: " + b"[" * 5_000 + b"\n---\n",
        "nested.md": "\n".join(" " * 2 * n + "- x" for n in range(500)).encode(),
        "brackets.md": b"---\ntitle: B\n---\n" + b"[" * 100_000,
        "latin.md": b"---\ntitle: \xf1\n---\n", "_variables.yml": b"a: &a 1\nb: *a\n",
        "_redirects": b"/x /y\n" * 20_000, "_snippets/s.md": b"--8<-- \"s\"\n" * 50,
        "uses.md": b"---\ntitle: U\n---\n--8<-- \"s\"\n", "a\nb.md": b"---\ntitle: L\n---\nx",
        "x.pdf": b"%PDF", "big.zip": b"P" * (9 << 20),
    }  # fmt: skip
    git(tmp_path, "init", "-q")
    for path, data in files.items():
        blob = git(tmp_path, "hash-object", "-w", "--stdin", given=data)
        git(
            tmp_path,
            "update-index",
            "--add",
            "-z",
            "--index-info",
            given=f"100644 {blob}\t{path}\0".encode(),
        )
    link = git(tmp_path, "hash-object", "-w", "--stdin", given=b"/etc/passwd")
    module = "160000 " + "1" * 40 + "\tmodule\0"
    git(
        tmp_path,
        "update-index",
        "-z",
        "--index-info",
        given=f"120000 {link}\tlink.md\0{module}".encode(),
    )
    git(tmp_path, "commit", "-q", "-m", "x")
    for name in ("filter.run.smudge", "filter.run.process", "diff.run.textconv", "core.fsmonitor"):
        git(tmp_path, "config", name, f"touch {tmp_path}/ran")
    library = build_library(open_source(tmp_path), limit=SHORT)
    assert {"fine", "a/Ñandú", "uses"} <= set(library.articles)
    assert not (tmp_path / "ran").exists()
    refused = {problem.path for problem in library.problems if problem.refused}
    assert {"large.md", "bomb.md", "merge.md", "deep.md", "latin.md", "brackets.md"} <= refused
    assert len({"a/Case.md", "a/case.md"} & refused) == 1
    told = {problem.path for problem in library.problems}
    assert {"link.md", "module", "_variables.yml", "_redirects", "uses.md", "big.zip"} <= told
