"""Numbers that belong to a person: cards, accounts, identity papers, telephones.

Promises that a number is named only when its own checksum agrees. Knows no text around it.
Sources: ISO/IEC 7812-1 (Luhn), ISO 13616 (IBAN), Real Decreto 1553/2005 (DNI, NIE),
modulo 11 as published by the tax offices of Chile (RUT), Argentina (CUIT) and Brazil (CPF).

Promises that a number which proves itself (`checksums`) is found wherever it stands, one that does
not only by its form or when words announce it, and that error codes, versions, addresses of
machines and order numbers stay. English and Spanish; telephones of some thirty countries.
"""

from __future__ import annotations

import re

from kb.redaction.rule import Form, Match, RedactionRule, Span, form

# -- Numbers that prove themselves: payment cards, bank accounts, identity and tax numbers --


# Length of an IBAN by country, from the SWIFT IBAN registry.
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FO FI GL NL SD",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
# First digits and lengths that the card networks issue; other runs of digits are left alone. Visa's
# former 13 digits are too: many addresses of help pages hold 13 digits that begin with 4.
_CARDS = re.compile(
    r"4(?:\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:6011|65\d\d|64[4-9]\d|62\d\d|35\d\d)\d{12}"
    r"|(?:50|5[6-9]|6\d)\d{14}"
)
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def is_card(digits: str) -> bool:
    """Return whether the digits are a payment card's: issued prefix, length, Luhn sum."""
    return bool(_CARDS.fullmatch(digits)) and luhn(digits)


def luhn(digits: str) -> bool:
    """Return whether the Luhn sum of ASCII digits is a multiple of 10."""
    values = [int(digit) for digit in reversed(digits)]
    doubled = [sum(divmod(2 * value, 10)) for value in values[1::2]]
    return (sum(values[::2]) + sum(doubled)) % 10 == 0


def iban_length(text: str) -> int:
    """Return how many characters of `text` are an IBAN written from its start, 0 for none.

    `text` may hold spaces and hyphens between the characters, and go on after the number.
    """
    wanted = _IBAN_LENGTHS.get(text[:2].upper(), 0)
    compact = ""
    for index, char in enumerate(text):
        compact += char.upper() if char.isalnum() else ""
        if wanted and len(compact) == wanted:
            return index + 1 if _iban_sum(compact) else 0
    return 0


def _iban_sum(compact: str) -> bool:
    rotated = compact[4:] + compact[:4]
    return int("".join(str(int(char, 36)) for char in rotated)) % 97 == 1


def is_dni(text: str) -> bool:
    """Return whether `text` is a Spanish DNI or NIE whose letter agrees; compact, upper case."""
    digits = str("XYZ".index(text[0])) + text[1:-1] if text[0] in "XYZ" else text[:-1]
    return text[-1] == _DNI_LETTERS[int(digits) % 23]


def is_rut(text: str) -> bool:
    """Return whether `text` is a Chilean RUT whose check digit agrees; compact, upper case."""
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(text[:-1])))
    return text[-1] == "0K987654321"[total % 11]


def is_cuit(digits: str) -> bool:
    """Return whether 11 digits are an Argentine CUIT or CUIL whose check digit agrees."""
    known = digits[:2] in {"20", "23", "24", "25", "26", "27", "30", "33", "34"}
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(digits[-2::-1]))
    return known and (total + int(digits[-1])) % 11 == 0


def is_cpf(digits: str) -> bool:
    """Return whether 11 digits are a Brazilian CPF whose two check digits agree."""
    sound = (_cpf_digit(digits, end) == int(digits[end]) for end in (9, 10))
    return len(set(digits)) > 1 and all(sound)


def _cpf_digit(digits: str, end: int) -> int:
    total = sum(int(digit) * (end + 1 - place) for place, digit in enumerate(digits[:end]))
    return total * 10 % 11 % 10


# -- Numbers that belong to a person: cards, accounts, identity papers, telephones --


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


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


def _compact(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalnum())


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
    """Return whether it is long enough for a number of papers: an RFC of the internet is not."""
    return len(_digits(text)) >= 6


# -- telephone ----------------------------------------------------------------------------------

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
    """Return what to hide, unless the words before say that this is a code."""
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
        (form(_CARD, lambda text: is_card(_digits(text))),),
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
