"""The site behind a real nginx: under a path, over TLS, on other ports, over IPv6.

The `location` blocks are those of docs/operations.md, so that what is written there works.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.conftest import missing
from tests.web.pages import Page

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120  # for machines that are busy; nothing here measures time
PASSWORD = "correct horse battery staple"
FORM = {"email": "reader@example.org", "password": PASSWORD}
CONFIG = """
daemon off; pid {place}/pid; error_log {place}/error.log; {user}
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {place}/1; proxy_temp_path {place}/2; fastcgi_temp_path {place}/3;
  uwsgi_temp_path {place}/4; scgi_temp_path {place}/5;
  ssl_certificate {place}/cert.pem; ssl_certificate_key {place}/key.pem;
  server {{ listen 127.0.0.1:{tls} ssl; server_name help.example.org; {written} }}
  server {{ listen [::1]:{six}; {no_port} }}
  server {{ listen 127.0.0.1:{whole}; {whole_path} }}
  server {{ listen 127.0.0.1:{bare}; location / {{ proxy_pass http://[::1]:{site}; }} }}
}}
"""
HEADERS = """
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
"""


@dataclass
class Front:
    """nginx and the site behind it; the ports by what nginx does there."""

    ports: dict[str, int]
    log: Path

    def ask(
        self, way: str, method: str, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Return status, headers and text of an answer."""
        port = self.ports[way]
        kept = {name.replace("_", "-"): value for name, value in headers.items()}
        body = urlencode(form) if form else None
        if form:
            kept["Content-Type"] = "application/x-www-form-urlencoded"
        if way == "tls":
            unproved = ssl._create_unverified_context()
            client = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=unproved)
            kept.setdefault("Host", f"help.example.org:{port}")
        else:
            client = http.client.HTTPConnection(
                "::1" if way in {"six", "site"} else "127.0.0.1", port, timeout=30
            )
        client.request(method, path, body, kept)
        answer = client.getresponse()
        text = answer.read().decode("utf-8", "replace")
        told = {name.lower(): value for name, value in answer.getheaders()}
        client.close()
        return answer.status, told, text


def _written(site: int) -> str:
    """Return the block for a path from the page of operations, for the site's own port."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (block,) = [b for b in re.findall(r"```nginx\n(.*?)```", page, re.S) if "location /kb/" in b]
    return block.replace("http://127.0.0.1:8000/", f"http://[::1]:{site}/")


@pytest.fixture(scope="module")
def front(
    tmp_path_factory: pytest.TempPathFactory,
    _peopled_template: Path,
    free_port: Callable[[], int],
) -> Iterator[Front]:
    """Run the site on IPv6 under a path, and nginx in front of it in several ways."""
    for program in ("nginx", "openssl"):
        if shutil.which(program) is None:
            missing(program)
    place = tmp_path_factory.mktemp("nginx")
    ports = {way: free_port() for way in ("site", "tls", "six", "whole", "bare")}
    articles = place / "articles" / "vpn"
    articles.mkdir(parents=True)
    (articles / "connect.md").write_text(
        "---\ntitle: Connect to the VPN\nsummary: From home.\n---\n\n## Resolution\n\n"
        "Open the client. See [the other](other.md).\n"
    )
    (articles / "other.md").write_text("---\ntitle: The other\nsummary: x.\n---\n\nText.\n")
    data = place / "data"
    data.mkdir()
    shutil.copy(_peopled_template, data / "tierzero.db")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=help.example.org", "-keyout", place / "key.pem", "-out", place / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    to_site = f"proxy_pass http://[::1]:{ports['site']}"
    config = CONFIG.format(
        place=place, user="user root;" if os.geteuid() == 0 else "", **ports,
        written=_written(ports["site"]),
        no_port=f"location /kb/ {{ {to_site}; proxy_set_header Host $host; {HEADERS} }}",
        whole_path=f"location /kb {{ {to_site}; proxy_set_header Host $http_host; {HEADERS} }}",
    )  # fmt: skip
    (place / "nginx.conf").write_text(config)
    log = place / "log"
    environ = os.environ | {
        "KB_DATA": str(data), "KB_ARTICLES": str(place / "articles"), "KB_SEMANTIC": "off",
        "KB_TEMPLATES": str(ROOT / "templates"), "KB_HOST": "::1", "KB_PORT": str(ports["site"]),
        "KB_SITE_URL": f"https://help.example.org:{ports['tls']}/kb/",
        "KB_TRUSTED_PROXIES": "127.0.0.1, ::1", "KB_TRUSTED_HOSTS": "127.0.0.1, ::1",
    }  # fmt: skip
    with log.open("wb") as out:
        site = subprocess.Popen(
            [sys.executable, "-m", "kb.cli", "serve"], cwd=ROOT, env=environ, stdout=out,
            stderr=out, start_new_session=True,
        )  # fmt: skip
        nginx = subprocess.Popen(
            ["nginx", "-p", place, "-c", place / "nginx.conf"], stdout=out, stderr=out
        )
    running = Front(ports, log)
    try:
        ends = time.monotonic() + PATIENCE_S
        while not _answers(running):
            assert time.monotonic() < ends, log.read_text()[-3000:]
            assert nginx.poll() is None, log.read_text()[-3000:]
            time.sleep(0.2)
        yield running
    finally:
        nginx.terminate()
        with suppress(ProcessLookupError):
            os.killpg(site.pid, signal.SIGKILL)
        nginx.wait(20)
        site.wait(20)


def _answers(front: Front) -> bool:
    with suppress(OSError, http.client.HTTPException):
        return front.ask("site", "GET", "/readyz", Host="10.244.0.6:8105")[0] == 200
    return False


def test_the_site_says_where_it_is_on_ipv6(front: Front) -> None:
    assert f"Serving on http://[::1]:{front.ports['site']} " in front.log.read_text()
    assert front.ask("site", "GET", "/kb/about")[0] == 200


@pytest.mark.parametrize("way", ["tls", "six", "whole"])
def test_pages_files_and_links_are_under_the_path(front: Front, way: str) -> None:
    status, _, text = front.ask(way, "GET", "/kb/articles/vpn/connect")
    assert status == 200, text
    found = Page(text).elements
    given = {v for e in found for n, v in e.attributes.items() if n in {"href", "src", "action"}}
    inside = {each for each in given if each.startswith("/")}
    assert "/kb/articles/vpn/other" in inside
    assert all(each.startswith("/kb/") for each in inside)
    actions = {e.attributes["action"] for e in found if "action" in e.attributes}
    for each in sorted(inside - actions):
        if "/static/" in each or "/articles/" in each:
            assert front.ask(way, "GET", each)[0] == 200, each
    (canonical,) = [e for e in found if e.attributes.get("rel") == "canonical"]
    public = f"https://help.example.org:{front.ports['tls']}"
    if way == "tls":
        assert canonical.attributes["href"] == f"{public}/kb/articles/vpn/connect"


@pytest.mark.parametrize("way", ["tls", "six", "whole"])
@pytest.mark.parametrize("said", ["origin", "fetch"])
def test_signing_in_works_whatever_the_proxy_makes_of_host(
    front: Front, way: str, said: str
) -> None:
    port = front.ports[way]
    origin = {
        "tls": f"https://help.example.org:{port}",
        "six": f"https://help.example.org:{front.ports['tls']}",  # Host comes without its port
        "whole": f"http://127.0.0.1:{port}",
    }[way]
    headers = {"Origin": origin} if said == "origin" else {"Sec_Fetch_Site": "same-origin"}
    status, told, text = front.ask(way, "POST", "/kb/sign-in?next=/kb/my/tickets", FORM, **headers)
    assert status == 303, text
    assert told["location"] == "/kb/my/tickets"
    assert "Path=/kb" in told["set-cookie"]
    assert "__Secure-" in told["set-cookie"]


def test_a_form_from_elsewhere_is_refused_behind_every_proxy(front: Front) -> None:
    for way in ("tls", "six", "whole"):
        for headers in ({"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "same-site"}, {}):
            assert front.ask(way, "POST", "/kb/sign-in", FORM, **headers)[0] == 403
    assert "https://evil.example" in front.log.read_text()


def test_who_asks_is_the_reader_and_not_the_proxy(front: Front) -> None:
    wrong = FORM | {"password": "not this one at all"}
    asked = {
        "203.0.113.9:51000": "203.0.113.9",
        "[2001:db8:7::9]:51000": "2001:db8:7::9",
        "198.51.100.77, 203.0.113.10": "203.0.113.10",
    }
    for header, who in asked.items():
        headers = {"X_Forwarded_For": header, "Sec_Fetch_Site": "same-origin"}
        front.ask("tls", "POST", "/kb/sign-in", wrong, **headers)
        assert f"sign-in refused from {who} :" in front.log.read_text()
    assert "from 198.51.100.77" not in front.log.read_text()


def test_a_proxy_that_says_nothing_still_shows_the_site(front: Front) -> None:
    # A bare proxy_pass: Host is the upstream's, and nothing is told of who asks.
    status, _, text = front.ask("bare", "GET", "/kb/articles/vpn/connect")
    assert status == 200, text
    headers = {"Sec_Fetch_Site": "same-origin", "Origin": "http://whatever.example:1"}
    assert front.ask("bare", "POST", "/kb/sign-in", FORM, **headers)[0] == 303
