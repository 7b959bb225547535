"""What an address does not take is refused with what it takes; HEAD and OPTIONS go everywhere."""

from __future__ import annotations

from typing import Any

import pytest

ALL = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "CONNECT")


def _addresses(site: Any) -> dict[str, set[str]]:
    """Return the methods of every address, with sample values in its variable parts."""
    adapter = site.app.url_map.bind("localhost")
    return {place: set(adapter.allowed_methods(place)) for _, _, place in site.routes()}


def _allowed(answer: Any) -> set[str]:
    return {each.strip() for each in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize("role", ["anonymous", "admin"])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_every_route_names_its_methods_when_it_refuses_one(
    site: Any, role: str, accept: str
) -> None:
    """RFC 9110 15.5.6 asks for it, also of error pages of one's own, on which it is easily lost
    (middlewares/error-handler#13, eeditiones/roaster#90, emicklei/go-restful#436).
    """
    client = site.client(role)
    refused = 0
    for place, methods in _addresses(site).items():
        for method in ALL:
            if method in methods:
                continue
            answer = client.open(place, method=method, headers={"Accept": accept})
            assert answer.status_code == 405, (method, place)
            assert _allowed(answer) == methods, (method, place)
            assert (answer.mimetype == "application/json") is (
                accept == "application/json" or place.startswith(("/api/", "/hooks/", "/metrics"))
            )
            refused += 1
    assert refused > 300


def test_options_say_the_same_to_everybody(site: Any) -> None:
    for place, methods in _addresses(site).items():
        answer = site.bare().options(place)
        assert (answer.status_code, answer.data) == (200, b""), place
        assert _allowed(answer) == methods


def test_an_address_that_is_not_there_is_not_there_by_any_method(site: Any) -> None:
    for method in ("GET", "POST", "PUT", "OPTIONS"):
        answer = site.browser().open("/no-such-page", method=method)
        assert answer.status_code == 404
        assert "Allow" not in answer.headers
