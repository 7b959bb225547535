"""Numbers that prove themselves: payment cards, bank accounts, identity and tax numbers.

Promises that a number is named only when its own checksum agrees. Knows no text around it.
Sources: ISO/IEC 7812-1 (Luhn), ISO 13616 (IBAN), Real Decreto 1553/2005 (DNI, NIE),
modulo 11 as published by the tax offices of Chile (RUT), Argentina (CUIT) and Brazil (CPF).
"""

from __future__ import annotations

import re

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
