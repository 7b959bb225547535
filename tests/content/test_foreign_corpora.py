"""Two real help sites, kept as their owners keep them, read by setting one path."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from kb.content.build import build_library
from kb.content.library import Library
from kb.content.sources.source import open_source

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SHIPPED = Path(__file__).resolve().parents[2] / "articles"


@cache
def library(name: str) -> Library:
    path = SHIPPED if name == "articles" else DATA / name
    if not path.is_dir():
        pytest.skip(f"{path} is absent")
    return build_library(open_source(path))


def test_the_shipped_articles_have_no_fault() -> None:
    shipped = library("articles")
    assert len(shipped.articles) >= 60
    assert [str(problem) for problem in shipped.problems] == []
    languages = Counter(article.language for article in shipped.articles.values())
    assert languages["en"] >= 40
    assert languages["es"] >= 20


def test_a_jekyll_site_in_four_languages() -> None:
    site = library("kb_logingov")
    assert len(site.articles) == 307  # 315 files, 8 of which only redirect
    assert not any(problem.refused for problem in site.problems)
    languages = Counter(article.language for article in site.articles.values())
    assert all(languages[language] >= 69 for language in ("en", "es", "fr", "zh"))
    groups = {tuple(group.values()) for group in site.translations.values() if len(group) == 4}
    assert len(groups) >= 55
    assert site.resolve("/es/help/create-account/overview/") == (
        "es/help/create-account/create-an-account"
    )


def test_nearly_all_links_between_jekyll_pages_lead_somewhere() -> None:
    site = library("kb_logingov")
    inner = [r for a in site.articles.values() for r in a.references if r[0] == "link"]
    broken = [p for p in site.problems if p.code == "link" and "/docs/" not in p.message]
    assert len(inner) > 700
    assert broken == []


def test_a_microsoft_learn_set_in_spanish() -> None:
    site = library("kb_alchemy_es")
    assert len(site.articles) == 3025
    assert not any(problem.refused for problem in site.problems)
    assert {article.language for article in site.articles.values()} == {"es"}
    assert len(site.visible({"public"})) == 3025
    assert len(site.media) > 60
    assert sum(problem.code == "image" for problem in site.problems) == 0


@pytest.mark.parametrize("name", ["articles", "kb_logingov", "kb_alchemy_es"])
def test_no_markup_of_another_program_reaches_readers(name: str) -> None:
    for article in library(name).articles.values():
        text = "\n".join(section.text for section in article.sections)
        assert "<h1" not in article.html
        for mark in ("{:", "```", "[!NOTE", "[!VIDEO", "{%", "](http"):
            assert mark not in text or mark in ("](http",), (article.path, mark)
        anchors = [anchor for _, anchor, _ in article.toc]
        assert len(anchors) == len(set(anchors))
