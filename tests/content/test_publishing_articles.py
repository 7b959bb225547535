"""From files to a library: what is published, what stays, what is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kb.content.article import Article, ArticleStatus, Audience
from kb.content.build import build_library
from kb.content.library import Library
from kb.content.sources.source import open_source

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def article(title: str = "T", body: str = "Text", **facts: str) -> str:
    lines = "".join(f"{key}: {value}\n" for key, value in facts.items())
    return f"---\ntitle: {title}\n{lines}---\n{body}\n"


def published(root: Path, previous: Library | None = None) -> Library:
    return build_library(open_source(root), previous=previous)


def codes(library: Library) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in library.problems]


def only(library: Library) -> Article:
    (found,) = library.articles.values()
    return found


def test_an_article_with_everything(tmp_path: Path) -> None:
    text = article(
        "Reset a password", "Lead.\n\n## Issue\n\nIt fails.", summary="S", audience="signed-in",
        owner="identity team", reviewed="2026-09-14", keywords="[a, b]", colour="blue",
    )  # fmt: skip
    found = only(published(write(tmp_path, {"accounts/reset.md": text})))
    assert (found.slug, found.collection, found.language) == ("accounts/reset", "accounts", "en")
    assert (found.audience, found.status) == (Audience.SIGNED_IN, ArticleStatus.PUBLISHED)
    assert found.reviewed == date(2026, 9, 14)
    assert found.extra == {"colour": "blue"}
    assert found.path == "accounts/reset.md"
    document = found.to_document()
    assert document.id == "accounts/reset"
    assert document.audience == "signed-in"
    assert [section.heading for section in document.sections] == ["", "Issue"]


def test_a_bare_file_is_an_article(tmp_path: Path) -> None:
    library = published(
        write(tmp_path, {"a/my-file.md": "Words. More words.", "b.md": "# Hi\n\nX"})
    )
    assert [a.title for a in library.articles.values()] == ["My file", "Hi"]
    assert library.articles["a/my-file"].summary == "Words. More words."
    assert codes(library) == [("a/my-file.md", "title"), ("b.md", "title")]


@pytest.mark.parametrize(
    "bad",
    [
        "---\ntitle: A: B\n---\nx",
        b"---\ntitle: \xff\n---\n",
        "---\ntitle: T\n---\n" + "x" * 262_144,
        "---\ntitle: T\naudience: staff\nNo end",
    ],
)
def test_a_refused_version_leaves_the_last_good_one(tmp_path: Path, bad: str | bytes) -> None:
    good = published(write(tmp_path, {"a.md": article("Good"), "b.md": article("B")}))
    write(tmp_path, {"a.md": bad, "b.md": article("B2")})
    second = published(tmp_path, good)
    third = published(tmp_path, second)
    for library in (second, third):
        assert library.articles["a"].stale
        assert library.articles["a"].html == good.articles["a"].html
        assert library.articles["b"].title == "B2"
        assert [(p.path, p.refused) for p in library.problems] == [("a.md", True)]
    write(tmp_path, {"a.md": article("Good")})
    healed = published(tmp_path, third)
    assert not healed.articles["a"].stale
    assert healed.problems == ()


def test_a_first_version_that_is_refused_is_not_published(tmp_path: Path) -> None:
    library = published(write(tmp_path, {"a.md": "---\ntitle: A: B\naudience: staff\n---\n"}))
    assert library.articles == {}
    assert codes(library) == [("a.md", "front-matter")]


def test_building_again_gives_an_equal_library_without_rendering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"a/{n}.md": article(f"T{n}", f"[next]({(n + 1) % 5}.md)") for n in range(5)}
    first = published(write(tmp_path, files))
    asked: list[int] = []
    monkeypatch.setattr(
        "kb.content.build.render_all", lambda jobs, *_, **__: asked.append(len(jobs)) or []
    )
    assert published(tmp_path, first) == first
    assert asked == [0]


def test_facts_of_an_unchanged_text_follow_the_others(tmp_path: Path) -> None:
    first = published(write(tmp_path, {"a.md": article("A", "[b](b.md)"), "b.md": article("B")}))
    assert first.articles["a"].links == ("b",)
    (tmp_path / "b.md").unlink()
    second = published(tmp_path, first)
    assert second.articles["a"].links == ()
    assert "<a" not in second.articles["a"].html
    assert codes(second) == [("a.md", "link")]
    write(tmp_path, {"b.md": article("B")})
    assert published(tmp_path, second) == first


def test_reuse_equals_building_afresh(tmp_path: Path) -> None:
    first = published(
        write(tmp_path, {"a.md": article("A", "![x](x.png) [c](c.md)"), "x.png": PNG})
    )
    write(tmp_path, {"c.md": article("C", aliases="[old]"), "x.png": PNG + b"1"})
    assert published(tmp_path, first) == published(tmp_path)


def test_links_to_drafts_are_words_until_they_are_published(tmp_path: Path) -> None:
    files = {"a.md": article("A", "[b](b.md)"), "b.md": article("B", status="draft")}
    first = published(write(tmp_path, files))
    assert "<a" not in first.articles["a"].html
    assert [a.slug for a in first.visible({"public"})] == ["a"]
    assert first.articles["b"].status is ArticleStatus.DRAFT
    write(tmp_path, {"b.md": article("B")})
    assert 'href="/articles/b"' in published(tmp_path, first).articles["a"].html


def test_visible_respects_audience_and_status(tmp_path: Path) -> None:
    files = {
        "a.md": article(), "b.md": article(audience="staff"), "c.md": article(audience="nobody"),
        "d.md": article(status="archived"), "e.md": article(audience="signed-in"),
    }  # fmt: skip
    library = published(write(tmp_path, files))
    assert [a.slug for a in library.visible({"public"})] == ["a"]
    assert [a.slug for a in library.visible({"public", "signed-in"})] == ["a", "e"]
    assert len(library.visible(set(Audience))) == 4


def test_translations_by_name_and_by_word(tmp_path: Path) -> None:
    files = {
        "a/x._en.md": article("X"), "a/x._es.md": article("X es"), "a/x._fr.md": article("X fr"),
        "b/y.md": article("Y", language="en"),
        "b/i-griega.md": article("Y es", language="es", translation_of="b/y"),
        "b/lost.md": article("Z", language="es", translation_of="b/nothing"),
    }  # fmt: skip
    library = published(write(tmp_path, files))
    assert library.translations["es/a/x"] == {"en": "a/x", "es": "es/a/x", "fr": "fr/a/x"}
    assert library.translations["b/y"] == {"en": "b/y", "es": "b/i-griega"}
    assert library.translations["b/i-griega"] == library.translations["b/y"]
    assert "b/lost" not in library.translations
    assert codes(library) == [("b/lost.md", "translation")]


def test_former_addresses_lead_to_the_article(tmp_path: Path) -> None:
    files = {
        "a/new.md": article(permalink="/Help/New/", redirect_from="[/old/, /older.html]"),
        "b.md": article("B", aliases="[old]"),
        "c.md": "---\nredirect_to: /help/new/\npermalink: /c/here/\n---\n",
        "d.md": article("D", "[x](/help/new/#part) [y](/old)"),
    }
    library = published(write(tmp_path, files))
    for path in (
        "a/new",
        "A/New/",
        "/help/new",
        "HELP/NEW/",
        "older",
        "old/",
        "c/here",
        "/a/new.md",
    ):
        assert library.resolve(path) == "a/new"
    assert library.resolve("nothing") is None
    assert library.articles["d"].html.count('href="/articles/a/new') == 2
    assert codes(library) == [("b.md", "alias"), ("d.md", "anchor")]


def test_names_that_differ_only_in_case_or_form_are_told(tmp_path: Path) -> None:
    files = {"a/Éx.md": article("One"), "a/e\u0301X.md": article("Two")}
    library = published(write(tmp_path, files))
    assert len(library.articles) == 1
    assert [code for _, code in codes(library)] == ["slug"]


def test_images_are_served_by_what_they_hold(tmp_path: Path) -> None:
    files = {
        "a/one.md": article("A", "![x](pics/X.PNG) ![y](fake.png) ![z](z.svg)"),
        "a/pics/X.PNG": PNG, "a/unused.png": PNG + b"2", "a/fake.png": "<script>",
        "a/z.svg": "<svg/>",
    }  # fmt: skip
    library = published(write(tmp_path, files))
    ((digest, media),) = library.media.items()
    assert media.name == f"{digest}.png"
    assert (media.mime, media.data, media.slugs) == ("image/png", PNG, ("a/one",))
    assert library.articles["a/one"].images == (digest,)
    assert f'src="/media/{media.name}"' in library.articles["a/one"].html
    assert sorted(codes(library)) == [
        ("a/fake.png", "image"), ("a/one.md", "image"), ("a/one.md", "image"),
    ]  # fmt: skip


def test_collections_and_synonyms_come_from_their_files(tmp_path: Path) -> None:
    files = {
        "vpn/a.md": article(), "mfa/b.md": article(), "zoo/c.md": article(),
        "_collections.yml": "vpn:\n  order: 2\n  title: {en: The VPN, es: La VPN}\nmfa:\n"
        "  order: 1\n  title: Two factors\n  description: {en: Codes}\nempty: {title: E}\n",
        "_synonyms.yml": "en:\n  - [vpn, tunnel]\n  - [alone]\n",
    }  # fmt: skip
    library = published(write(tmp_path, files))
    assert list(library.collections) == ["mfa", "vpn", "zoo"]
    assert library.collections["vpn"].title("es") == "La VPN"
    assert library.collections["vpn"].title("de") == "The VPN"
    assert library.collections["mfa"].description("es") == "Codes"
    assert library.collections["zoo"].title("en") == "Zoo"
    assert library.synonyms == {"en": (("vpn", "tunnel"),)}
    assert codes(library) == [("_synonyms.yml", "side-file")]


@pytest.mark.parametrize("text", ["a: [", "- x", "a: &x 1", "en: x", "vpn: 3", "\x00"])
def test_broken_side_files_stop_nothing(tmp_path: Path, text: str) -> None:
    files = {"vpn/a.md": article(), "_collections.yml": text, "_synonyms.yml": text}
    library = published(write(tmp_path, files))
    assert "vpn/a" in library.articles
    assert ("_synonyms.yml", "side-file") in codes(library)


def test_links_to_narrower_readers_are_told(tmp_path: Path) -> None:
    files = {"a.md": article("A", "[b](b.md)"), "b.md": article("B", audience="staff")}
    assert codes(published(write(tmp_path, files))) == [("a.md", "audience-link")]


def test_an_empty_folder_is_an_empty_library(tmp_path: Path) -> None:
    library = published(tmp_path)
    assert library.articles == {}
    assert library.problems == ()


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    source = open_source(write(tmp_path, {"a.md": article(), "b.md": article("B")}))
    build_library(source, progress=lambda *step: seen.append(step))
    assert seen == [("read", 1, 2), ("read", 2, 2), ("render", 1, 2), ("render", 2, 2)]


def test_a_dumped_library_loads_equal(tmp_path: Path) -> None:
    files = {
        "a/x._en.md": article("X é\u2028", "![i](i.png) [y](#no)\n\n## H", reviewed="2026-01-02"),
        "a/x._es.md": article("X", "> [!NOTE]\n> n", nested="{k: [1, {z: null}], t: true}"),
        "a/i.png": PNG, "_synonyms.yml": "en:\n  - [a, b]", "_collections.yml": "a: {order: 3}",
        "bad.md": "---\n- x\n---\n",
    }  # fmt: skip
    library = published(write(tmp_path, files))
    loaded = Library.load(library.dump().__getitem__)
    assert loaded == library
    assert loaded.variant == library.variant
    assert loaded.resolve("A/X/") == "a/x"
    write(tmp_path, {"a/x._en.md": article("Changed")})
    assert published(tmp_path).variant != library.variant
    assert published(tmp_path, loaded) == published(tmp_path, library)
