"""How answers travel: compressed where no secret is told by it, kept where nothing is personal."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

GZIP = {"Accept-Encoding": "gzip, deflate, br"}
PUBLIC = ("/", "/articles/print/public", "/search?q=printing", "/about", "/collections/print")


def _vary(answer: Any) -> set[str]:
    return {
        each.strip().lower() for line in answer.headers.getlist("Vary") for each in line.split(",")
    }


@pytest.mark.parametrize("place", PUBLIC)
def test_a_page_is_compressed_for_who_takes_that_and_says_so(site: Any, place: str) -> None:
    """A cache must know it of either form (dotnet/aspnetcore#48008, honojs/hono#5137,
    Zaczero/starlette-compress#2).
    """
    plain = site.browser().get(place)
    packed = site.browser().get(place, headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "accept-encoding" in _vary(plain) & _vary(packed)
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)
    assert gzip.decompress(packed.data)[:15] == plain.data[:15] == b"<!doctype html>"


def test_gzip_that_is_refused_is_not_sent(site: Any) -> None:
    for header in ("gzip;q=0", "identity", "br", "gzip;q=0, *;q=0.5", ""):
        answer = site.browser().get("/", headers={"Accept-Encoding": header})
        assert "Content-Encoding" not in answer.headers, header
    answer = site.browser().get("/", headers={"Accept-Encoding": "*"})
    assert answer.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    "place", ["/my/account", "/my/tickets", "/my/data.json", "/desk/", "/previews/"]
)
def test_a_page_that_nobody_may_keep_is_neither_compressed_nor_tagged(
    site: Any, place: str
) -> None:
    """A compressed page's length would tell of a secret beside words that somebody else chose."""
    answer = site.client("admin").get(place, headers=GZIP)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Content-Encoding" not in answer.headers
    assert "ETag" not in answer.headers


def test_what_is_posted_is_answered_plainly(site: Any) -> None:
    wrong = site.browser().post(
        "/sign-in", data={"email": "x" * 2000, "password": "y"}, headers=GZIP
    )
    assert len(wrong.data) > 1000
    assert "Content-Encoding" not in wrong.headers


@pytest.mark.parametrize("place", ["/", "/articles/print/public", "/collections/print", "/about"])
@pytest.mark.parametrize("headers", [{}, GZIP])
def test_what_the_browser_has_is_not_sent_again(site: Any, place: str, headers: Any) -> None:
    client = site.browser()
    first = client.get(place, headers=headers)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    again = client.get(place, headers={"If-None-Match": tag, **headers})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == tag
    for name in ("Cache-Control", "Content-Security-Policy"):
        assert again.headers[name] == first.headers[name]
    assert _vary(again) == _vary(first)
    assert client.get(place, headers={"If-None-Match": 'W/"other"', **headers}).status_code == 200


@pytest.mark.parametrize("mark", ["-gzip", "--gzip", "-br", ";gzip"])
def test_a_tag_that_a_proxy_marked_is_still_known(site: Any, mark: str) -> None:
    """Proxies that compress add to a tag and do not take it away again (rails/rails#19056,
    mdn/content#4343, wiremock/wiremock#2822, hapijs/inert#7).
    """
    for place in ("/", "/static/site.css"):
        client = site.browser()
        tag = client.get(place).headers["ETag"].removesuffix('"') + mark + '"'
        assert client.get(place, headers={"If-None-Match": tag}).status_code == 304


def test_a_page_has_one_tag_compressed_or_not(site: Any) -> None:
    """A cache that has the one must not be told that the other changed."""
    client = site.browser()
    plain, packed = client.get("/"), client.get("/", headers=GZIP)
    assert plain.headers["ETag"] == packed.headers["ETag"]


def test_nobody_is_given_another_persons_page(site: Any) -> None:
    """One address, two persons: another tag, private, and apart by cookie for any cache."""
    place = "/articles/print/public"
    anonymous, reader = site.browser().get(place), site.client("reader").get(place)
    assert anonymous.headers["ETag"] != reader.headers["ETag"]
    for answer in (anonymous, reader):
        assert "private" in answer.headers["Cache-Control"]
        assert "cookie" in _vary(answer)
    crossed = site.client("reader").get(place, headers={"If-None-Match": anonymous.headers["ETag"]})
    assert crossed.status_code == 200
    staff = "/articles/print/staff"
    known = site.client("agent").get(staff).headers["ETag"]
    assert site.browser().get(staff, headers={"If-None-Match": known}).status_code == 404


@pytest.mark.parametrize(
    "place", [*PUBLIC, "/healthz", "/robots.txt", "/opensearch.xml", "/api/v1/openapi.json"]
)
@pytest.mark.parametrize("headers", [{}, GZIP])
def test_head_has_the_headers_of_get(site: Any, place: str, headers: Any) -> None:
    client = site.browser()
    got, head = client.get(place, headers=headers), client.head(place, headers=headers)
    assert (head.status_code, head.data) == (got.status_code, b"")
    volatile = {"Date", "X-Request-Id"} | (
        {"ETag", "Content-Length"} if "search?" in place else set()
    )
    assert {k: v for k, v in got.headers if k not in volatile} == {
        k: v for k, v in head.headers if k not in volatile
    }


def test_a_file_named_by_its_hash_is_kept_for_good_and_no_other(site: Any) -> None:
    page = site.browser().get("/").text
    address = page.partition('href="/static/site.css')[2].partition('"')[0]
    kept = site.browser().get(f"/static/site.css{address}", headers=GZIP)
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert kept.headers["Content-Encoding"] == "gzip"
    assert "cookie" not in _vary(kept)
    assert "Set-Cookie" not in kept.headers
    other = site.browser().get("/static/site.css?v=0123456789")
    assert other.headers["Cache-Control"] == "public, max-age=60"
    assert gzip.decompress(kept.data) == other.data
    assert "max-age" not in site.browser().get("/static/site.css").headers["Cache-Control"]
    assert site.browser().get("/static/nothing.css?v=1").status_code == 404


def test_a_file_is_sent_in_parts_and_not_again(site: Any) -> None:
    client = site.browser()
    whole = client.get("/static/site.css")
    part = client.get("/static/site.css", headers={"Range": "bytes=10-19", **GZIP})
    assert (part.status_code, part.data) == (206, whole.data[10:20])
    assert "Content-Encoding" not in part.headers
    packed = client.get("/static/site.css", headers=GZIP)
    assert packed.headers["ETag"] == f"W/{whole.headers['ETag']}"  # other bytes, so only a weak one
    for tag in (whole.headers["ETag"], packed.headers["ETag"]):
        again = client.get("/static/site.css", headers={"If-None-Match": tag, **GZIP})
        assert (again.status_code, again.data) == (304, b"")
    resumed = {"Range": "bytes=10-19", "If-Range": packed.headers["ETag"]}
    assert client.get("/static/site.css", headers=resumed).status_code == 200


def test_pictures_are_not_compressed(site: Any) -> None:
    """Nor do they say that they might be (senchalabs/connect#848)."""
    page = site.browser().get("/articles/print/public").text
    place = "/media/" + page.partition('src="/media/')[2].partition('"')[0]
    picture = site.browser().get(place, headers=GZIP)
    assert picture.status_code == 200
    assert "Content-Encoding" not in picture.headers
    assert "accept-encoding" not in _vary(picture)
