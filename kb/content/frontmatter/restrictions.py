"""Find keys of front matter that seem to restrict readers or delay an article, but are not read.

An article with such a key would be shown to more people, or earlier, than its author meant, so it
is refused with what to write instead. A value that restricts nobody (`visibility: public`,
`private: false`) is harmless and let through.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from rapidfuzz.distance import OSA

from kb.content.article import ArticleStatus, Audience
from kb.content.frontmatter.fields import AUDIENCES, ROWS, STATUSES
from kb.content.problem import Problem

CODE = "access"
_WHO = "Write “audience: staff”, “audience: signed-in” or “audience: public”."
_SHOWN = "Write “status: draft”, “status: archived” or “status: published”."
_FROM = "Write “publish_at: ” and a day, as 2026-09-14, or take the key out."
_UNTIL = "Write “expires_at: ” and a day, as 2026-09-14, or take the key out."
_REVIEW = "Write “expires_at: …” for its last day, or “review_by: …” for the day to check it."

# Keys are compared by letters and digits alone, without case and accents.
_ACCESS_WORDS = """
    visibility visible_to visible_for access access_level access_control acl permission permissions
    roles groups audiences audience_groups viewers readers read_by can_read can_view who_can_see
    who_can_read restrict restrict_to restricted_to restricted_by allow allowed allow_from deny
    allowed_roles allowed_groups allowed_users allowed_audiences shared_with share_with sharing
    classification confidentiality sensitivity sensitivity_label security_level clearance tlp
    user_segment user_segment_id user_groups security_groups membership privacy exposure
    visibilidad acceso permisos sichtbarkeit zugriff zielgruppe visibilité accès
"""
_FLAGS_WORDS = """
    private is_private restricted is_restricted internal is_internal internal_only internal_use_only
    staff_only agents_only employees_only members_only team_only admin_only confidential secret
    hidden is_hidden unlisted embargoed protected password password_protected login login_required
    require_login requires_login require_auth requires_auth auth_required needs_login unpublished
    is_draft wip work_in_progress in_review disabled is_disabled deleted is_deleted archived
    is_archived retired obsolete privado privada restringido confidencial interno interna borrador
    oculto archivado entwurf brouillon intern interne privé privat vertraulich
"""
_OPENINGS_WORDS = """
    public is_public publish is_published enabled active live is_live visible is_visible listed
    público pública publicado activo öffentlich veröffentlicht publié
"""
_LABELS_WORDS = """
    state stage workflow workflow_state workflow_status lifecycle review_status content_status
    article_status doc_status document_status page_status publish_status publication_status
    publishing_state visibility_status estado statut zustand
"""
_FROM_WORDS = """
    publish_on publish_from publish_time publish_after published_on published_from publication_date
    release_date release_on release_at embargo embargo_until embargo_date embargoed_until
    available_from available_on visible_from show_from show_after go_live go_live_date go_live_at
    live_from live_at live_on active_from valid_from not_before schedule scheduled scheduled_for
    scheduled_at schedule_at schedule_date unlock_date unlock_at hide_until hidden_until
    private_until draft_until publicar_el fecha_de_publicación fecha_publicación
"""
_UNTIL_WORDS = """
    expire expires expire_at expire_on expires_on expires_after expiry expiration expiration_date
    expire_date unpublish unpublish_at unpublish_on unpublish_date unpublishdate valid_until
    valid_to valid_till visible_until visible_to_date available_until available_to show_until
    live_until active_until not_after archive_at archive_on remove_at remove_on hide_after
    public_until caduca caducidad fecha_de_caducidad
"""
# Words of longer keys, such as `page_visibility`; the value decides.
_PARTS_WORDS = """
    audience audiences visibility private restricted confidential internal unlisted draft embargo
    permissions permission acl unpublished access
"""
_PARTS_OF_FLAGS = frozenset({"private", "restricted", "confidential", "unlisted", "draft"})
# Words close to one of our keys that mean something else.
_OTHERS = frozenset({"publisher", "publishers", "stats", "statue", "craft", "raft", "drift"})
_NOBODY_KEPT_OUT = frozenset(
    {"", "public", "everyone", "everybody", "all", "anyone", "anybody", "world", "open", "free",
     "any", "*", "unrestricted", "published", "publish", "live", "white", "clear", "público"}
)  # fmt: skip # a list, several to a line
_NO = frozenset({"false", "no", "off", "0", "n", "none", "never", "null"})
_YES = frozenset({"true", "yes", "on", "1", "y"})
_NARROW = frozenset(
    {"private", "internal", "staff", "agents", "employees", "restricted", "confidential", "secret",
     "hidden", "unlisted", "unpublished", "members", "embargoed", "scheduled", "pending", "wip",
     "privado", "interno", "borrador", "confidencial", "staff-only", "staff only", "internal-only"}
    | {word for word, audience in AUDIENCES.items() if audience is not Audience.PUBLIC}
    | {word for word, status in STATUSES.items() if status is not ArticleStatus.PUBLISHED}
)  # fmt: skip # a list, several to a line


# Letters of other scripts that look like Latin ones, from Unicode's list of confusables.
_ALIKE = str.maketrans(
    "\u0430\u0432\u0501\u0435\u0491\u04bb\u0456\u0457\u0458\u043a\u04cf\u043c\u043d\u043e"
    "\u0440\u0441\u0455\u0442\u0443\u0475\u051d\u0445\u03b1\u03b2\u03b5\u03b9\u03ba\u03bd"
    "\u03bf\u03c1\u03c4\u03c5\u03c7\u0131\u0251\u0261\u0299\u1d00\u1d04\u1d05\u1d07\u0262"
    "\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\u0280\ua731\u1d1b\u1d1c\u1d20"
    "\u1d21\u028f\u1d22\u0578\u057d\u0585\u0570",
    "abderhiijklmhopcstyvwxabeikvoptuxiagbacdeghijklmnoprstuvwyznuoh",
)


def _alike(text: str) -> str:
    """Return the text in lower case, with look-alike letters (such as Cyrillic ones) made Latin."""
    return unicodedata.normalize("NFKD", text).casefold().translate(_ALIKE)


def _plain(key: str) -> str:
    """Return a key in the form in which keys are compared."""
    return "".join(each for each in _alike(key) if each.isalnum())


def _table(words: str) -> frozenset[str]:
    return frozenset(map(_plain, words.split()))


_ACCESS, _FLAGS, _OPENINGS = map(_table, (_ACCESS_WORDS, _FLAGS_WORDS, _OPENINGS_WORDS))
_LABELS, _FROM_KEYS, _UNTIL_KEYS = map(_table, (_LABELS_WORDS, _FROM_WORDS, _UNTIL_WORDS))
_PARTS = frozenset(_PARTS_WORDS.split())
KNOWN = frozenset(name for row in ROWS for name in (row.name, *row.also))
# Our own keys by every name they have, in the form in which keys are compared.
_OWN = {
    _plain(name): row.name
    for row in ROWS
    if row.name in ("audience", "status", "draft", "published", "publish_at", "expires_at")
    for name in (row.name, *row.also)
}


def narrowing_problems(values: Mapping[str, Any], lines: Mapping[str, int]) -> Iterator[Problem]:
    """Yield a refusal for each unread key that seems to restrict readers or delay the article."""
    for key, value in values.items():
        hint = "" if key in KNOWN else fix_of(str(key), value)
        if not hint:
            hint = next(_within(value, own=key in KNOWN), "")
        if hint:
            message = (
                f"“{str(key)[:60]}” is not read and looks like a key that says who may read this "
                "article, or when: this version is refused."
            )
            yield Problem("", lines.get(key), CODE, message, hint, refused=True)


def _within(value: Any, *, own: bool, depth: int = 0) -> Iterator[str]:
    """Yield what to write instead of keys inside a value; in lists, prose may hold colons too."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if hint := fix_of(str(key), inner, exact=True):
                yield f"{hint} Begin the line at its left edge, outside other keys."
            yield from _within(inner, own=own, depth=depth + 1)
    elif isinstance(value, list):
        for item in value:
            pairs = item.items() if isinstance(item, Mapping) else ()
            for key, inner in pairs:
                if _plain(str(key)) in {"audience", "status", "draft"} and _words(inner) & (
                    _NARROW | _YES
                ):
                    yield "Put this key at the left edge, outside the list."
    elif isinstance(value, str) and "\n" in value and _says_own(value):
        yield "Put the line at the left edge, outside the text of this key."


_OWN_LINE = re.compile(r"^[ \t]*(?:audience|status)[ \t]*:[ \t]*([\w -]+?)[ \t]*$", re.MULTILINE)


def _says_own(text: str) -> bool:
    return any(found[1].casefold() in _NARROW for found in _OWN_LINE.finditer(text))


def fix_of(key: str, value: Any, *, exact: bool = False) -> str:
    """Return what to write instead of a key that would restrict or delay, "" for a harmless one.

    With `exact`, misspelt keys of ours do not count.
    """
    if key.casefold().startswith(("ms.", "search.")):  # Microsoft's labels for readers
        return _WHO if _words(value) & _NARROW and key.casefold().endswith("audience") else ""
    plain = _plain(re.split(r"[.:/]", key)[-1])
    own = _own(plain, exact=exact)
    if own:
        return _like_own(own, value)
    if plain in _FROM_KEYS:
        return _FROM if _words(value) - _NO else ""
    if plain in _UNTIL_KEYS:
        mend = _REVIEW if plain == "expires" else _UNTIL
        return mend if _words(value) - _NO else ""
    return _like_others(key, plain, value)


@lru_cache(maxsize=4096)
def _own(plain: str, *, exact: bool) -> str:
    """Return the key of ours that a written key was meant to be, "" for none."""
    if plain in _OWN:
        return _OWN[plain]
    if exact or plain in _OTHERS or len(plain) < 5 or plain in _FLAGS | _OPENINGS | _ACCESS:
        return ""
    if plain in _LABELS | _FROM_KEYS | _UNTIL_KEYS:
        return ""
    distance, name = min((OSA.distance(plain, each), each) for each in _OWN)
    # `audiencia` is two edits away; `published_by` is two from `published_at` and harmless.
    return _OWN[name] if distance <= (2 if name == "audience" and len(plain) >= 7 else 1) else ""


def _like_own(own: str, value: Any) -> str:
    said = _words(value)
    if own == "audience":
        return _who(said) if said - _NOBODY_KEPT_OUT else ""
    if own == "status":
        return _SHOWN if said - _NOBODY_KEPT_OUT else ""
    if own == "draft":
        return _SHOWN if said & (_YES | _NARROW) else ""
    if own == "published":
        return _SHOWN if said - _NOBODY_KEPT_OUT - _YES else ""
    return (_FROM if own == "publish_at" else _UNTIL) if said else ""


def _like_others(key: str, plain: str, value: Any) -> str:
    said = _words(value)
    if plain in _ACCESS:
        return _who(said) if said - _NOBODY_KEPT_OUT - {"null"} else ""
    if plain in _FLAGS:
        is_status = any(word in plain for word in ("draft", "archiv", "wip", "publish", "review"))
        return (_SHOWN if is_status else _who(said)) if said - _NO - _NOBODY_KEPT_OUT else ""
    if plain in _OPENINGS:
        return _SHOWN if said & (_NO | _NARROW) else ""
    if plain in _LABELS:
        return _SHOWN if said & _NARROW else ""
    parts = {_plain(each) for each in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", key)}
    if parts & _PARTS and said & _NARROW:
        return _who(said)
    if parts & {"publish", "published"} and said & _NO:  # such as `dg-publish` of a digital garden
        return _SHOWN
    return _WHO if parts & _PARTS_OF_FLAGS and said & _YES else ""


def _who(said: frozenset[str]) -> str:
    """Return advice that names the audience if the value says which."""
    known = {AUDIENCES[word] for word in said if word in AUDIENCES}
    return f"Write “audience: {known.pop().value}”." if len(known) == 1 else _WHO


def _words(value: Any) -> frozenset[str]:
    """Return the words of a value in lower case; a mapping with any key counts as a word."""
    if value is None:
        return frozenset()
    if isinstance(value, Mapping):
        return frozenset({"a group"}) if value else frozenset()
    if isinstance(value, list):
        return frozenset(word for item in value for word in _words(item))
    word = " ".join(str(value).split()).casefold().translate(_ALIKE)
    return frozenset({word} if word else ())


_LINE = re.compile(r"^[ \t]*(?:-[ \t]+)?[\"']?([\w .-]{1,60}?)[\"']?[ \t]*[:=][ \t]*([^\n]*)$")


def narrows(text: str) -> bool:
    """Whether a line of unreadable front matter seems to restrict readers or delay the article."""
    for line in text.split("\n"):
        found = _LINE.match(line)
        if found is None:
            continue
        value = re.sub(r"(?:^|\s)#.*", "", found[2]).strip(" \t\"'[],")
        if fix_of(found[1], re.split(r"[\"']?\s*,\s*[\"']?", value)):
            return True
    return False
