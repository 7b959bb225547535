"""The words of a refused form, given back in fields that can be sent again.

Nobody has to write twice: whatever the reason of a refusal, the fields of the form come back with
it, up to 1 MiB, but never passwords. Where a session has ended, the words travel through the
sign-in form as its own fields, and their writer presses Send once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from flask import current_app, g, request
from werkzeug.exceptions import HTTPException

MOST_GIVEN_BACK = 1024 * 1024  # bytes of a form; the words of a longer one only the browser has
_WITH_SIGN_IN = MOST_GIVEN_BACK + 64 * 1024
PREFIX, PLACE = "kept.", "kept-to"  # the fields of another form inside the sign-in form
SIGN_IN = "account.sign_in"
# Forms that are not sent again after signing in.
_NO_PLACE = frozenset({SIGN_IN, "account.sign_out"})
_SECRET = ("password", "passwd", "secret", "token")
# Fields of our own forms that hold a password under another name.
_PASSWORDS = frozenset({"again", "current", "proof"})
# What a page of ours put into the form; everything else was typed and can be edited.
_SET_BY_US = frozenset({
    "answer", "article", "different", "found", "helpful", "owner", "question", "resolution",
    "search", "served_to", "shared", "submission", "sure", "version", "waiting",
})  # fmt: skip # a list, several to a line
_LABELS = {
    "body": "What happened?",
    "branch": "Branch",
    "email": "Email address",
    "into": "Number of the gap it belongs to",
    "last": "Until",
    "name": "Name",
    "number": "Ticket number",
    "other_article": "Another article, by its address",
    "subject": "What do you need help with?",
    "text": "Your message",
}
_LINE = 120  # characters that are shown on one line


@dataclass(frozen=True, slots=True)
class Word:
    """One field of the form: `shape` is "hidden", "line" or "text"."""

    name: str
    value: str
    label: str
    shape: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A form that was refused. `place` is where it was to go, "" where it cannot be sent again."""

    words: tuple[Word, ...] = ()
    place: str = ""

    @property
    def seen(self) -> bool:
        """Return whether there is something to read in it."""
        return any(word.shape != "hidden" for word in self.words)


def typed(status: int) -> Typed:
    """Return the form of this request, which was refused with that status."""
    if request.method != "POST":
        return Typed()
    if request.endpoint == SIGN_IN:
        return carried() if _ours() else Typed(carried().words)
    again = _ours() and status not in {404, 405, 410}
    return Typed(_words(_form(MOST_GIVEN_BACK)), _here() if again else "")


def carried() -> Typed:
    """Return the form that travels inside this request's sign-in form."""
    if request.method != "POST":
        return Typed()
    form = _form(_WITH_SIGN_IN)
    place = dict(form).get(PLACE, "")
    inside = [(n.removeprefix(PREFIX), value) for n, value in form if n.startswith(PREFIX)]
    return Typed(_words(inside), place) if _takes_forms(place) else Typed()


def _ours() -> bool:
    """Return whether the guard knows that a page of this site sent the form. Words from elsewhere
    get no button: one press must not do what another site wanted.
    """
    return bool(g.get("ours"))


def _form(most: int) -> list[tuple[str, str]]:
    """Return the fields that were sent; none when they are longer than `most` bytes."""
    request.max_content_length = request.max_form_memory_size = most
    try:
        return list(request.form.items(multi=True))
    except HTTPException:  # too long, or no form at all
        return []


def _words(fields: Iterable[tuple[str, str]]) -> tuple[Word, ...]:
    return tuple(
        Word(name, value, _label(name), _shape(name, value))
        for name, value in fields
        if not _is_secret(name)
    )


def _is_secret(name: str) -> bool:
    plain = name.removeprefix(PREFIX).strip().lower()
    return plain in _PASSWORDS or any(secret in plain for secret in _SECRET)


def _label(name: str) -> str:
    return _LABELS.get(name) or name.replace("_", " ").strip().capitalize() or "Text"


def _shape(name: str, value: str) -> str:
    if name in _SET_BY_US or name.startswith("q."):
        return "hidden"
    many = name in {"body", "text"} or len(value) > _LINE or "\n" in value or "\r" in value
    return "text" if many else "line"


def _here() -> str:
    """Return this request's own address, encoded for a link."""
    asked = request.query_string.decode("ascii", "replace")
    return quote(request.path, safe="/:@!$&'()*+,;=~") + (f"?{asked}" if asked else "")


def _takes_forms(place: str) -> bool:
    """Return whether a form of this site may go to that address, which a browser sent."""
    path = place.partition("?")[0]
    if not path.startswith("/") or path.startswith(("//", "/\\")) or not place.isprintable():
        return False
    adapter = current_app.create_url_adapter(request)
    try:
        found = adapter.match(unquote(path), method="POST") if adapter else None
    except HTTPException:  # unknown, of another method, or moved
        return False
    return found is not None and found[0] not in _NO_PLACE
