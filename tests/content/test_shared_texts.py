"""Snippets and variables: where they stand, what happens when they change, and that they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.content.build import build_library
from kb.content.library import Library
from kb.content.sources.source import open_source


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def article(body: str, title: str = "T") -> str:
    return f"---\ntitle: {title}\n---\n{body}\n"


def published(root: Path, previous: Library | None = None) -> Library:
    return build_library(open_source(root), previous=previous)


def codes(library: Library) -> list[tuple[str, int | None, str]]:
    return [(problem.path, problem.line, problem.code) for problem in library.problems]


@pytest.mark.parametrize(
    "line", ['--8<-- "contact"', "--8<-- 'contact.md'", '--8<-- "_snippets/contact.md"']
)
def test_a_snippet_stands_where_it_is_asked_for(tmp_path: Path, line: str) -> None:
    files = {
        "a/x.md": article(f"Before\n\n{line}\n\n1. Step\n\n    {line}\n"),
        "_snippets/contact.md": "---\ntitle: Not shown\n---\nCall **us**.\n",
    }
    library = published(write(tmp_path, files))
    page = library.articles["a/x"].html
    assert page.count("Call <strong>us</strong>.") == 2
    assert "Not shown" not in page
    assert list(library.articles) == ["a/x"]
    assert codes(library) == []


def test_links_and_images_of_a_snippet_are_seen_from_its_own_folder(tmp_path: Path) -> None:
    files = {
        "a/deep/x.md": article('--8<-- "s"'),
        "_snippets/s.md": "[one](../a/one.md) ![p](img/p.png) [out](https://example.org/)",
        "a/one.md": article("One"),
    }
    write(tmp_path, files)
    (tmp_path / "_snippets" / "img").mkdir()
    (tmp_path / "_snippets" / "img" / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 20)
    library = published(tmp_path)
    page = library.articles["a/deep/x"].html
    assert 'href="/articles/a/one"' in page
    assert 'src="/media/' in page
    assert 'href="https://example.org/"' in page


def test_a_missing_snippet_stays_visible_and_is_reported(tmp_path: Path) -> None:
    library = published(write(tmp_path, {"x.md": article('One\n\n--8<-- "gone"\n\n;--8<-- "x"')}))
    assert '--8&lt;-- "gone"' in library.articles["x"].html
    assert '<p>--8&lt;-- "x"</p>' in library.articles["x"].html
    assert codes(library) == [("x.md", 6, "snippet")]


def test_variables_are_texts_by_language_and_unknown_ones_stay(tmp_path: Path) -> None:
    files = {
        "_variables.yml": "phone: 5555\ndesk: {en: the desk, es: el centro}\nserver: files01\n",
        "x.md": article(
            "Call {{ phone }}, {{desk}}. `\\\\{{ server }}\\share` \\{{ phone }}\n\n"
            "{{ nobody }} `{{ x }}`"
        ),
        "x.es.md": article("Llame a {{ desk }} al {{ phone }}"),
    }
    library = published(write(tmp_path, files))
    page = library.articles["x"].html
    assert "Call 5555, the desk." in page
    assert "files01" in page
    assert "{{ phone }}" in page
    assert "{{ nobody }}" in page
    assert "Llame a el centro al 5555" in library.articles["es/x"].html
    assert codes(library) == [("x.md", 6, "variable")]


def test_braces_mean_nothing_without_a_file_of_variables(tmp_path: Path) -> None:
    library = published(write(tmp_path, {"x.md": article("Write {{ name }} here")}))
    assert "{{ name }}" in library.articles["x"].html
    assert codes(library) == []


def test_a_change_of_shared_text_renders_the_articles_that_use_it_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "_variables.yml": "phone: 5555\nother: 1\n",
        "_snippets/outer.md": 'Outer\n\n--8<-- "inner"\n',
        "_snippets/inner.md": "Old words",
        "uses-snippet.md": article('--8<-- "outer"'),
        "uses-variable.md": article("{{ phone }}"),
        "waits.md": article('--8<-- "later"'),
        "links.md": article("[[plain]]"),
        "plain.md": article("Plain", "Plain"),
    }
    first = published(write(tmp_path, files))
    rendered: list[str] = []
    from kb.content.rendering_pool import render_all

    def noting(jobs, *rest, **facts):  # type: ignore[no-untyped-def]
        rendered.extend(job.path for job in jobs)
        return render_all(jobs, *rest, **facts)

    monkeypatch.setattr("kb.content.build.render_all", noting)
    assert published(tmp_path, first) == first
    assert rendered == []
    write(tmp_path, {"_snippets/inner.md": "New words"})
    second = published(tmp_path, first)
    assert rendered == ["uses-snippet.md"]
    assert "New words" in second.articles["uses-snippet"].html
    write(tmp_path, {"_variables.yml": "phone: 6666\nother: 2\n"})
    third = published(tmp_path, second)
    assert rendered[1:] == ["uses-variable.md"]
    assert "6666" in third.articles["uses-variable"].html
    write(tmp_path, {"_snippets/later.md": "Here", "plain.md": article("Plain", "Renamed")})
    fourth = published(tmp_path, third)
    assert sorted(rendered[2:]) == ["links.md", "plain.md", "waits.md"]
    assert ">Renamed</a>" in fourth.articles["links"].html
    assert fourth == published(tmp_path)


@pytest.mark.parametrize(
    "snippets",
    [
        {"a": '--8<-- "a"\n' * 20},
        {"a": '--8<-- "b"\n' * 20, "b": '--8<-- "a"\n' * 20},
        {
            "a": '--8<-- "b"\n' * 9,
            **{c: f'--8<-- "{chr(ord(c) + 1)}"\n' * 9 for c in "bcdefg"},
            "h": "x" * 60_000,
        },
    ],
)
def test_snippets_that_include_themselves_or_multiply_end(
    tmp_path: Path, snippets: dict[str, str]
) -> None:
    files = {f"_snippets/{name}.md": text for name, text in snippets.items()}
    library = published(
        write(tmp_path, {**files, "x.md": article('Words\n\n--8<-- "a"'), "y.md": article("Fine")})
    )
    assert "Fine" in library.articles["y"].html
    # It ended by itself: what is killed is told as "render".
    found = [(path, code) for path, _, code in codes(library)]
    assert ("x.md", "snippet") in found
    assert ("x.md", "render") not in found


@pytest.mark.parametrize("text", ["a: [", "- x", "a: &x 1", "x", "a: [1]", "\x00"])
def test_a_broken_file_of_variables_stops_nothing(tmp_path: Path, text: str) -> None:
    library = published(write(tmp_path, {"_variables.yml": text, "x.md": article("Words")}))
    assert "Words" in library.articles["x"].html
    assert [code for _, _, code in codes(library)] == ["side-file"]


def test_a_microsoft_include_is_put_within_its_line(tmp_path: Path) -> None:
    files = {
        "docs/a/x.md": article(
            "Click [!INCLUDE [the button](../includes/button.md)] now.\n\n"
            "[!INCLUDE [gone](../includes/gone.md)]"
        ),
        "docs/includes/button.md": "---\nms.topic: include\n---\n**Save**\n",
    }
    library = published(write(tmp_path, files))
    page = library.articles["a/x"].html
    assert "Click <strong>Save</strong> now." in page
    assert {code for _, _, code in codes(library)} == {"snippet"}
