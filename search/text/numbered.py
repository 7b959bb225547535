"""Small numbers after a word for their kind: "error 6", "step 3", "line 2", "fehler 6".

Such a number alone names nothing, but the row of a table, or the point of a list, that begins with
it does, where the heading of its column, the caption or a heading above has that word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from search.text.analysis import CODE, fold, pair_code
from search.text.shape import CAPTION, CELLS, MORE, POINT, ROW_STARTS, TERMS, head_span, line_shapes
from search.text.tokens import Token, tokens
from search.types import Section

_ERROR_TEXT = """
error errors err code codes errore errori erro erros errores erreur erreurs codigo codigos codice
codici fehler fehlercode fehlercodes fehlernummer fehlermeldung fout fouten foutcode falla fallas
fallo fallos fault faults exception ошибка ошибки код エラー エラーコード コード 错误 错误代码
错误码 代码 錯誤 錯誤代碼 오류 에러 코드
"""
# Words for an error and its number: one article says "code 6" where another says "error 6".
ERRORS = frozenset(map(fold, _ERROR_TEXT.split()))
_STEP_TEXT = (
    "step steps paso pasos schritt schritte etape etapes passo passi passos stap stappen 手順"
)
_STEPS = frozenset(map(fold, _STEP_TEXT.split()))
_BETWEEN_TEXT = "number numbers numero nummer nr no num n numéro número #"
_BETWEEN = frozenset(map(fold, _BETWEEN_TEXT.split()))
# After the number they tell how often or how long, not which one.
_AMOUNT_TEXT = """
times time x minutes minute hours hour days day seconds second weeks week percent veces vez minutos
horas dias segundos semanas mal minuten stunden tage sekunden fois minutes heures jours
"""
_AMOUNTS = frozenset(_AMOUNT_TEXT.split())
_SMALL = re.compile(r"\d{1,3}")
_NUMBER = re.compile(r"\d{1,5}\.?")
_BEGINS = re.compile(r"(\d{1,5})(?:\s*[:.)–—=：．、）]|\s+-)\s")
# A heading of more words than this is a sentence, not the name of a column.
MOST_WORDS = 6


class Numbered(NamedTuple):
    """A small number in a query, as written, with the folded word for its kind."""

    kind: str
    number: str

    @property
    def is_error(self) -> bool:
        """Whether the kind is a word for an error or its code."""
        return self.kind in ERRORS

    @property
    def is_step(self) -> bool:
        """Whether the kind is a word for a step."""
        return self.kind in _STEPS


def error_term(number: str) -> str:
    """Return the term of a row that says what an error of this number is."""
    return f"{CODE}error{number}"


def numbered(found: Sequence[Token]) -> tuple[Numbered, ...]:
    """Return the numbers of up to three digits in a query that follow a word for their kind."""
    rows = []
    for at, token in enumerate(found):
        if not at or not _SMALL.fullmatch(token.surface):
            continue
        kind = fold(found[at - 1].surface)
        if kind in _BETWEEN and at > 1:
            kind = fold(found[at - 2].surface)
        after = fold(found[at + 1].surface) if at + 1 < len(found) else ""
        if after not in _AMOUNTS and pair_code(kind, token.surface):
            rows.append(Numbered(kind, token.surface))
    return tuple(rows)


def row_terms(
    section: Section, title: str, start: int, end: int
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield for each row or point of the passage `start:end` that has a number its place, from
    `start`, and the terms under which it is found.
    """
    shapes = line_shapes(section.shape)
    if not any(one.kind in CELLS or one.kind == POINT for one in shapes):
        return
    above = _says_error(" ".join((title, *section.path)))
    lines = section.text.split("\n")
    place = 0
    for at, (shape, line) in enumerate(zip(shapes, lines, strict=False)):
        if start <= place < end:
            found = _row(lines, section, at, above) if shape.kind in CELLS else ()
            if shape.kind == POINT and above and (begins := _BEGINS.match(f"{line} ")):
                found = (error_term(begins[1]),)
            if found:
                yield place - start, found
        place += len(line) + 1


def _row(lines: Sequence[str], section: Section, at: int, above: bool) -> tuple[str, ...]:
    """Return the terms of the cell at a line, () when it holds no number alone."""
    shapes = line_shapes(section.shape)
    if not _NUMBER.fullmatch(lines[at]) or shapes[at].kind in {"h", "H"}:
        return ()
    number, column = lines[at].rstrip("."), shapes[at].number
    heads = {} if shapes[at].kind in TERMS else _heads(lines, section, at)
    words = [fold(token.surface) for token in tokens(heads.get(column, ""))][:MOST_WORDS]
    named = [code for word in words if (code := pair_code(word, number))]
    told = any(map(_says_error, heads.values()))
    first = shapes[at].kind in ROW_STARTS
    if _says_error(heads.get(column, "")) or (
        first and not told and (above or _says_error(_caption(lines, section, at)))
    ):
        named.append(error_term(number))
    return tuple(dict.fromkeys(named))


def _heads(lines: Sequence[str], section: Section, at: int) -> dict[int, str]:
    shapes = line_shapes(section.shape)
    first, end = head_span(shapes, at)
    return {shapes[n].number: lines[n] for n in range(first, end) if shapes[n].kind != MORE}


def _caption(lines: Sequence[str], section: Section, at: int) -> str:
    """Return the caption of the table that line `at` is in, "" for none."""
    shapes = line_shapes(section.shape)
    while at > 0 and shapes[at].kind in CELLS | {MORE}:
        at -= 1
    return lines[at] if shapes[at].kind == CAPTION else ""


def _says_error(text: str) -> bool:
    return any(fold(token.surface) in ERRORS for token in tokens(text))
