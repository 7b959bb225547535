"""The API: its document, its shapes, its errors, and bodies that nobody sends by mistake."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, validators
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

METHODS = {"get", "post", "put", "patch", "delete"}
OBJECT = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def document(site: Any) -> dict[str, Any]:
    """Return the OpenAPI document."""
    return site.bare().get("/api/v1/openapi.json").get_json()


def _operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def _fits(document: dict[str, Any], name: str, value: Any) -> None:
    """Fail unless the value fits the document's schema of that name."""
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry = Registry().with_resource("urn:api", resource)
    schema = {"$ref": f"urn:api#/components/schemas/{name}"}
    Draft202012Validator(schema, registry=registry).validate(value)


def _error(document: dict[str, Any], answer: Any, status: int) -> dict[str, Any]:
    """Return the error of an answer, which must have the one shape."""
    assert answer.status_code == status, answer.text[:300]
    assert answer.mimetype == "application/json"
    _fits(document, "Error", answer.get_json())
    error: dict[str, Any] = answer.get_json()["error"]
    assert error["status"] == status
    assert error["message"]
    assert "Traceback" not in answer.text
    return error


def test_the_document_says_which_requests_are_counted(document: dict[str, Any], site: Any) -> None:
    adapter = site.app.url_map.bind("localhost")
    for (method, path), operation in _operations(document).items():
        place = f"/api/v1{path}".replace("{", "").replace("}", "")
        endpoint, _ = adapter.match(place, method=method.upper())
        done = operation["responses"].get("200", operation["responses"].get("201"))
        assert ("headers" in done) == bool(site.app.view_functions[endpoint].limit), path
        if path != "/openapi.json":
            assert set(operation["responses"]["429"]["headers"]) == {
                "RateLimit", "RateLimit-Policy", "Retry-After",
            }  # fmt: skip
            assert set(operation["responses"]["503"]["headers"]) == {"Retry-After"}


def test_the_document_is_openapi_and_every_reference_leads_somewhere(
    document: dict[str, Any],
) -> None:
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(document["info"])
    for schema in document["components"]["schemas"].values():
        validators.validator_for(schema, Draft202012Validator).check_schema(schema)
    references = re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))
    assert references
    for reference in references:
        place: Any = document
        for step in reference.split("/"):
            place = place[step]
    names = [operation["operationId"] for operation in _operations(document).values()]
    assert len(names) == len(set(names))
    for (_, path), operation in _operations(document).items():
        declared = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert declared == set(re.findall(r"\{(\w+)\}", path))
        assert operation["summary"]
        assert operation["responses"]


def test_the_document_and_the_routes_are_the_same(site: Any, document: dict[str, Any]) -> None:
    served = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1")))
        for rule in site.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert served == set(_operations(document))


@pytest.mark.parametrize("role", ["anonymous", "reader", "agent"])
def test_answers_fit_what_the_document_says_of_them(
    site: Any, document: dict[str, Any], role: str
) -> None:
    client = site.client(role)
    found = client.get("/api/v1/search?q=printing&limit=5").get_json()
    assert found["hits"]
    _fits(document, "Results", found)
    _fits(document, "Results", client.get("/api/v1/search?q=qqqqqq").get_json())
    _fits(document, "Articles", client.get("/api/v1/articles").get_json())
    _fits(document, "Article", client.get("/api/v1/articles/vpn/connect").get_json())
    body = {"subject": f"As {role}", "email": "a@b.example", "submission": f"of {role}"}
    made = client.post("/api/v1/tickets", json=body)
    assert made.status_code == 201
    _fits(document, "Ticket", made.get_json())
    again = client.post("/api/v1/tickets", json=body)
    assert again.status_code == 200
    assert again.get_json()["existing"] is True
    _fits(document, "Ticket", again.get_json())
    event = {"kind": "click", "article": "vpn/connect", "search_id": found["search_id"], "rank": 1}
    kept = client.post("/api/v1/events", json=event)
    assert kept.status_code == 201
    _fits(document, "Kept", kept.get_json())
    if role != "anonymous":
        made = client.post("/api/v1/tickets", json={"subject": f"Own of {role}"})
        _fits(document, "Tickets", client.get("/api/v1/tickets").get_json())
        number = made.get_json()["number"]
        _fits(document, "Ticket", client.get(f"/api/v1/tickets/{number}").get_json())


def test_who_sends_anothers_submission_learns_nothing_of_the_ticket(site: Any) -> None:
    body = {"subject": "A private matter", "email": "a@b.example", "submission": "guessed"}
    assert site.browser().post("/api/v1/tickets", json=body).status_code == 201
    again = site.browser().post("/api/v1/tickets", json=body | {"subject": "Other words"})
    assert again.status_code == 201  # other words are another request, which is not thrown away
    assert "A private matter" not in again.text
    same = site.browser().post("/api/v1/tickets", json=body).get_json()
    assert (same["existing"], same["link"]) == (True, None)  # this id can be guessed
    other = site.browser().post("/api/v1/tickets", json=body | {"email": "c@d.example"})
    assert other.status_code == 201


def test_a_key_gets_the_same_answer_again_and_stands_for_one_request(
    site: Any, document: dict[str, Any]
) -> None:
    """The IETF's draft-ietf-httpapi-idempotency-key-header."""
    client = site.bare()
    head = {"Authorization": f"Bearer {site.token('reader')}", "Idempotency-Key": '"key-1"'}
    body = {"subject": "No sound in the hall", "email": "caller@b.example"}
    first = client.post("/api/v1/tickets", json=body, headers=head)
    assert first.status_code == 201
    number = first.get_json()["number"]
    agent = site.client("agent")
    agent.post(f"/desk/tickets/{number}/answer", data={"text": "Press the button"})
    again = client.post("/api/v1/tickets", json=body, headers=head | {"Idempotency-Key": "key-1"})
    assert (again.status_code, again.get_json()) == (201, first.get_json())
    reused = client.post("/api/v1/tickets", json=body | {"body": "New"}, headers=head)
    assert "another request" in _error(document, reused, 422)["message"]
    for wrong in ("", '""', "x" * 256, "ä"):
        odd = client.post("/api/v1/tickets", json=body, headers=head | {"Idempotency-Key": wrong})
        assert odd.status_code == 400, wrong
    other = head | {"Authorization": f"Bearer {site.token('lead')}"}
    assert client.post("/api/v1/tickets", json=body, headers=other).get_json()["number"] != number


def test_every_error_has_the_one_shape(site: Any, document: dict[str, Any]) -> None:
    client, agent = site.client("anonymous"), site.client("agent")
    _error(document, client.get("/api/v1/none"), 404)
    _error(document, client.get("/api/"), 404)
    _error(document, client.get("/api/v1/articles/none"), 404)
    _error(document, agent.get("/api/v1/tickets/T-9999"), 404)
    _error(document, client.delete("/api/v1/search"), 405)
    _error(document, client.get("/api/v1/events"), 405)
    _error(document, client.get("/api/v1/tickets"), 401)
    _error(document, site.bare().post("/api/v1/tickets", json={"subject": "x"}), 403)
    _error(document, client.get("/api/v1/search"), 422)
    huge = "x" * (257 * 1024)
    _error(document, client.post("/api/v1/tickets", json={"subject": huge}), 413)
    _error(document, client.post("/api/v1/tickets", data=huge, headers=OBJECT), 413)
    for query in ("limit=0", "limit=51", "limit=x", "limit=-1", "offset=-1", "offset=10001",
                  "limit=1e3", "limit=٣", "offset=" + "9" * 400, "limit="):  # fmt: skip
        assert _error(document, client.get(f"/api/v1/articles?{query}"), 422)["fields"], query
    wrong = _error(document, client.post("/api/v1/tickets", json={"subject": "ab"}), 422)
    assert set(wrong["fields"]) == {"subject", "email"}
    extra = {"subject": "x", "admin": True}
    assert "admin" in str(_error(document, client.post("/api/v1/tickets", json=extra), 422))


BODIES = (
    b"", b"null", b"[]", b'"x"', b"1", b"{", b"{}}", b"\xff\xfe{}", b"\x00", b'{"subject": }',
    b'{"subject":' + b"[" * 900 + b"]" * 900 + b"}", b"[" * 60_000,
    b'{"subject":' * 10_000, b'{"a":' + b"[" * 50_000, b'{"subject": NaN}',
    b"9" * 6000, b'{"subject": 1e999}', b'{"subject": "\\ud800"}', b"\xef\xbb\xbf{}",
    b'{"kind":"dwell","article":"vpn/connect","seconds":NaN}',
    b'{"kind":"dwell","article":"vpn/connect","seconds":Infinity}',
    b'{"kind":"click","article":"vpn/connect","rank":' + b"9" * 5000 + b"}",
)  # fmt: skip


@pytest.mark.parametrize("place", ["/api/v1/tickets", "/api/v1/events"])
def test_bodies_that_are_no_object_of_ours_are_refused(
    site: Any, document: dict[str, Any], place: str
) -> None:
    client = site.client("reader")
    for body in BODIES:
        _error(document, client.post(place, data=body, headers=OBJECT), 422)
    _error(document, client.post(place, data={"subject": "as a form"}), 422)
    _error(document, client.post(place, data=b"{}", headers={"Content-Type": "text/plain"}), 422)


def test_a_vote_says_which_way(site: Any, document: dict[str, Any]) -> None:
    event = {"kind": "vote", "article": "vpn/connect"}
    client = site.client("anonymous")
    wrong = _error(document, client.post("/api/v1/events", json=event), 422)
    assert "helpful" in wrong["fields"]["body"]
    assert client.post("/api/v1/events", json=event | {"helpful": False}).status_code == 201


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40),
    st.sampled_from(["\x00", "\ud800", "a\x00b", "T-1001", "vpn/connect", "../..", "%00", "=1+1"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.none(), max_size=2),
)  # fmt: skip
FIELDS = (
    "subject", "body", "name", "email", "search_id", "language", "submission", "kind", "article",
    "rank", "seconds", "helpful", "reason",
)  # fmt: skip
SENT = st.dictionaries(st.sampled_from(FIELDS), ODD)
LIKELY = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["click", "view", "dwell", "vote", "solved"]),
        "article": st.sampled_from(["vpn/connect", "print/staff", "none", "\x00", "\ud800"]),
    },
    optional={
        "search_id": st.text(max_size=36), "rank": st.integers(-1, 2000),
        "seconds": st.floats(allow_nan=True), "helpful": st.booleans(), "reason": st.text(),
    },
)  # fmt: skip
PERSONAL = st.fixed_dictionaries(
    {"subject": st.text(min_size=1, max_size=300)},
    optional={
        "body": st.text(), "name": st.text(max_size=300), "search_id": st.text(max_size=36),
        "email": st.one_of(st.text(max_size=80), st.just("a@b.example")),
        "submission": st.text(max_size=64), "language": st.sampled_from(["en", "es"]),
    },
)  # fmt: skip
ONE_SITE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=100, deadline=None, suppress_health_check=ONE_SITE)
@given(body=st.one_of(SENT, LIKELY, PERSONAL), signed_in=st.booleans())
def test_no_body_is_too_much(
    site: Any, document: dict[str, Any], body: dict[str, Any], signed_in: bool
) -> None:
    client = site.client("reader" if signed_in else "anonymous")
    for place in ("/api/v1/tickets", "/api/v1/events"):
        answer = client.post(place, data=json.dumps(body), headers=OBJECT)
        assert answer.status_code in {200, 201, 404, 422}, answer.text
        if answer.status_code >= 400:
            _fits(document, "Error", answer.get_json())
