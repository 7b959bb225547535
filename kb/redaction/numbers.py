"""Redaction rules for personal numbers: cards, bank accounts, identity papers and phone numbers.

A number with a checksum is found anywhere, and only if its checksum is right. Other numbers are
found by their form or when words announce them, in English and Spanish; phone numbers of some
thirty countries. Error codes, versions, network addresses and order numbers stay.

The checksums and the lengths of IBANs are those of python-stdnum, which is asked for no more than
that: where it refuses by a list or a bank's rules, a number stays hidden. It is imported when a
text has something like a number, because it brings ssl and pydoc.
"""

from __future__ import annotations

import re
from functools import cache

from kb.redaction.rule import Form, Match, RedactionRule, Span, form

# -- Checksums of card, bank account, identity and tax numbers --


# First digits and lengths that the card networks issue; other runs of digits are left alone, and so
# are Visa's former 13 digits: many URLs of help pages contain 13 digits that begin with 4.
_CARDS = re.compile(
    r"4(?:\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:6011|65\d\d|64[4-9]\d|62\d\d|35\d\d)\d{12}"
    r"|(?:50|5[6-9]|6\d)\d{14}"
)
# What a CUIT begins with. stdnum has all but 25 and 26, which are kept so that none is lost.
_CUITS = frozenset({"20", "23", "24", "25", "26", "27", "30", "33", "34", "50", "51", "55"})


def is_card(digits: str) -> bool:
    """Return whether the digits are a payment card's: issued prefix, length, Luhn sum."""
    from stdnum import luhn

    return bool(_CARDS.fullmatch(digits)) and luhn.is_valid(digits)


def iban_length(text: str) -> int:
    """Return how many characters of `text` are an IBAN written from its start, 0 for none.

    `text` may have spaces and hyphens between the characters, and continue after the number.
    """
    wanted = _iban_characters(text[:2].upper())
    compact = ""
    for index, char in enumerate(text):
        compact += char.upper() if char.isalnum() else ""
        if wanted and len(compact) == wanted:
            return index + 1 if _iban_sum(compact) else 0
    return 0


@cache
def _iban_characters(country: str) -> int:
    """Return how long a country's IBANs are by the SWIFT registry, 0 where there are none.

    Only the length is asked for: stdnum.iban also refuses by the bank's own form, and would lose
    numbers whose check digits agree.
    """
    from stdnum import numdb

    known = dict(numdb.get("iban").info(country)).get(country, {})  # {"bban": "8!n10!n"}
    parts = re.findall(r"\d+(?=!)", known.get("bban", ""))
    return 4 + sum(map(int, parts)) if parts else 0


def _iban_sum(compact: str) -> bool:
    from stdnum.iso7064 import mod_97_10

    return mod_97_10.checksum(compact[4:] + compact[:4]) == 1


def is_dni(text: str) -> bool:
    """Return whether `text` is a Spanish DNI or NIE whose letter agrees; compact, upper case."""
    from stdnum.es import dni, nie

    letter = nie.calc_check_digit if text[0] in "XYZ" else dni.calc_check_digit
    return text[-1] == letter(text[:-1])


def is_rut(text: str) -> bool:
    """Return whether `text` is a Chilean RUT whose check digit agrees; compact, upper case."""
    from stdnum.cl import rut

    return text[-1] == rut.calc_check_digit(text[:-1])


def is_cuit(digits: str) -> bool:
    """Return whether 11 digits are an Argentine CUIT or CUIL whose check digit agrees."""
    from stdnum.ar import cuit

    return digits[:2] in _CUITS and digits[-1] == cuit.calc_check_digit(digits[:-1])


def is_cpf(digits: str) -> bool:
    """Return whether 11 digits are a Brazilian CPF whose two check digits agree.

    One digit eleven times is no CPF, though its sums agree and stdnum takes it.
    """
    from stdnum.br import cpf

    return len(set(digits)) > 1 and cpf.is_valid(digits)


# -- The rules --


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _compact(text: str) -> str:
    """Return its letters and digits in upper case, digits of every script as 0 to 9."""
    kept = "".join(char for char in text.upper() if char.isalnum())
    if kept.isascii():
        return kept
    return "".join(str(int(char)) if char.isdecimal() else char for char in kept)


# -- with a checksum ----------------------------------------------------------------------------

_IBAN = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?!\w)")
_DNI = re.compile(r"(?<![\w.-])(?:\d{8}|[XYZxyz]-?\d{7})[ -]?[A-Za-z](?!\w)")
_RUT = re.compile(r"(?<![\w.-])(?:\d{1,2}\.\d{3}\.\d{3}|\d{7,8})-[\dkK](?![\w-])")
_CUIT = re.compile(r"(?<![\w.-])\d{2}-\d{8}-\d(?![\w-])")
_CPF = re.compile(r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])")


def _iban(match: Match) -> Span | None:
    length = iban_length(match[0])
    return (match.start(), match.start() + length) if length else None


# -- by form, or announced ----------------------------------------------------------------------

_SSN = re.compile(r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])")
_CURP = re.compile(r"\b[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d\b")
_PAPERS = re.compile(
    r"""\b(?i:ssn|social\ security|ni\ number|national\ insurance|passport|driver'?s?\ licen[cs]e
      |id\ card|tax\ id|dni|nie|nif|c[eé]dula(?:\ de\ (?:ciudadan[ií]a|identidad))?|curp|rfc|rut
      |cuit|cuil|pasaporte|nss|(?:a\ la\ )?seguridad\ social)
    (?i:\s+(?:number|no|n[uú]mero|nº|is|es))*[\s:.\#º]{1,3}
    (?P<hide>(?:[A-Z]{1,4}[ -]?)?\d[\dA-Z]*(?:[ ./-](?:[A-Z]*\d[\dA-Z]*|[A-Z]\b))*)(?!\w)""",
    re.VERBOSE,
)


def _papers(text: str) -> bool:
    """Return whether it is long enough for the number of a document; an internet RFC's is not."""
    return len(_digits(text)) >= 6


# -- phone numbers ------------------------------------------------------------------------------

_AFTER_CODE = re.compile(
    r"(?:error|code|c[oó]digo|event|evento|id|kb|build|compilaci[oó]n|versi[oó]n|hresult|status|"
    r"ticket|puerto|port|pedido|order|serial|serie|0x)\W{0,3}$|[#-]$",
    re.IGNORECASE,
)
_INTERNATIONAL = re.compile(
    r"(?<![\w+.])(?:\+\s?|00)[1-9]\d{0,2}(?:[ .\-/]?\(?\d{1,4}\)?){2,6}(?![\w.]*\w)"
)
_NATIONAL = re.compile(
    r"""(?<![\w.(+-])(?:
      \(\d{3}\)\s?\d{3}[ .-]\d{4} | \d{3}([ .-])\d{3}\1\d{4}          # North America
    | [6789]\d{2}([ .-])\d{3}\2\d{3} | [6789]\d{2}([ .-])\d{2}\3\d{2}\3\d{2}   # Spain
    | [89]\d[ -]\d{3}[ -]\d{2}[ -]\d{2} | [6789]\d{8}
    | 0[1-9](?:([ .-])\d{2})(?:\4\d{2}){3}                           # France
    | 0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4} | 0[1-9]\d{8,9}                # United Kingdom and others
    )(?![\w-]|\.\d)""",
    re.VERBOSE,
)
_CALL_ME = re.compile(
    r"\b(?:tel[eé]fono|tel[eé]?f?|tlf|phone(?:\s+number)?|mobile(?:\s+number)?|cell(?:phone)?"
    r"|m[oó]vil|celular|whatsapp|fax|contacto|contact:|(?:my|contact)\s+number"
    r"|(?:mi\s+n[uú]mero|n[uú]mero\s+de\s+contacto)|(?:call|text|phone|reach|ring)\s+me"
    r"|ll[aá]m[ae]n?me|llamar\s+al?(?:\s+\w+\s+al?)?)"
    r"(?:\s+(?:is|es|el|al?|at|on|n[uú]mero|number|no))*[\s:.]{1,3}"
    r"(?P<hide>\(?\d[\d ().-]{5,}\d)(?!\w)",
    re.IGNORECASE,
)


def _phone(match: Match) -> Span | None:
    """Return what to hide, None if its length is wrong or the words before announce a code."""
    before = match.string[max(0, match.start() - 16) : match.start()]
    long_enough = 8 <= len(_digits(match[0])) <= 15
    return None if _AFTER_CODE.search(before) or not long_enough else match.span()


IBAN = RedactionRule("iban", "iban", "any", "DE89370400440532013000", (Form(_IBAN, _iban),))
RULES = (
    RedactionRule(
        "card",
        "card",
        "any",
        "4111 1111 1111 1111",
        (form(_CARD, lambda text: is_card(_compact(text))),),
    ),
    RedactionRule(
        "identity",
        "id",
        "any",
        "12345678Z",
        (
            form(_DNI, lambda text: is_dni(_compact(text))),
            form(_RUT, lambda text: is_rut(_compact(text))),
            form(_CUIT, lambda text: is_cuit(_compact(text))),
            form(_CPF, lambda text: is_cpf(_compact(text))),
            form(_SSN),
            form(_CURP),
        ),
    ),
    RedactionRule("papers", "id", "en, es", "passport number XN1234567", (form(_PAPERS, _papers),)),
    RedactionRule("phone-announced", "phone", "en, es", "call me at 55512345", (form(_CALL_ME),)),
    RedactionRule(
        "phone",
        "phone",
        "any",
        "+34 612 345 678",
        (Form(_INTERNATIONAL, _phone), Form(_NATIONAL, _phone)),
    ),
)
