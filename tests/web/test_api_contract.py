"""The API takes what its document says that it takes, and nothing else, whoever asks.

For each parameter and field a value from every corner of its schema, and one beyond each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

ROLES = ("reader", "agent", "lead")
REFUSED = {400, 422}
# Examples for patterns and formats; a new one must be given its own here.
FITTING = {
    r"\S": ["x", " x ", "¿qué?", "x" * 5000],
    "^([0-9a-fA-F]{7,64})?$": ["", "abcdef0", "ABCDEF0", "0" * 64],
    "^([Tt]-?)?[0-9]{1,9}$": ["1", "T-1", "t1", "999999999"],
    "^2[0-9]{3}-[0-9]{2}-[0-9]{2}$": ["2026-01-31", "2000-01-01", "2999-12-31"],
    "^[!#-~]+$": ["k", "k" * 255, "a/b=c"],
}
BEYOND = {
    r"\S": ["", " ", "\t\u2003"],
    "^([0-9a-fA-F]{7,64})?$": ["abcdef", "0" * 65, "g" * 8, " abcdef0"],
    "^([Tt]-?)?[0-9]{1,9}$": ["x", "T--1", "1234567890", "-1"],
    "^2[0-9]{3}-[0-9]{2}-[0-9]{2}$": ["20260131", "2026-W05-6", "2026-02-30", "1999-12-31", "x"],
    "^[!#-~]+$": ["k" * 256, "a\tb"],
}


def _values(schema: dict[str, Any], good: bool) -> Iterator[Any]:
    """Yield values at the edges of a parameter's schema, or just beyond them."""
    if "enum" in schema:
        yield from schema["enum"] if good else ["no-such-value"]
    elif "pattern" in schema:
        yield from (FITTING if good else BEYOND)[schema["pattern"]]
    elif schema["type"] == "integer":
        low, high = schema["minimum"], schema["maximum"]
        yield from (low, high) if good else (low - 1, high + 1, "x", "1.5", "")
    elif schema["type"] == "boolean":
        yield from ("true", "false") if good else ()
    elif good:
        yield from ("", "x", "y" * 300, "ñ", "a b")


def _get(site: Any, role: str, path: str, **query: Any) -> Any:
    head = {"Authorization": f"Bearer {site.token(role)}"}
    return site.bare().get(f"/api/v1{path}", query_string=query, headers=head)


@pytest.fixture(scope="module")
def document(site: Any) -> dict[str, Any]:
    """Return the OpenAPI document."""
    return site.bare().get("/api/v1/openapi.json").get_json()


@pytest.mark.parametrize("role", ROLES)
def test_parameters_are_taken_within_their_schemas_and_refused_beyond(
    site: Any, document: dict[str, Any], role: str
) -> None:
    usual = {"q": "printing"}
    tried = 0
    for path, item in document["paths"].items():
        parameters = [p for p in item.get("get", {}).get("parameters", ()) if p["in"] == "query"]
        place = path.format(slug="print/public", number="1", table="outcomes")
        needed = {p["name"]: usual[p["name"]] for p in parameters if p["required"]}
        for parameter in parameters:
            name, schema = parameter["name"], parameter["schema"]
            for value in _values(schema, good=True):
                answer = _get(site, role, place, **(needed | {name: value}))
                assert answer.status_code not in REFUSED or _is_span(answer), (place, name, value)
                assert answer.status_code < 500
                tried += 1
            for value in _values(schema, good=False):
                answer = _get(site, role, place, **(needed | {name: value}))
                assert answer.status_code in {*REFUSED, 403, 404}, (place, name, value)
                tried += 1
        for name in needed:
            assert _get(site, role, place).status_code in REFUSED, name
    assert tried > 80


def _is_span(answer: Any) -> bool:
    """Whether a day was taken and only the range that it makes with today is too long."""
    return "at most 366 days" in answer.text


@pytest.mark.parametrize("role", ROLES)
def test_a_ticket_is_taken_within_the_schema_and_refused_beyond(
    site: Any, document: dict[str, Any], role: str
) -> None:
    schema = document["components"]["schemas"]["NewTicket"]["properties"]
    low, high = schema["subject"]["minLength"], schema["subject"]["maxLength"]
    fitting = [
        {"subject": "x" * low}, {"subject": "x" * high}, {"subject": "a\tb"}, {"subject": " abc "},
        {"name": "n" * schema["name"]["maxLength"]}, {"email": ""}, {"email": "a@b.example"},
        {"body": ""}, {"body": "b" * 20_000}, {"search_id": None}, {"search_id": "s" * 36},
        {"submission": "s" * 64}, {"different": True}, *({"language": e} for e in ("en", "es")),
    ]  # fmt: skip
    beyond = [
        {"subject": "x" * (low - 1)}, {"subject": "x" * (high + 1)}, {"subject": "   "},
        {"subject": "a \t"}, {"subject": 7}, {"subject": None}, {"body": 7}, {"body": "b" * 20_001},
        {"name": "n" * 201}, {"email": "no address"}, {"email": "a@" + "b" * 260}, {"email": 1},
        {"search_id": "s" * 37}, {"submission": "s" * 65}, {"different": 1}, {"language": "xx"},
        {"more": 1},
    ]  # fmt: skip
    head = {"Authorization": f"Bearer {site.token(role)}"}
    for number, given in enumerate(fitting):
        body = {"subject": f"Contract {role} {number}", **given}
        answer = site.bare().post("/api/v1/tickets", json=body, headers=head)
        assert answer.status_code in {200, 201}, (given, answer.text)
    for number, given in enumerate(beyond):
        body = {"subject": f"Contract {role} {number}", **given}
        answer = site.bare().post("/api/v1/tickets", json=body, headers=head)
        assert answer.status_code == 422, given
        assert answer.get_json()["error"]["fields"]


def test_a_request_s_own_name_is_held_to_its_schema(site: Any, document: dict[str, Any]) -> None:
    (key,) = document["paths"]["/tickets"]["post"]["parameters"]
    body, token = {"subject": "Under a name"}, site.token("reader")
    for value in FITTING[key["schema"]["pattern"]]:
        head = {"Authorization": f"Bearer {token}", "Idempotency-Key": value}
        assert site.bare().post("/api/v1/tickets", json=body, headers=head).status_code == 201
    for value in BEYOND[key["schema"]["pattern"]]:
        head = {"Authorization": f"Bearer {token}", "Idempotency-Key": value}
        assert site.bare().post("/api/v1/tickets", json=body, headers=head).status_code == 400
