"""Files beside the articles: offered to who may read the article, and only to be saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kb.app import create_app
from kb.config.settings import load
from kb.content.media import MAX_ATTACHMENT_BYTES
from kb.publishing.publisher import publish
from kb.services import build

PDF = b"%PDF-1.7\n<script>alert(1)</script>"
ROOT = Path(__file__).resolve().parents[2]
FILES: dict[str, str | bytes] = {
    "a/open.md": "---\ntitle: Open\n---\n"
    "[Form](files/form%20a.pdf), [list](liste ñ.csv), [gone](no.pdf)",
    "a/staff.md": "---\ntitle: Staff\naudience: staff\n---\n[Secret](secret.zip)",
    "a/big.md": "---\ntitle: Big\n---\n[Big](big.zip) and [page](evil.html)",
    "a/files/form a.pdf": PDF, "a/liste ñ.csv": "a;b\n", "a/secret.zip": b"PK\x03\x04secret",
    "a/unlinked.txt": "never linked", "a/evil.html": "<script>",
    "a/big.zip": b"P" * (MAX_ATTACHMENT_BYTES + 1),
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, _peopled_template: Path) -> Callable[[], FlaskClient]:
    """Return a function that opens a browser on a site with these files."""
    import shutil

    for path, text in FILES.items():
        file = tmp_path / "articles" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "data").mkdir()
    shutil.copy(_peopled_template, tmp_path / "data" / "tierzero.db")
    settings = load(
        {}, articles=tmp_path / "articles", data=tmp_path / "data", semantic=False,
        templates=ROOT / "templates", trusted_hosts="localhost", site_url="http://localhost",
    )  # fmt: skip
    publish(settings, progress=lambda *_: None)
    app = create_app(services=build(settings))

    def opened() -> FlaskClient:
        made = app.test_client()
        made.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
        return made

    return opened


def links(page: str) -> list[str]:
    return re.findall(r'href="(/media/[^"]+)"', page)


def test_a_file_is_saved_and_never_shown(site: Callable[[], FlaskClient]) -> None:
    client = site()
    page = client.get("/articles/a/open").text
    form, table = links(page)
    assert "Form (PDF, 1 KB)" in page
    answer = client.get(form)
    assert answer.data == PDF
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="form a.pdf"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "filename*=UTF-8''liste%20%C3%B1.csv" in client.get(table).headers["Content-Disposition"]


def test_only_who_may_read_the_article_gets_its_file(site: Callable[[], FlaskClient]) -> None:
    staff = site()
    form = {"email": "agent@example.org", "password": "correct horse battery staple"}
    assert staff.post("/sign-in", data=form).status_code == 303
    (secret,) = links(staff.get("/articles/a/staff").text)
    assert staff.get(secret).status_code == 200
    assert site().get(secret).status_code == 404


def test_what_is_too_large_or_of_another_kind_is_words(site: Callable[[], FlaskClient]) -> None:
    assert links(site().get("/articles/a/big").text) == []
