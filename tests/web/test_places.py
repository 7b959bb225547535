"""Where the site is put: behind proxies, under other names, under a path of its host."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import sqlalchemy as sa

from kb.app import create_app
from kb.config.settings import load
from kb.errors import ConfigError
from kb.proxies import Proxied
from kb.schema import events
from tests.web.pages import ADDRESSES, Page, complaints

NEAR = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"))
SITE = "https://help.example.org:18443"


def _visitors(site: Any) -> int:
    with site.services.db.read() as connection:
        return connection.execute(sa.select(sa.func.count(sa.distinct(events.c.visitor)))).scalar()


# -- who asks -----------------------------------------------------------------------------------


# goauthentik/authentik#25679, rack/rack#1227, express-rate-limit/express-rate-limit#234,
# traefik/traefik#11508, wso2/product-apim#8518, un33k/django-ipware#87
@pytest.mark.parametrize("written", ["203.0.113.7:{}", "[2001:db8:1:2::7]:{}"])
def test_one_person_on_many_connections_is_one_visitor_with_one_limit(
    new_site: Callable[..., Any], written: str
) -> None:
    site = new_site(trusted_proxies=NEAR, search_rate=6, network_rate=1)
    said = [
        site.browser(HTTP_X_FORWARDED_FOR=written.format(port)).get("/search?q=vpn").status_code
        for port in range(40_001, 40_014)
    ]
    assert _visitors(site) == 1
    assert 429 in said


def test_twelve_people_behind_a_declared_proxy_are_twelve(new_site: Callable[..., Any]) -> None:
    site = new_site(trusted_proxies=NEAR)
    for n in range(12):
        site.browser(HTTP_X_FORWARDED_FOR=f"203.0.113.{n}, 10.0.0.4").get("/search?q=qqqq")
    assert _visitors(site) == 12
    assert site.browser().get("/readyz").get_json()["checks"]["proxies"]["ok"]


@pytest.mark.parametrize("peer", ["198.51.100.3", "11.0.0.1", "2001:db8::3", "::ffff:198.51.100.3"])
def test_who_reaches_the_site_past_the_proxy_is_not_believed(
    new_site: Callable[..., Any], peer: str
) -> None:
    site = new_site(trusted_proxies=NEAR)
    for n in range(5):
        forged = {"HTTP_X_FORWARDED_FOR": f"203.0.113.{n}", "HTTP_X_FORWARDED_HOST": "evil.example"}
        site.browser(REMOTE_ADDR=peer, **forged).get("/search?q=vpn")
    assert _visitors(site) == 1


def test_an_ipv4_address_is_the_same_person_on_a_socket_of_ipv6(
    new_site: Callable[..., Any],
) -> None:
    site = new_site()
    for peer in ("198.51.100.3", "::ffff:198.51.100.3"):
        site.browser(REMOTE_ADDR=peer).get("/search?q=vpn")
    assert _visitors(site) == 1


# NodeBB/NodeBB#3707, thorsten/phpMyFAQ#618, TryGhost/TrafficAnalytics#124
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "172.17.0.1", "fd00::5", "100.64.0.9"])
def test_a_proxy_that_nobody_declared_is_told_of_once(
    new_site: Callable[..., Any], peer: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(trusted_proxies=(ip_network("10.0.0.0/8"),))
    assert site.browser().get("/readyz").get_json()["checks"]["proxies"]["ok"]
    with caplog.at_level(logging.WARNING, "kb.proxies"):
        for n in range(3):
            site.browser(REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=f"203.0.113.{n}").get("/about")
    (line,) = caplog.messages
    assert "trusted_proxies" in line
    assert peer in line
    assert "203.0.113" not in line
    answer = site.browser().get("/readyz")
    assert answer.status_code == 200  # readers find their articles all the same
    check = answer.get_json()["checks"]["proxies"]
    assert not check["ok"]
    assert "trusted_proxies" in check["detail"]
    assert peer not in check["detail"]


def test_a_stranger_with_such_headers_is_no_proxy(
    new_site: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site()
    site.browser(REMOTE_ADDR="8.8.4.4", HTTP_X_FORWARDED_FOR="203.0.113.1").get("/about")
    assert caplog.messages == []


def test_what_was_seen_of_a_proxy_is_forgotten_after_an_hour() -> None:
    at = [0.0]
    proxied = Proxied(clock=lambda: at[0])
    proxied.undeclared("127.0.0.1")
    at[0] = 3599.0
    assert "trusted_proxies" in proxied.trouble()
    at[0] = 3601.0
    assert proxied.trouble() == ""


# -- from where forms come ----------------------------------------------------------------------

VOTE = "/articles/print/public/vote"


# nesquena/hermes-webui#368, builderz-labs/mission-control#592, gorilla/csrf#187,
# nightscout/nocturne#999
@pytest.mark.parametrize(
    "headers",
    [
        # nginx on port 18443 with `proxy_set_header Host $host`, which leaves the port out
        {"Host": "help.example.org", "Origin": SITE, "Sec-Fetch-Site": "same-origin"},
        {"Host": "help.example.org", "Origin": SITE},
        {"Host": "help.example.org:18443", "Origin": SITE},
        {"Host": "help.example.org:443", "Origin": "https://help.example.org"},
        {"Host": "127.0.0.1:8000", "Origin": SITE},  # a bare proxy_pass: the upstream's own name
        {"Host": "127.0.0.1:8000", "Origin": SITE, "Sec-Fetch-Site": "same-origin"},
        {"Host": "127.0.0.1:8000", "Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Host": "127.0.0.1:8000", "Origin": "http://127.0.0.1:8000"},
        {"Host": "[::1]:8000", "Origin": "http://[::1]:8000"},
        {"Host": "HELP.example.org:18443", "Origin": SITE},
    ],
)
def test_a_form_of_our_own_is_taken_behind_any_usual_proxy(
    new_site: Callable[..., Any], headers: dict[str, str]
) -> None:
    site = new_site(site_url=SITE, trusted_hosts=("127.0.0.1", "[::1]"))
    assert site.bare().post(VOTE, headers=headers).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": SITE, "Sec-Fetch-Site": "same-site"},
        {"Origin": SITE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": SITE, "Sec-Fetch-Site": "none"},
        {"Origin": SITE, "Sec-Fetch-Site": ""},
        {"Origin": "https://help.example.org:18444"},
        {"Origin": "http://help.example.org:18443"},
        {"Origin": "https://help.example.org.evil.example:18443"},
        {"Origin": "https://sub.help.example.org:18443"},
        {"Origin": f"{SITE}/"},
        {"Origin": f"{SITE}, {SITE}"},
        {"Referer": f"{SITE}/"},
    ],
)
def test_a_form_from_elsewhere_is_refused_and_told_what_was_compared(
    new_site: Callable[..., Any], headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(site_url=SITE, trusted_hosts=("127.0.0.1",))
    answer = site.bare().post(VOTE, headers={"Host": "127.0.0.1:8000", **headers})
    assert answer.status_code == 403
    assert "This form did not come from a page of this site" in answer.text
    assert "Sign in with an account" not in answer.text
    (line,) = [line for line in caplog.messages if "refused" in line]
    compared = line.partition("refused: ")[2]
    assert compared in Page(answer.text).one("main").text
    assert ("Sec-Fetch-Site" in compared) == ("Sec-Fetch-Site" in headers)
    if headers.keys() == {"Origin"} and headers["Origin"].count(":") == 2 and "," not in compared:
        assert SITE in compared


def test_the_usual_site_url_is_not_another_machines(new_site: Callable[..., Any]) -> None:
    # Whatever serves port 8000 on a reader's own machine is no page of this site.
    site = new_site(site_url="http://127.0.0.1:8000", trusted_hosts=("kb.example.org",))
    headers = {"Host": "kb.example.org", "Origin": "http://127.0.0.1:8000"}
    assert site.bare().post(VOTE, headers=headers).status_code == 403
    headers = {"Host": "127.0.0.1", "Origin": "http://127.0.0.1:8000"}
    assert site.bare().post(VOTE, headers=headers).status_code == 303


# -- names --------------------------------------------------------------------------------------


# netbox-community/netbox-chart#14, gethomepage/homepage#6998, Kludex/starlette#3456
@pytest.mark.parametrize("probe", ["/healthz", "/readyz"])
@pytest.mark.parametrize(
    "host", ["10.244.0.6:8105", "[fd00::17]:8105", "kb-7d9f.pod", "evil.example", "a b", "", ":::"]
)
def test_probes_are_answered_under_any_name(site: Any, probe: str, host: str) -> None:
    answer = site.bare().get(probe, headers={"Host": host})
    assert answer.status_code == 200
    assert host == "" or host not in answer.text
    assert "Location" not in answer.headers
    token = {"Authorization": f"Bearer {site.token('author')}", "Host": host}
    assert site.bare().get("/metrics", headers=token).status_code == 200
    assert site.bare().get("/metrics", headers={"Host": host}).status_code == 401


@pytest.mark.parametrize(
    "address",
    ["/", "/healthz/", "/healthz/x", "//healthz", "/static/site.css", "/none", "/sign-in"],
)
def test_all_else_is_refused_under_a_name_that_is_not_ours(site: Any, address: str) -> None:
    for host in ("evil.example", "[::2]", "a b", "localhost.evil.example", "localhost:0"):
        answer = site.bare().get(address, headers={"Host": host})
        assert answer.status_code == 400, host
        assert "evil" not in answer.text + str(answer.headers)
        assert "trusted_hosts" in answer.text


@pytest.mark.parametrize("host", ["[::1]", "[::1]:28106", "[0:0:0:0:0:0:0:1]", "localhost:1"])
def test_ipv6_and_ports_are_told_apart(new_site: Callable[..., Any], host: str) -> None:
    site = new_site(trusted_hosts=load({}).trusted_hosts)
    assert site.bare().get("/about", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ({"KB_HOST": "::1"}, "[::1]:8000"),
        ({"KB_HOST": "[::1]"}, "[::1]:8000"),
        ({"KB_HOST": "::", "KB_PORT": "9"}, "[::1]:9"),
        ({"KB_HOST": "0.0.0.0"}, "127.0.0.1:8000"),
        ({"KB_HOST": "192.0.2.5", "KB_PORT": "8105"}, "192.0.2.5:8105"),
        ({"KB_PORT": "8001"}, "127.0.0.1:8001"),
    ],
)
def test_letters_lead_to_where_the_site_listens_unless_told_otherwise(
    given: dict[str, str], host: str
) -> None:
    settings = load(given)
    assert settings.site_url == settings.own_address == f"http://{host}"
    assert settings.site.host.name in settings.names
    told = load(given | {"KB_SITE_URL": "https://help.example.org/"})
    assert told.site_url == "https://help.example.org"
    assert told.own_address == f"http://{host}"


def test_addresses_are_made_of_what_a_declared_proxy_says(new_site: Callable[..., Any]) -> None:
    site = new_site(
        site_url=SITE, trusted_proxies=NEAR, trusted_hosts=("localhost", "other.example")
    )

    def canonical(host: str = "localhost", **environ: str) -> str:
        client = site.browser(**environ)
        page = client.get("/articles/print/public", headers={"Host": host}).text
        (found,) = (e for e in Page(page).all("link") if e.attributes.get("rel") == "canonical")
        return found.attributes["href"].removesuffix("/articles/print/public")

    # The public address is known where a proxy leaves the port or the scheme out.
    assert canonical("help.example.org") == SITE
    assert canonical(HTTP_X_FORWARDED_HOST="help.example.org") == SITE
    other = {"HTTP_X_FORWARDED_HOST": "other.example", "HTTP_X_FORWARDED_PROTO": "https"}
    assert canonical(**other) == "https://other.example"
    assert canonical(**other, HTTP_X_FORWARDED_PORT="8443") == "https://other.example:8443"
    assert canonical(**other, HTTP_X_FORWARDED_PORT="80") == "https://other.example"
    assert canonical(REMOTE_ADDR="198.51.100.1", **other) == "http://localhost"


# -- under a path -------------------------------------------------------------------------------

ROOT = "/kb"


class Under:
    """A proxy that shows the site under ROOT, and takes it off or not."""

    def __init__(self, app: Any, *, strips: bool) -> None:
        self.app, self.strips = app, strips
        self.outside: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Pass a request on; what is not under ROOT is another site's."""
        path = environ["PATH_INFO"]
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            self.outside.append(path)
            start_response("404 Not Found", [])
            return [b"another site"]
        if self.strips:
            environ["PATH_INFO"] = path.removeprefix(ROOT) or "/"
        environ["HTTP_X_FORWARDED_FOR"] = "203.0.113.7"
        return self.app(environ, start_response)


@pytest.fixture(scope="module", params=[True, False], ids=["stripped", "whole"])
def under(
    request: pytest.FixtureRequest,
    _make_site: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """Return a site under ROOT, behind a proxy of each kind."""
    made = _make_site(
        tmp_path_factory.mktemp("under") / "data",
        site_url=f"http://localhost{ROOT}",
        trusted_proxies=NEAR,
    )
    made.proxy = made.app.wsgi_app = Under(made.app.wsgi_app, strips=request.param)
    return made


def _signed_in(site: Any, role: str) -> Any:
    client = site.browser()
    form = {"email": f"{role}@example.org", "password": "correct horse battery staple"}
    answer = client.post(f"{ROOT}/sign-in", data=form)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{ROOT}/")
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies
    assert all("Path=/kb" in cookie.split("; ") for cookie in cookies)
    return client


def _addresses(page: str) -> Iterator[tuple[str, str]]:
    """Yield every address on a page, with the name of its attribute."""
    for element in Page(page).elements:
        for name, value in element.attributes.items():
            may = name in ADDRESSES | {"content"} or name.startswith("data-")
            if may and (value.startswith(("/", "http://localhost")) or name in {"href", "action"}):
                yield f"{element.tag} {name}", value


# pallets/flask#1695, pallets/flask#2759, dgtlmoon/changedetection.io#76,
# voxpupuli/puppetboard#354
@pytest.mark.parametrize("role", ["anonymous", "admin"])
def test_every_link_form_file_and_redirect_stays_under_the_path(under: Any, role: str) -> None:
    client = under.browser() if role == "anonymous" else _signed_in(under, role)
    under.proxy.outside.clear()
    starts = ["/", "/search?q=printing", "/search?q=qqqq", "/articles/vpn/connect", "/tickets/new",
              "/articles/print/public", "/articles/vpn/old-name", "/articles/none", "/desk/",
              "/my/tickets", "/sign-in?next=/kb/about", "/previews/"]  # fmt: skip
    waiting = [ROOT + start for start in starts]
    seen: set[str] = set()
    kinds: set[tuple[str, ...]] = set()
    bodies = 0
    while waiting:
        address = waiting.pop(0)
        parts = urlsplit(address)
        kind = (
            re.sub(r"T-\d+|[0-9a-f-]{32,}", "x", parts.path),
            *sorted(parts.query.split("&"))[:1],
        )
        if kind in kinds or len(seen) > 150 or parts.path.endswith("/sign-out"):
            continue
        kinds.add(kind)
        seen.add(address)
        answer = client.get(address)
        assert answer.status_code < 500, address
        if "Location" in answer.headers:
            where = urljoin(f"http://localhost{address}", answer.headers["Location"])
            assert where.startswith(f"http://localhost{ROOT}/"), f"{address} leads to {where}"
        if answer.mimetype != "text/html" or 300 <= answer.status_code < 400:
            continue
        assert not [each for each in complaints(_unmounted(answer.text)) if each != "svg"], address
        bodies += "/media/" in answer.text
        for name, value in _addresses(answer.text):
            where = urljoin(f"http://localhost{address}", value)
            if not where.startswith("http://localhost") or value.startswith("#"):
                continue
            path = where.removeprefix("http://localhost")
            assert path.startswith(f"{ROOT}/") or path == ROOT, f"{address}: {name}={value}"
            assert not path.startswith(f"{ROOT}{ROOT}"), f"{address}: {name}={value}"
            if name in {"a href", "link href", "script src", "img src"}:
                waiting.append(path.partition("#")[0])
    assert under.proxy.outside == []
    assert bodies
    assert len(seen) > (25 if role == "anonymous" else 60)
    if role == "anonymous":
        assert client.get(f"{ROOT}/desk/").headers["Location"] == "/kb/sign-in?next=/kb/desk/"


def _unmounted(text: str) -> str:
    """Return a page as it were at the top: the eyes of `complaints` know our scripts there."""
    return text.replace(f'"{ROOT}/', '"/')


# benoitc/gunicorn#1513
def test_two_slashes_that_a_proxy_leaves_lead_nowhere_else(under: Any) -> None:
    for address in ("/kb//about", "/kb///articles/vpn/connect"):
        assert under.browser().get(address).status_code == 200, address
    assert under.browser().get("/kb//evil.example/").status_code == 404


def test_what_programs_read_is_under_the_path_too(under: Any) -> None:
    client = under.browser()
    document = client.get(f"{ROOT}/api/v1/openapi.json").get_json()
    assert document["servers"] == [{"url": "http://localhost/kb/api/v1"}]
    article = client.get(f"{ROOT}/api/v1/articles/vpn/connect").get_json()
    assert 'href="/kb/articles/print/public"' in article["html"]
    assert "Disallow: /kb/search" in client.get(f"{ROOT}/robots.txt").text
    assert "http://localhost/kb/search?q=" in client.get(f"{ROOT}/opensearch.xml").text
    made = client.post(
        f"{ROOT}/api/v1/tickets", json={"subject": "A need", "email": "somebody@example.org"}
    )
    assert made.status_code == 201, made.text
    told = json.dumps(made.get_json())
    assert "http://localhost/" not in told.replace("http://localhost/kb/", "")
    suggested = client.get(f"{ROOT}/suggest?q=print").get_json()["suggestions"]
    assert suggested
    assert all(each.get("url", ROOT).startswith(ROOT) for each in suggested)
    assert client.get(f"{ROOT}/healthz").status_code == 200


def test_letters_lead_under_the_path(under: Any) -> None:
    settings = under.services.settings
    answer = under.browser().post(
        f"{ROOT}/tickets", data={"subject": "No paper", "email": "b@example.org"}
    )
    assert answer.headers["Location"].startswith("/kb/t/")
    from datetime import UTC, datetime

    from kb.notifications.delivery import deliver_due

    deliver_due(under.services.db, under.services.channels, now=datetime.now(UTC))
    letters = [file.read_text() for file in (Path(settings.data) / "mail").iterdir()]
    assert letters
    text = "".join(letters).replace("=\n", "")
    assert "http://localhost/kb/" in text
    assert "http://localhost/" not in text.replace("http://localhost/kb/", "")


def test_signing_in_goes_on_to_where_one_was_and_not_to_the_neighbours(under: Any) -> None:
    form = {"email": "agent@example.org", "password": "correct horse battery staple"}
    places = {
        "/kb/desk/?state=all": "/kb/desk/?state=all",
        "/kb": "/kb",
        "/kbx/desk": "/kb/desk/",
        "/other": "/kb/desk/",
        "/kb/../other": "/kb/desk/",
        "/kb/%2e%2e/other": "/kb/desk/",
        "//kb/x": "/kb/desk/",
    }
    for target, place in places.items():
        answer = under.browser().post(f"{ROOT}/sign-in", data=form, query_string={"next": target})
        assert answer.headers["Location"] == place, target


def test_words_of_a_refused_form_go_back_under_the_path(under: Any) -> None:
    page = Page(under.browser().post(f"{ROOT}/my/tickets/T-1/reply", data={"text": "a word"}).text)
    assert page.form(f"{ROOT}/sign-in")["kept-to"] == "/my/tickets/T-1/reply"
    typed = page.form(f"{ROOT}/sign-in") | {
        "email": "reader@example.org", "password": "correct horse battery staple",
    }  # fmt: skip
    after = Page(under.browser().post(f"{ROOT}/sign-in", data=typed).text)
    assert after.form(f"{ROOT}/my/tickets/T-1/reply")["text"] == "a word"


def test_cookies_under_a_path_of_a_host_over_tls(new_site: Callable[..., Any]) -> None:
    site = new_site(site_url="https://localhost/kb")
    answer = site.browser().post(
        "/kb/sign-in",
        data={"email": "reader@example.org", "password": "correct horse battery staple"},
    )
    held = answer.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in held} == {"__Secure-session", "__Secure-device"}
    assert all({"Path=/kb", "Secure", "HttpOnly"} <= set(cookie.split("; ")) for cookie in held)


@pytest.mark.parametrize("path", ["/articles", "/search/x", "/static", "/t", "/api"])
def test_a_path_that_pages_begin_with_is_refused(site: Any, path: str) -> None:
    from dataclasses import replace

    settings = replace(site.services.settings, site_url=f"http://localhost{path}")
    with pytest.raises(ConfigError, match="site_url"):
        create_app(services=replace(site.services, settings=settings))


def test_a_prefix_that_is_not_that_of_site_url_is_told_of(
    new_site: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(trusted_proxies=NEAR)
    for prefix in ("/kb", "/kb/", "/kb"):
        page = site.browser(HTTP_X_FORWARDED_PREFIX=prefix).get("/about")
        assert page.status_code == 200
    (line,) = [line for line in caplog.messages if "site_url" in line]
    assert "/kb" in line
    assert not site.browser().get("/readyz").get_json()["checks"]["proxies"]["ok"]
    quiet = new_site(trusted_proxies=NEAR, site_url="http://localhost/kb")
    quiet.browser(HTTP_X_FORWARDED_PREFIX="/kb").get("/kb/about")
    quiet.browser(HTTP_X_FORWARDED_PREFIX="<x>").get("/kb/about")
    assert quiet.browser().get("/readyz").get_json()["checks"]["proxies"]["ok"]
