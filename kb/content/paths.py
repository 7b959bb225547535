"""Derive an article's slug, collection and language from its file path.

One path always gives the same name, whatever the operating system did to its Unicode form.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

# Language tags allowed as a suffix or folder: those of ISO 639-1 that help sites use. The list is
# closed, so that `node.js.md` and a folder called `io` are not taken for translations.
LANGUAGES_WORDS = """
    ar bg bn ca cs da de el en es et eu fa fi fr gl he hi hr hu id it ja ko lt lv ms nb nl nn no
    pl pt ro ru sk sl sr sv th tr uk ur vi zh
"""
LANGUAGES = frozenset(LANGUAGES_WORDS.split())
# Folders in which site generators keep their parts; none of them holds an article.
_FURNITURE_WORDS = """
    _includes _layouts _data _sass _site _templates _plugins _snippets includes node_modules
    breadcrumb archetypes versioned_docs
"""
_FURNITURE = frozenset(_FURNITURE_WORDS.split())
# The files of a further repository are in a folder of this mark and its name; see `combined`.
MOUNT = "@"
_ROOTS = frozenset({"content", "docs", "articles", "pages", "src"})
# Files about a repository; `license-assignment.md` is an article, LICENSE-CODE.md is not.
_NOT_ARTICLES = re.compile(
    r"((?i:readme|licen[cs]e|changelog|contributing|code_of_conduct|codeowners|notice)"
    r"|(README|LICEN[CS]E|NOTICE)[-_.][A-Z0-9_.-]+|ThirdPartyNotices|SECURITY)\.(md|mdx|markdown)$"
)
_SUFFIX = re.compile(r"^(?P<stem>.+?)\.(?P<mark>_?)(?P<tag>[a-z]{2}(?:[-_][A-Za-z]{2,4})?)$")
# Docusaurus keeps translations in their own folder and numbers file names; a date or a version at
# the beginning of a name is not such a number.
_TRANSLATED = re.compile(
    r"^(?P<mount>@[^/]+/)?(?:.*/)?i18n/(?P<tag>[A-Za-z]{2})(?:-[A-Za-z]+)?/docusaurus-plugin-content-docs/"
    r"(?:current/|(?P<old>version-[^/]+/))?(?P<rest>.+)$"
)
_COUNTED = re.compile(r"^(?!\d+[-_.]\d)\d+\s*[-_.]+\s*(?=[^-_.\s])")
_SLASHES = re.compile(r"/+")
_INDEX = re.compile(r"(^|/)_?index(\.(html?|mdx?|markdown))?$")
_ENDING = re.compile(r"\.(html?|mdx?|markdown|aspx|php)$")
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f?#%\\\"<>|*:]+")


@dataclass(frozen=True, slots=True)
class Name:
    """What a path says: `stem` is the slug without its language, `language` "" if it names none."""

    slug: str
    stem: str
    collection: str
    language: str


@lru_cache(maxsize=32_768)  # each path is compared with many others
def normal_path(path: str) -> str:
    """Return `path` in the form for comparing paths: decoded, NFC, case folded, without an ending
    and without slashes around it.
    """
    plain = unicodedata.normalize("NFC", unquote(path)).casefold()
    plain = _SLASHES.sub("/", plain).strip("/ ")
    return _ENDING.sub("", _INDEX.sub("", plain))


def mount_of(path: str) -> str:
    """Return the folder of the further repository that the file is in, "@hr/", or ""."""
    top, inside, _ = path.partition("/")
    return f"{top}/" if inside and len(top) > 1 and top.startswith(MOUNT) else ""


def is_article(path: str) -> bool:
    """Whether a file is an article by its path: Markdown, not hidden, not a part of the site."""
    *folders, name = path.split("/")
    if not name.casefold().endswith((".md", ".mdx", ".markdown")) or name.startswith("."):
        return False
    if name.startswith("_") and not is_section(path):
        return False
    if (found := _TRANSLATED.match(path)) and found["old"]:
        return False
    if any(is_furniture(folder) for folder in folders):
        return False
    return not _NOT_ARTICLES.match(name)


def is_section(path: str) -> bool:
    """Whether a file is Hugo's page of a folder, `_index.md`; without text it is no article."""
    return bool(re.search(r"(^|/)_index(\.[a-z]{2}(-[a-z]+)?)?\.(md|markdown)$", path.casefold()))


def without_count(name: str) -> str:
    """Return the name without the number that Docusaurus sorts by: "02-setup" -> "setup"."""
    return _COUNTED.sub("", name)


def untranslated(path: str) -> tuple[str, str]:
    """Return the path that a Docusaurus translation stands for and its language, else ""."""
    found = _TRANSLATED.match(path)
    if not found:
        return path, ""
    return (found["mount"] or "") + found["rest"], found["tag"].casefold()


def is_furniture(folder: str) -> bool:
    """Whether a folder holds parts of the site, not articles or files for readers."""
    return folder.startswith(".") or folder.casefold() in _FURNITURE


def common_root(paths: list[str]) -> str:
    """Return the folder such as "content/" that holds every article and is not part of names, or
    "".

    Files of further repositories do not count.
    """
    own = [path for path in paths if not _TRANSLATED.match(path) and not mount_of(path)]
    tops = {path.split("/", 1)[0] if "/" in path else "" for path in own}
    top = next(iter(tops)) if len(tops) == 1 else ""
    return f"{top}/" if top in _ROOTS else ""


def name_of(
    path: str, root: str = "", *, default_language: str = "en", counted: bool = False
) -> Name:
    """Return the name of the article in the file at `path`, in a tree whose articles lie in `root`.

    `a/b._es.md`, `a/b.es.md` and `es/a/b.md` all have the slug `es/a/b` and the stem `a/b`; the
    default language has no prefix. Folders lose a leading underscore, and with `counted` all names
    lose the number in front. `@hr/a.md`, of the repository `hr`, has the slug `hr/a`.
    """
    plain, tag = untranslated(unicodedata.normalize("NFC", path))
    mount = mount_of(plain)
    inner = plain.removeprefix(mount or ("" if tag else root))
    *folders, file = inner.split("/")
    stem, language = _split_suffix(re.sub(r"\.(mdx?|markdown)$", "", file, flags=re.IGNORECASE))
    language = tag or language
    if stem == "_index":
        stem = "index"
    if counted:
        folders, stem = [without_count(folder) for folder in folders], without_count(stem)
    if not language and len(folders) > 0 and folders[0].casefold() in LANGUAGES:
        language = folders.pop(0).casefold()
    folders = [_clean(folder.lstrip("_") or folder) for folder in folders]
    if mount:
        folders.insert(0, mount.strip(f"{MOUNT}/"))
    whole = "/".join([*folders, _clean(stem)])
    prefix = "" if language in ("", default_language) else f"{language}/"
    return Name(prefix + whole, whole, folders[0] if folders else "", language)


def _split_suffix(stem: str) -> tuple[str, str]:
    found = _SUFFIX.match(stem)
    if not found:
        return stem, ""
    tag = re.split("[-_]", found["tag"])[0]
    return (found["stem"], tag) if tag in LANGUAGES else (stem, "")


def _clean(part: str) -> str:
    part = "".join(each for each in part if unicodedata.category(each) != "Cf")
    return _UNSAFE.sub("-", part).strip("-. ") or "untitled"
