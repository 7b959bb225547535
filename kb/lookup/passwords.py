"""Passwords and keys that somebody announces: "my password is ...", "contraseña: ...".

Promises to hide what follows the announcement when it is a secret, and to leave "my password is
expired" as it is. Knows English and Spanish.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

HIDDEN = "[secret]"

_NAMES = (
    r"(?:wi-?fi\s+)?(?:passwords?|passwd|passphrase|passcode|pwd|pass|pin(?:\s+code)?|contrase[nñ]as?|"
    r"clave|pwd|secret|secreto|client[ _-]secret|token|api[ _-]?key|access[ _-]?key|otp|"
    r"c[oó]digo\s+de\s+(?:verificaci[oó]n|seguridad)|verification\s+code|security\s+code)"
)
_VALUE = r"(\"[^\"]+\"|'[^']+'|“[^”]+”|«[^»]+»|[^\s\"'“«]\S*)"
_SIGNED = re.compile(
    rf"(?<![\w-])({_NAMES}(?:\s+[^\W\d]+){{0,4}}?\s*(?:=|:(?!//))\s*){_VALUE}", re.I
)
_DIRECT = re.compile(
    rf"(?<![\w-])({_NAMES}\s+(?:is|was|are|es|era|son|to)\s+(?:now\s+|ahora\s+)?){_VALUE}", re.I
)
_DISTANT = re.compile(
    rf"(?<![\w-])({_NAMES}(?:\s+[^\W\d]+){{1,4}}?\s+(?:is|was|es|era)\s+){_VALUE}", re.I
)
_PAIR = re.compile(
    rf"(?<![\w-])((?:user(?:name)?|usuario|login)\s+\S+\s+(?:and\s+|y\s+|with\s+|con\s+)?"
    rf"(?:the\s+|la\s+)?(?:password|contrase[nñ]a|clave|pass)\s+){_VALUE}",
    re.I,
)
_PIN = re.compile(
    r"(?<![\w-])((?:pin|otp|passcode)(?:\s+(?:number|n[uú]mero))?\s+)(\d{4,8})(?![\w.])", re.I
)

# What people say of a password that is not the password.
_SAID = """
    a about above accepted again all already also always an another any asked asking at bad
    because been being below blank blocked breached broken by can case changed compromised correct
    corrupt could different disabled displayed do does due empty enabled encrypted enough ever
    exactly expired expiring fine for forgotten from getting going good gone greyed grayed has have
    hidden how if in incorrect insecure invalid is it just known leaked locked long longer lost
    managed me mine missing my needed never new no not nothing ok okay old on only optional or out
    outdated over pending please prompted protected public refused rejected required requested
    reset resetting right safe same saved secure sent set shared short shown simple so stolen still
    stored strong synced synchronised synchronized temporary that the there this to too unknown
    unset up use used valid very visible weak what where which who why with working wrong your
    change reset update create login sign enter type log unlock remember recover access open be get
    a abierta actual al antigua anterior aún bloqueada buena caducada cambiada cambiar caduca
    comprometida con correcta corta de debe débil debil del demasiado desconocida diferente distinta
    el ella en erronea errónea errada esta está este expirada fuerte igual incorrecta insegura
    invalida inválida la larga lo los las más mas mi mía misma mismo muy necesaria ni ningún no
    nueva nula obligatoria olvidada otra para pedida pero por porque que qué rechazada requerida
    robada segura ser siempre simple sin solo sólo su tan temporal todavía tu un una vacía valida
    válida vieja visible y ya
    abierto antiguo bloqueado caducado cambiado correcto corto distinto erróneo erroneo expirado
    incorrecto inválido invalido largo mío necesario nuevo obligatorio olvidado robado seguro válido
    valido viejo
"""
_ORDINARY = frozenset(_SAID.split())
_ORDINARY_ENDINGS = ("ing", "ados", "adas", "idos", "idas")


def without_passwords(text: str) -> str:
    """Return `text` with what is announced as a password, PIN, key or token hidden."""
    for pattern, hides in _ANNOUNCEMENTS:
        text = pattern.sub(partial(_hidden, hides=hides), text)
    return text


def _hidden(match: re.Match[str], *, hides: Callable[[str], bool]) -> str:
    return match[1] + HIDDEN if hides(match[2]) else match[0]


def _bare(value: str) -> str:
    return value.strip("\"'“”«».,;:!?()").casefold()


def _not_ordinary(value: str) -> bool:
    """Return whether the value is no word that people say of a password."""
    word = _bare(value)
    return not (word in _ORDINARY or word.endswith(_ORDINARY_ENDINGS) or _is_code(value))


def _looks_secret(value: str) -> bool:
    """Return whether the value is quoted, or holds digits or signs inside as no plain word does."""
    if value[0] in "\"'“«":
        return True
    word = value.strip(".,;:!?()")
    return not (word.replace("-", "").replace("'", "").isalpha() or _is_code(value) or not word)


_CODE = re.compile(r"0x[0-9a-f]+|kb\d{6,7}|[a-z]{2,6}-\d{3,6}|\[\w+\]", re.I)


def _is_code(value: str) -> bool:
    return bool(_CODE.fullmatch(value.strip(".,;:!?()")))


_ANNOUNCEMENTS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (_PAIR, _looks_secret),
    (_SIGNED, _not_ordinary),
    (_DIRECT, _not_ordinary),
    (_DISTANT, _looks_secret),
    (_PIN, bool),
)
