"""The JSON Schema of front matter, by which an editor completes and checks it.

Promises draft 2020-12, made from the table of keys, such that front matter it accepts is read
without a finding. Keys that are not in the table are accepted, as the reading keeps them.
"""

from __future__ import annotations

import json
from typing import Any

from kb.content.fields import ROWS, Field, Holds

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# A text may be a whole number: `title: 404` is one.
_TEXT = {"type": ["string", "integer"]}
_LINES = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "uniqueItems": True}]}
_DAY = {"format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_TIME = {
    "format": "date-time",
    "pattern": "^[0-9-]{10}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})$",
}
_SHAPES: dict[Holds, dict[str, Any]] = {
    Holds.TEXT: _TEXT,
    Holds.LANGUAGE: {"type": "string", "pattern": "^[a-z]{2}([-_][A-Za-z0-9]+)*$"},
    Holds.DAY: {"type": "string", **_DAY},
    Holds.MOMENT: {"type": "string", "anyOf": [_DAY, _TIME]},
    Holds.FLAG: {"type": "boolean"},
    Holds.WORDS: _LINES,
    Holds.LINES: _LINES,
}
# Microsoft Learn writes the month first.
_AMERICAN = {
    "type": "string",
    "pattern": "^([0-9]{1,2}/[0-9]{1,2}/[0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2})$",
}


def schema() -> dict[str, Any]:
    """Return the schema, JSON-able."""
    return {
        "$schema": DIALECT,
        "title": "Front matter of an article",
        "description": "The keys that Tier Zero reads; others are kept and not used.",
        "type": "object",
        "anyOf": [{"required": ["title"]}, {"required": ["redirect_to"]}],
        "properties": {name: shape for row in ROWS for name, shape in _properties(row)},
    }


def schema_text() -> str:
    """Return the schema as it is kept in a file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _properties(row: Field) -> list[tuple[str, dict[str, Any]]]:
    """Return the key and its other names, each with its shape."""
    shape = _shape(row)
    other = {"description": f"Same as {row.name}, as other sites call it."}
    also = [(name, (_AMERICAN if name == "ms.date" else shape) | other) for name in row.also]
    return [(row.name, shape | {"description": row.help}), *also]


def _shape(row: Field) -> dict[str, Any]:
    if row.name == "title":
        return _TEXT | {"pattern": "\\S"}  # an empty one is as good as none
    if row.holds is not Holds.CHOICE:
        return _SHAPES[row.holds]
    words = {choice.value: None for choice in row.choices.values()} | dict.fromkeys(row.choices)
    return {"enum": list(words)}
