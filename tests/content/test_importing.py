"""`kb import`: exports of other programs become articles that are then published without a fault."""

# ruff: noqa: E501 - texts stand as their authors write them

from __future__ import annotations

import csv
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kb.authoring.importer.html import markdown_of
from kb.cli.main import main
from kb.content.build import build_library
from kb.content.library import Library
from kb.content.sources.source import open_source

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
HOST = "https://acme.zendesk.com"


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def run(source: Path, target: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["import", str(source), str(target), *options])


def library(target: Path) -> Library:
    return build_library(open_source(target))


def remarks(target: Path) -> list[tuple[str, str]]:
    with (target / "_import-report.csv").open(encoding="utf-8") as stream:
        return [(row["file"], row["what"]) for row in csv.DictReader(stream)]


def zendesk_article(number: int, title: str, body: str, **facts: Any) -> dict[str, Any]:
    return {
        "id": number, "title": title, "name": title, "body": body, "locale": "en-us",
        "source_locale": "en-us", "section_id": 7, "draft": False, "user_segment_id": None,
        "label_names": ["vpn"], "created_at": "2026-01-02T03:04:05Z",
        "edited_at": "2026-02-03T03:04:05Z",
        "html_url": f"{HOST}/hc/en-us/articles/{number}-{title.replace(' ', '-')}", **facts,
    }  # fmt: skip


@pytest.fixture
def zendesk(tmp_path: Path) -> Path:
    shot = f'<img src="{HOST}/hc/article_attachments/55/shot.png" alt="Shot" width="300">'
    articles = [
        zendesk_article(
            1, "Reset a password",
            f'<h2 id="h_01">Steps</h2><p>Press <kbd>F5</kbd>, <a href="#h_01">up</a></p><ol><li>Open <strong>Settings</strong></li></ol>{shot}'
            f'<p>Type &lt;user&gt; &amp; <a href="{HOST}/hc/en-us/articles/2-Connect">connect</a>.</p>'
            '<img src="/hc/article_attachments/99/gone.png" alt="Gone">'
            '<iframe src="//www.youtube.com/embed/x"></iframe>',
        ),
        zendesk_article(2, "Connect", "<p>Text</p>", user_segment_id=12),
        zendesk_article(3, "Later", "<p>Text</p>", draft=True),
        zendesk_article(1, "Restablecer", "<p>Texto</p>", locale="es", html_url=f"{HOST}/hc/es/articles/1-R"),
    ]  # fmt: skip
    return write(tmp_path / "export", {
        "articles.json": json.dumps({"articles": articles, "next_page": None, "count": 4}),
        "sections.json": json.dumps({"sections": [{"id": 7, "name": "Accounts & sign-in"}]}),
        "article_attachments/55/shot.png": PNG,
    })  # fmt: skip


def test_an_export_of_zendesk(zendesk: Path, tmp_path: Path) -> None:
    target = tmp_path / "articles"
    done = run(zendesk, target)
    assert done.exit_code == 0, done.output
    found = library(target)
    article = found.articles["accounts-sign-in/reset-a-password"]
    assert article.title == "Reset a password"
    assert article.keywords == ("vpn",)
    assert "<strong>Settings</strong>" in article.html
    assert 'alt="Shot"' in article.html
    assert 'width="300"' in article.html
    assert "&lt;user&gt; &amp;" in article.html
    assert '<h2 id="h_01">Steps</h2>' in article.html
    assert '<kbd>F5</kbd>, <a href="#h_01"' in article.html
    assert "Gone" in article.html
    assert "amp; connect." in article.html  # the other article is for staff
    assert 'href="https://www.youtube.com/embed/x"' in article.html
    assert found.articles["accounts-sign-in/connect"].audience == "staff"
    assert found.articles["accounts-sign-in/later"].status == "draft"
    assert found.translations["accounts-sign-in/reset-a-password"]["es"] == (
        "es/accounts-sign-in/reset-a-password"
    )
    assert found.resolve("hc/en-us/articles/1-Reset-a-password") == article.slug
    assert found.resolve("/hc/en-us/articles/1") == article.slug
    assert {problem.code for problem in found.problems} == {"audience-link"}
    page = "accounts-sign-in/reset-a-password.md"
    assert remarks(target) == [
        (page, "image"), (page, "page"), ("accounts-sign-in/connect.md", "page"),
    ]  # fmt: skip


def test_text_that_a_page_hides_is_left_out_and_listed(tmp_path: Path) -> None:
    """codelibs/fess#775: what a browser does not show is no text of the page."""
    body = (
        '<p style="display:none">Remark ibex1 about the vendor</p><p hidden>ibex2</p>'
        '<p style="visibility: hidden">ibex3 <b>ibex4</b></p><noscript>ibex5</noscript>'
        "<textarea>ibex6</textarea><!-- ibex7 --><template>ibex8</template>"
        '<div class="d-none">ibex9</div><img hidden src="a.png" alt="ibex10">'
        "<table><tr hidden><td>ibex11</td></tr><tr><td>Shown cell</td></tr></table>"
        '<div role="tabpanel" hidden>Shown tab</div><div aria-hidden="true">Shown aria</div>'
        '<button aria-controls="more">More</button><div id="more" hidden>Shown part</div>'
        "<p>Shown text</p>"
    )
    page = f'<html><head><title>Page</title></head><body style="visibility:hidden"><main>{body}</main></body></html>'
    target = tmp_path / "articles"
    done = run(write(tmp_path / "export", {"page.html": page}), target, "--kind", "html")
    assert done.exit_code == 0, done.output
    text = (target / "page.md").read_text()
    assert "ibex" not in text
    for words in ("cell", "tab", "aria", "part", "text"):
        assert f"Shown {words}" in text
    assert "Hidden text was left out: “Remark ibex1 about the vendor”." in done.output
    report = (target / "_import-report.csv").read_text()
    assert all(f"ibex{number}" in report for number in (1, 2, 3, 6, 9, 11))


def test_hidden_text_goes_even_where_a_page_is_nested_too_deeply(tmp_path: Path) -> None:
    deep = "<div>" * 200 + "Shown<p hidden>ibex</p>" + "</div>" * 200
    text, _ = markdown_of(deep, lambda _kind, written: written)
    assert "Shown" in text
    assert "ibex" not in text


CONFLUENCE_PAGE = """<html><head><title>Team : {title}</title></head><body>
<ol id="breadcrumbs"><li class="first"><a href="index.html">Team</a></li><li><a>Network</a></li></ol>
<h1 id="title-heading"><span id="title-text">Team : {title}</span></h1>
<div id="main-content" class="wiki-content group">{body}</div>
<div class="pageSection group"><h2>Attachments:</h2></div></body></html>"""


def test_an_export_of_confluence_in_a_zip(tmp_path: Path) -> None:
    body = (
        '<p>See <a href="Other_11.html#part">the other</a>.</p>'
        '<img src="attachments/10/77.png?width=400" alt="Plan">'
        '<a href="attachments/10/78.pdf">Form</a>'
        '<div class="confluence-information-macro confluence-information-macro-note">'
        '<span class="aui-icon"></span><div class="confluence-information-macro-body"><p>Mind</p></div></div>'
        '<pre class="syntaxhighlighter-pre" data-syntaxhighlighter-params="brush: bash; gutter: false">ls -l\n</pre>'
        '<div class="expand-container"><div class="expand-control"><span class="expand-control-text">More</span>'
        '</div><div class="expand-content"><p>Hidden</p></div></div>'
        "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>"
    )
    files = {
        "TEAM/index.html": "<html><body><table><tr><th>Key</th><td>TEAM</td></tr></table></body></html>",
        "TEAM/Plan_10.html": CONFLUENCE_PAGE.format(title="The plan", body=body),
        "TEAM/Other_11.html": CONFLUENCE_PAGE.format(title="Other", body="<h2>Part</h2><p>x</p>"),
        "TEAM/attachments/10/77.png": PNG,
        "TEAM/attachments/10/78.pdf": b"%PDF",
    }
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    target = tmp_path / "articles"
    done = run(tmp_path / "export.zip", target)
    assert done.exit_code == 0, done.output
    found = library(target)
    assert sorted(found.articles) == ["network/other", "network/the-plan"]
    page = found.articles["network/the-plan"].html
    for words in (
        'href="/articles/network/other#part"', 'alt="Plan"', "Form (PDF", "alert-warning", "Mind",
        'class="language-bash"', "<summary>More</summary>", "Hidden", "<td>1</td>",
    ):  # fmt: skip
        assert words in page, words
    assert found.articles["network/the-plan"].title == "The plan"
    assert found.resolve("display/TEAM/The+plan") == "network/the-plan"
    assert found.resolve("TEAM/Plan_10.html") == "network/the-plan"
    assert found.problems == ()
    assert remarks(target) == []


def test_a_folder_of_html(tmp_path: Path) -> None:
    source = write(tmp_path / "site", {
        "index.html": "<html lang='es'><body><nav>Menu</nav><main><h1>Inicio</h1><p>Hola "
        "<a href='sub%20dir/a.html'>a</a> <a href='gone.html'>gone</a></p></main><footer>F</footer></body></html>",
        "sub dir/a.html": "<title>Page A</title><body><p>Text <img src='../img/p.png' alt='P'><script>x</script></p>",
        "img/p.png": PNG, "notes.txt": "x",
    })  # fmt: skip
    target = tmp_path / "articles"
    assert run(source, target).exit_code == 0
    found = library(target)
    assert sorted(found.articles) == ["es/index", "sub-dir/a"]
    assert found.articles["es/index"].title == "Inicio"
    assert "Menu" not in found.articles["es/index"].html
    assert 'href="/articles/sub-dir/a"' in found.articles["es/index"].html
    assert "<img" in found.articles["sub-dir/a"].html
    assert found.resolve("sub%20dir/a.html") == "sub-dir/a"
    assert remarks(target) == [("index.es.md", "link"), ("sub-dir/a.md", "page")]


def test_a_second_run_changes_nothing_and_keeps_what_was_changed_here(
    zendesk: Path, tmp_path: Path
) -> None:
    target = tmp_path / "articles"
    run(zendesk, target)
    before = {file: file.stat().st_mtime_ns for file in target.rglob("*.md")}
    again = run(zendesk, target)
    assert "5 as before" in again.output
    assert {file: file.stat().st_mtime_ns for file in target.rglob("*.md")} == before
    mine = target / "accounts-sign-in" / "connect.md"
    mine.write_text("---\ntitle: Mine\n---\nMine")
    (target / "accounts-sign-in" / "later.md").unlink()  # as if the first run had been stopped
    third = run(zendesk, target)
    assert "1 left alone" in third.output
    assert mine.read_text().endswith("Mine")
    assert (target / "accounts-sign-in" / "later.md").exists()
    assert run(zendesk, target, "--force").exit_code == 0
    assert "Mine" not in mine.read_text()


def test_a_change_in_the_export_is_brought_in_over_what_nobody_touched(
    zendesk: Path, tmp_path: Path
) -> None:
    target = tmp_path / "articles"
    run(zendesk, target)
    text = (zendesk / "articles.json").read_text()
    (zendesk / "articles.json").write_text(text.replace("<strong>Settings</strong>", "Options"))
    assert "1 written" in run(zendesk, target).output
    assert "Options" in (target / "accounts-sign-in" / "reset-a-password.md").read_text()


def test_a_file_that_was_there_before_is_never_written_over(zendesk: Path, tmp_path: Path) -> None:
    target = write(tmp_path / "articles", {"accounts-sign-in/connect.md": "Mine"})
    assert "1 left alone" in run(zendesk, target).output
    assert (target / "accounts-sign-in" / "connect.md").read_text() == "Mine"


def test_hostile_exports_stay_inside_and_end(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as packed:
        packed.writestr("../../evil.html", "<p>evil</p>")
        packed.writestr("/root.html", "<p>evil</p>")
        link = zipfile.ZipInfo("link.html")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
        packed.writestr("deep.html", "<div>" * 5000 + "words")
        packed.writestr(
            "fine.html", "<title>=cmd</title><p>Fine <img src='../../../etc/passwd'></p>"
        )
    target = tmp_path / "in" / "articles"
    done = run(tmp_path / "bad.zip", target)
    assert done.exit_code == 0, done.output
    assert sorted(f.name for f in target.rglob("*.md")) == ["deep.md", "fine.md"]
    assert not list(tmp_path.rglob("evil*"))
    assert "words" in (target / "deep.md").read_text()


@pytest.mark.parametrize(
    "files", [{"a.txt": "x"}, {"a.json": "{"}, {"a.json": '{"articles": 3}'}, {}]
)
def test_what_is_no_export_is_refused_with_advice(tmp_path: Path, files: dict[str, str]) -> None:
    (tmp_path / "export").mkdir()
    done = run(write(tmp_path / "export", dict(files)), tmp_path / "articles")
    assert done.exit_code == 3
    assert "holds no page" in done.output


@given(st.text(alphabet="ab<>&[]{}()*_`#!|\\+-=.:\n ", max_size=80))
@settings(deadline=None)
@example("#a")
def test_the_words_of_a_page_are_the_words_of_its_article(text: str) -> None:
    """What HTML shows as text, Markdown shows as the same text."""
    import html as escaping
    import re

    from kb.content.link_targets import Directory
    from kb.content.rendering import RenderJob, render

    words = " ".join(re.findall(r"[ab]+", text))
    written, _ = markdown_of(f"<p>{escaping.escape(text)}</p>", lambda _kind, to: to)
    shown = render(RenderJob("a.md", written, "T", "en"), Directory()).html
    assert " ".join(
        re.findall(r"[ab]+", escaping.unescape(re.sub(r"<[^>]*>", " ", shown)))
    ).replace(" ", "") == words.replace(" ", "")
