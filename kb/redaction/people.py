"""Redaction rules for people: email addresses, names and postal addresses, in English and Spanish.

An email address is found in any spelling, also when it is spelt out. A name is found when somebody
gives it ("my name is ...", "soy ...", or beside its address) with capitalised first name and
surname, and a postal address by its form. A name that is not announced, or in lower case, is not
found: it cannot be told from other words without also hiding products.
"""

from __future__ import annotations

import re

from kb.redaction.rule import Form, Match, RedactionRule, Span, form

# -- mail ---------------------------------------------------------------------------------------

_EMAIL = re.compile(
    r"(?<![\w.!#$%&'*+/=?^`{|}~-])[\w.!#$%&'*+/=?^`{|}~-]*[\w+-](?:@|%40|\s?[(\[](?:at|arroba)[)\]]\s?)"
    r"[\w-]+(?:(?:\.|\s?[(\[](?:dot|punto)[)\]]\s?)[\w-]+)*"
    r"(?:\.|\s?[(\[](?:dot|punto)[)\]]\s?)[^\W\d_]{2,}",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"(?<![\w.+-])(?!look\b|mirar?\b)[\w.+-]+\s+(?:arroba|at)\s+[\w-]+(?:\s+(?:punto|dot)\s+[\w-]+)+",
    re.IGNORECASE,
)

# -- names --------------------------------------------------------------------------------------

_WORD = r"[^\W\d_][\w'’-]*"
_FULL = (
    rf"(?P<hide>{_WORD}(?:\s+(?:de|del|de\s+la|de\s+los|van|von|y)(?=\s))?(?:\s+{_WORD}){{1,3}})"
)
_GIVEN = re.compile(
    rf"(?P<by>\b(?i:(?:my|his|her|[\w]+['’]s)\s+name\s+is|i\s+am|i['’]?m|me\s+llamo|mi\s+nombre\s+es"
    rf"|soy|(?:[\w]+\s+)?se\s+llama|regards,|thanks,|saludos,|saludo,|gracias,|atentamente,))\s+{_FULL}"
)
_THIS_IS = re.compile(rf"\b(?i:this\s+is)\s+{_FULL}")
_FROM = re.compile(r"\s*(?:,|;|\.|$|\s(?:from|in|at|here|calling)\b)")
# As an email header shows people. A match never starts inside a word.
_DISPLAYED = re.compile(rf"(?<![\w'’-])[\d_'’-]*+{_FULL}[\"”]?\s*+<(?=\[email\]>)")
_TRADE = """
    able about admin administrador administrator agent agente alumno alumna analista all an and at
    back be both by call client cliente con de del desktop director directora docente el email en
    empleado empleada encargado error final for from getting global having home i in informe la
    las late los manager microsoft new no not now nueva nuevo of off office old on or outlook para
    por profesor profesora que responding sala sharepoint so still teacher team teams technician
    tecnico técnico the to too trying unable user using usuario usuaria very way what windows with
    work works x y you android apple google ios linux mac macos ubuntu chrome edge firefox zoom
    remote server service desk help support soporte group grupo project proyecto global
    responsable supervisor supervisora gerente jefe jefa becario externo externa
"""
_NO_NAME = frozenset(_TRADE.split())
_OBJECTS = """
    archivo fichero carpeta servidor impresora equipo red grupo sala buzón buzon programa
    aplicación aplicacion pc portátil portatil lista sitio página pagina canal base documento
    disco unidad usuario cuenta wifi política tabla hoja file server printer group
"""
_THINGS = frozenset(_OBJECTS.split())
_PARTICLES = frozenset({"de", "del", "la", "los", "van", "von", "y"})
_VERBAL = ("ing", "able", "ible")


def _name(match: Match) -> Span | None:
    """Return the first two to four capitalised words, None if one is a common word of support."""
    by = match["by"].casefold().split() if "by" in match.groupdict() else []
    if by[-1:] == ["llama"] and by[0] in _THINGS:
        return None
    begin = match.start("hide")
    end, names = begin, 0
    for word in re.finditer(r"\S+", match["hide"]):
        bare = word[0].strip(",.;:!?").casefold()
        titled = word[0][0].isupper() and any(char.islower() for char in word[0])
        if not titled and bare in _PARTICLES and names:
            continue
        if not titled:
            break
        if bare in _NO_NAME or bare.endswith(_VERBAL):
            return None
        names, end = names + 1, begin + word.end()
    return (begin, end) if names >= 2 else None


def _caller(match: Match) -> Span | None:
    """Return the name after "this is ...", if the text then ends or says from where."""
    span = _name(match)
    return span if span and _FROM.match(match.string, span[1]) else None


# -- postal -------------------------------------------------------------------------------------

_CAPITAL = r"(?:[A-ZÁÉÍÓÚÑ][\w'’.-]{0,60})"
_STREET_EN = re.compile(
    rf"\b\d{{1,5}}[A-Za-z]?\s+(?:{_CAPITAL}\s+){{1,3}}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Boulevard|Blvd|Terrace|Crescent|Square)\b"
)
_STREET_TOLD = re.compile(
    r"\b(?:(?:my|home|postal)\s+address(?:\s+is)?|live\s+at|(?:ship|deliver|send)\s+(?:it\s+|them\s+"
    r"|the\s+\w+\s+)?to)[\s:]+(?P<hide>\d{1,5}[a-z]?\s+(?:[\w'’.-]+\s+){1,3}"
    r"(?:street|st|road|rd|avenue|ave|lane|ln|drive|way|court|close|place|boulevard|blvd)\b)",
    re.IGNORECASE,
)
_STREET_ES = re.compile(
    r"\b(?i:(?:calle|avenida|avda|av|paseo|plaza|carrera)\s+|(?:c/|avda\.|av\.|pza\.|cra\.)\s*)"
    rf"(?:(?:de|del|la|las|los)\s+)*{_CAPITAL}(?:\s+(?:(?:de|del|la|y)\s+)*{_CAPITAL}){{0,4}}"
    r"\s*+(?:,\s*+)?(?:n[º°.]\s*)?\d{1,4}\b"
)

MAIL = RedactionRule(
    "email",
    "email",
    "any",
    "jane.doe@example.com",
    (form(_EMAIL, lambda text: not text.startswith("git@")),),
)
SPOKEN = RedactionRule(
    "email-spoken", "email", "en, es", "ana at example dot org", (form(_SPOKEN),)
)
NAME = RedactionRule(
    "name",
    "name",
    "en, es",
    "my name is Jane Doe",
    (Form(_GIVEN, _name), Form(_THIS_IS, _caller), Form(_DISPLAYED, _name)),
    announced=True,
)
STREET = RedactionRule(
    "address",
    "address",
    "en, es",
    "12 Orchard Street",
    (form(_STREET_TOLD), form(_STREET_EN), form(_STREET_ES)),
    announced=True,
)
