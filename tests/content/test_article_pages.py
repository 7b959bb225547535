"""What Markdown becomes: headings, lists, code, alerts, links, images and text for search."""

from __future__ import annotations

import re
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.content.html.rewrite import slugify
from kb.content.html.tokens import opening
from kb.content.link_targets import Directory
from kb.content.rendering import Rendered, RenderJob, render
from search.types import Section

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
DIRECTORY = Directory(
    paths={"a/one": "a/one", "a/two": "a/two", "b/three": "b/three"},
    sites={"a/one": "a/one", "a/two": "a/two", "b/three": "b/three", "help/old": "b/three"},
    stems={"a/one": {"en": "a/one", "es": "es/a/one"}},
    media={"a/img/x.png": "0" * 32 + ".png"},
    hidden=frozenset({"a/two"}),
)


def rendered(body: str, **facts: object) -> Rendered:
    job = RenderJob("a/here.md", body, **{"title": "Title", "language": "en", **facts})  # type: ignore[arg-type]
    return render(job, DIRECTORY)


def html(body: str, **facts: object) -> str:
    return rendered(body, **facts).html


def levels(page: str) -> list[int]:
    return [int(level) for level in re.findall(r"<h([1-6])", page)]


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["A", "B", "Ñandú", "?"]))))
def test_headings_begin_at_two_skip_no_level_and_have_unique_ids(
    headings: list[tuple[int, str]],
) -> None:
    result = rendered("\n\n".join(f"{'#' * level} {text}" for level, text in headings))
    found = levels(result.html)
    assert len(found) in (len(headings), len(headings) - 1)
    assert all(level >= 2 for level in found)
    assert all(after <= before + 1 for before, after in zip([1, *found], found, strict=False))
    anchors = [anchor for _, anchor, _ in result.toc]
    assert len(set(anchors)) == len(anchors) == len(found)
    assert all(f'id="{anchor}"' in result.html for anchor in anchors)


@pytest.mark.parametrize(
    "body", ["# Title\n\nText", '# <a name="t"></a>Other\n\nText', "Title\n=====\n\nText"]
)
def test_the_first_heading_that_is_the_title_is_not_repeated(body: str) -> None:
    page = html(body)
    assert levels(page) == []
    assert "Text" in page


def test_the_anchor_of_a_title_that_was_taken_out_still_works() -> None:
    assert '<span id="t-1"></span>' in html('# <a name="t-1"></a>Title\n\n[up](#t-1)')
    assert 'href="#t-1"' in html('# <a name="t-1"></a>Title\n\n[up](#t-1)')


def test_a_first_heading_of_its_own_is_kept_below_the_title() -> None:
    assert levels(html("# Something else\n\n## Part")) == [2, 3]
    assert levels(html("# Something else\n\n## Part", own_title=False)) == [2]


@given(st.text(max_size=60))
def test_an_anchor_depends_on_the_words_alone(text: str) -> None:
    anchor = slugify(text)
    assert anchor
    assert slugify(f"  {text.strip()}!") == anchor or not text.strip()
    assert not re.search(r"\s|[\"'<>&#]", anchor)


def test_anchors_speak_every_script() -> None:
    assert slugify("¿Qué es una VPN?") == "qué-es-una-vpn"
    assert slugify("创建 账户") == "创建-账户"


def test_lists_as_github_reads_them() -> None:
    page = html(
        "Do this:\n1. One\n   ```sh\n   - not a list <b>\n   ```\n"
        "2. Two\n   - deep\n\n   More\n3) Three"
    )
    assert page.count("<ol>") == 1
    assert (
        '<pre tabindex="0"><code class="language-sh">- not a list &lt;b&gt;\n</code></pre>' in page
    )
    assert re.search(
        r"<li>\s*<p>Two</p>\s*<ul>\s*<li>deep</li>\s*</ul>\s*<p>More</p>\s*</li>", page
    )
    assert re.search(r"<li>\s*<p>Three</p>\s*</li>\s*</ol>\s*$", page)


def test_four_columns_a_level_work_too() -> None:
    page = html("1.  One\n\n    More\n\n    * deep\n\n        still deep\n\n2.  Two")
    assert page.count("<ol>") == page.count("<ul>") == 1
    assert "<pre>" not in page


def test_a_number_within_a_paragraph_starts_no_list() -> None:
    assert "<ol" not in html("It was in\n1999. A good year")


def test_alerts_are_labelled_in_the_article_s_language() -> None:
    page = html("> [!WARNING]\n> Mind **this**\n> - item", language="es")
    assert '<div class="alert alert-warning" role="note">' in page
    assert '<p class="alert-title">Advertencia</p>' in page
    assert "<strong>this</strong>" in page
    assert "<li>item</li>" in page
    assert "<blockquote>" in html("> plain")


def test_admonitions_of_mkdocs_are_alerts() -> None:
    page = html(
        'Before\n\n!!! warning "Mind"\n    One\n\n    Two\n\nAfter\n\n??? hint\n    Three\n'
    )
    assert re.search(r"alert-warning.*Mind.*One.*Two.*</div>\s*<p>After</p>", page, re.DOTALL)
    assert re.search(r'<details class="alert alert-tip">\s*<summary>Tip</summary>', page)


def test_tables_tasks_footnotes_and_strikethrough() -> None:
    page = html(
        "| A | B |\n|---|--:|\n| 1 | 2 |\n\n- [x] done\n- [ ] open\n\n~~no~~[^1]\n\n[^1]: F"
    )
    assert '<th scope="col">A</th>' in page
    assert '<td align="right">2</td>' in page
    assert "☑ done" in page
    assert "☐ open" in page
    assert "<del>no</del>" in page
    assert 'id="fn:1"' in page


def test_kramdown_and_liquid_leave_no_marks() -> None:
    body = (
        "{: .list}\n\n* [x](https://a.example){:class='y'}\n\n## Part ## {#own-id}\n\n"
        "{% capture c %}Kept{% endcapture %}{% include a.html b=c %}\n"
        "{% for i in x %}gone{% endfor %}\n\n`{{ code }}` and `{: x}`"
    )
    result = rendered(body, jekyll=True)
    assert 'id="own-id">Part</h2>' in result.html
    assert "Kept" in result.html
    assert "gone" not in result.html
    assert "<code>{{ code }}</code>" in result.html
    assert "<code>{: x}</code>" in result.html
    assert "{%" not in result.html
    assert [problem.code for problem in result.problems] == ["liquid"]


def test_braces_are_the_authors_own_words_outside_jekyll() -> None:
    assert "{{ name }}" in html("Write {{ name }} here")


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("one.md", "/articles/a/one"),
        ("one.md#Part%201", "/articles/a/one#Part%201"),
        ("../b/three.md", "/articles/b/three"),
        ("../b/three", "/articles/b/three"),
        ("/articles/b/three", "/articles/b/three"),
        ("/Help/Old/", "/articles/b/three"),
        ("/b/three.md", "/articles/b/three"),
        ("b/three", "/articles/b/three"),
        ("https://example.org/x?y=1", "https://example.org/x?y=1"),
        ("//example.org/x", "https://example.org/x"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("/", "/"),
    ],
)
def test_links_lead_where_they_mean(written: str, address: str) -> None:
    assert f'href="{address}"' in html(f"[x]({written})")


def test_a_link_prefers_the_translation_beside_it() -> None:
    directory = Directory(stems={"a/one": {"es": "es/a/one", "en": "a/one"}})
    assert directory.link("one.md", base="a/x.es.md", language="es") == "/articles/es/a/one"


@pytest.mark.parametrize("written", ["gone.md", "../../../etc/passwd", "two.md", "#nowhere", "x:y"])
def test_a_link_to_nothing_keeps_its_words_and_is_reported(written: str) -> None:
    result = rendered(f"First\n\nSecond [the words]({written})", body_line=7)
    assert "the words" in result.html
    assert "<a" not in result.html
    assert [(problem.code, problem.line) for problem in result.problems] == [("link", 9)]


def test_no_id_is_given_twice() -> None:
    body = "## Part\n\n<span id='part'>x</span><a name='y'></a><a id='y'></a>\n\n## Part\n\n## y"
    ids = re.findall(r' id="([^"]+)"', html(body))
    assert len(ids) == len(set(ids))
    assert {"part", "part-1", "y"} <= set(ids)


def test_links_and_images_written_as_html_are_resolved_too() -> None:
    page = html('<div><a href="one.md">x</a> <img src="img/x.png" alt="y" width="9"></div>')
    assert 'href="/articles/a/one"' in page
    assert f'src="/media/{"0" * 32}.png"' in page
    assert 'width="9"' in page


@pytest.mark.parametrize("written", ["img/gone.png", "https://evil.example/x.png", "x.svg"])
def test_an_image_that_is_not_ours_leaves_its_words(written: str) -> None:
    result = rendered(f"![the picture]({written})")
    assert "<img" not in result.html
    assert "the picture" in result.html
    assert [problem.code for problem in result.problems] == ["image"]


def test_an_image_written_into_the_text_is_served_like_the_others() -> None:
    result = rendered(f"![dot](data:image/png;base64,{b64encode(PNG).decode()})")
    (name,) = result.inline
    assert f'src="/media/{name}" alt="dot"' in result.html
    assert "<img" not in rendered("![dot](data:image/png;base64,PHN2Zz4=)").html


def test_bare_addresses_become_links_outside_code() -> None:
    page = html("See https://example.org/a_b?c=1&d=2. And `https://no.example`")
    assert page.count("<a ") == 1
    assert 'href="https://example.org/a_b?c=1&amp;d=2"' in page


def test_sections_hold_the_text_under_their_headings() -> None:
    result = rendered("Lead *text*.\n\n## Issue\n\nIt `fails`\nhere\n\n### Windows\n\n1. Do\n2. So")
    assert result.sections == (
        Section("", (), "Lead text."),
        Section("issue", ("Issue",), "It fails\nhere", "p+"),
        Section("windows", ("Issue", "Windows"), "Do\nSo", "o1o2"),
    )
    assert result.toc == ((2, "issue", "Issue"), (3, "windows", "Windows"))


@given(st.text(alphabet="ab. é。", max_size=500))
def test_an_opening_is_short(text: str) -> None:
    assert len(opening((Section("", (), text),))) <= 200
