"""Slugs, languages and what counts as an article."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.content.frontmatter.metadata import guess_language, language_tag
from kb.content.paths import common_root, is_article, name_of, normal_path


@pytest.mark.parametrize(
    ("path", "slug", "language"),
    [
        ("accounts/reset.md", "accounts/reset", ""),
        ("_help/a/b._es.md", "es/help/a/b", "es"),
        ("_help/a/b._en.md", "help/a/b", "en"),
        ("a/b.es.md", "es/a/b", "es"),
        ("es/a/b.md", "es/a/b", "es"),
        ("a/node.js.md", "a/node.js", ""),
        ("a/b.pt-BR.md", "pt/a/b", "pt"),
        ("a/My File?.md", "a/My-File", ""),
        ("a/…\u200b.md", "a/…", ""),
    ],
)
def test_a_path_gives_a_slug(path: str, slug: str, language: str) -> None:
    name = name_of(path)
    assert (name.slug, name.language) == (slug, language)


def test_the_default_language_has_no_prefix() -> None:
    assert name_of("a/b.es.md", default_language="es").slug == "a/b"
    assert name_of("a/b.en.md", default_language="es").slug == "en/a/b"


def test_a_folder_that_holds_everything_and_means_nothing_is_left_out() -> None:
    assert common_root(["content/_help/a.md", "content/b/c.md"]) == "content/"
    assert common_root(["content/a.md", "b.md"]) == ""
    assert common_root(["guides/a.md", "guides/b.md"]) == ""
    assert name_of("content/_help/a.md", "content/").slug == "help/a"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.md", True),
        ("_help/b.md", True),
        ("a/license-assignment.md", True),
        ("README.md", False),
        ("a/readme.md", False),
        ("LICENSE-CODE.md", False),
        ("a/_partial.md", False),
        ("_includes/x.md", False),
        (".github/x.md", False),
        ("a/b.txt", False),
    ],
)
def test_what_is_an_article(path: str, expected: bool) -> None:
    assert is_article(path) is expected


@given(st.from_regex(r"[\w \-\.éñ日?#%]{1,12}(/[\w \-\.é]{1,12}){0,2}", fullmatch=True))
def test_both_unicode_forms_of_a_name_are_one_slug(stem: str) -> None:
    forms = {name_of(f"{unicodedata.normalize(form, stem)}.md").slug for form in ("NFC", "NFD")}
    assert len(forms) == 1
    slug = forms.pop()
    assert not set(slug) & set("?#% \\\n\t")
    assert all(part not in ("", ".", "..") for part in slug.split("/"))


@given(st.text(max_size=40))
def test_normal_paths_are_fixed_points_of_case_and_slashes(path: str) -> None:
    once = normal_path(path)
    assert normal_path(f"/{once}/".replace("%", "%25")) in (once, normal_path(once))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How to reset the password of your account when you have forgotten it", "en"),
        ("Cómo restablecer la contraseña de su cuenta si no puede entrar con el teléfono", "es"),
        ("Comment réinitialiser le mot de passe de votre compte pour vous connecter avec", "fr"),
        ("So setzen Sie das Kennwort zurück und melden sich mit der neuen App auf dem PC an", "de"),
        ("Como redefinir a senha da sua conta se você não tem mais o telefone em mãos", "pt"),
        ("创建账户需要一个电子邮件地址和一个密码", "zh"),
        ("パスワードをリセットする方法", "ja"),
        ("VPN", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_text(text: str, language: str) -> None:
    assert guess_language(text) == language


@pytest.mark.parametrize(
    ("written", "tag"), [("es-ES", "es"), ("EN_us", "en"), ("Español", "es"), ("x", ""), ("", "")]
)
def test_language_tags(written: str, tag: str) -> None:
    assert language_tag(written) == tag
