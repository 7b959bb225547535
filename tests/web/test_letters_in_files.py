"""Letters that lie in files: shown to administrators, links hidden, gone with their person."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kb.connectors.files import masked
from kb.notifications.delivery import deliver_due
from kb.privacy.erasure import erase
from kb.privacy.export import document
from kb.privacy.model import Who
from kb.privacy.retention import due, purge
from kb.tickets.model import Requester, TicketDraft

ANA = "ana.letters@uni.es"


@pytest.fixture
def site(new_site: Callable[..., Any]) -> Any:
    """Return a site with a letter to Ana in a file; `site.token` opens her ticket."""
    made = new_site()
    now = datetime.now(UTC)
    draft = TicketDraft(
        subject="Lost badge", body="My <b>badge</b>", requester=Requester("Ana", ANA)
    )
    made.token = made.services.desk.open_ticket(draft, now=now).link_token
    deliver_due(made.services.db, made.services.channels, now=now)
    made.mail = made.services.settings.data / "mail"
    [made.letter] = made.mail.iterdir()
    return made


def test_administrators_alone_see_letters_and_no_secret_link(site: Any) -> None:
    """azrtydxb/kryton#21, onfranciis/OID#18: whoever sees letters could act as their readers."""
    assert site.token in site.letter.read_text().replace("=\n", "").replace("=\r\n", "")
    page = f"/desk/mail/{site.letter.stem}"
    for address in ("/desk/mail/", page):
        for role in ("reader", "author", "agent", "lead"):
            assert site.client(role).get(address).status_code == 403
        answer = site.client("admin").get(address)
        assert answer.status_code == 200
        assert ANA in answer.text
        assert site.token not in answer.text
    assert "/t/(hidden)" in answer.text


def test_what_a_letter_quotes_is_escaped(site: Any) -> None:
    answer = {"text": "My <b>badge</b>"}
    assert site.client("agent").post("/desk/tickets/T-1001/answer", data=answer).status_code == 303
    deliver_due(site.services.db, site.services.channels, now=datetime.now(UTC))
    [later] = set(site.mail.iterdir()) - {site.letter}
    page = site.client("admin").get(f"/desk/mail/{later.stem}").text
    assert "&lt;b&gt;badge" in page


@pytest.mark.parametrize("name", ["..%2ftierzero", "%2e%2e%2fsecret.key", "..", "none", "a%00b"])
def test_no_id_leads_out_of_the_folder(site: Any, name: str) -> None:
    outside = site.mail.with_name("tierzero.eml")
    outside.write_text("Subject: zyqoutside\n\nx", encoding="utf-8")
    (site.mail / "linked.eml").symlink_to(outside)
    assert "zyqoutside" not in site.client("admin").get(f"/desk/mail/{name}").text
    for address in ("/desk/mail/", "/desk/mail/linked"):
        assert "zyqoutside" not in site.client("admin").get(address).text


def test_every_kind_of_secret_link_is_hidden_and_words_are_not() -> None:
    secret = "Zk3_x-9QmT7aB1cD2eF3gH"
    for path in ("t/", "subscriptions/", "password/", "previews/open/", "x?token=", "#key="):
        text = f"See https://help.example.org:8443/{path}{secret}?opened=1 now"
        assert secret not in masked(text), path
        assert "https://help.example.org:8443/" in masked(text)
    plain = (
        "Read http://localhost:8000/articles/accounts/reset-a-forgotten-password or my/tickets/T-1"
    )
    assert masked(plain) == plain


def test_letters_in_files_are_handed_out_and_go_with_their_person(site: Any) -> None:
    parts, now = site.services, datetime.now(UTC)
    told = document(parts.db, Who(email=ANA), site="s", now=now, mail=site.mail)
    [letter] = told["letters_in_files"]
    assert letter["to"] == ANA
    assert site.token not in str(told)
    spool = parts.settings.data / "spool"
    options: dict[str, Any] = {"now": now, "also_open": True}
    would = erase(parts.db, spool, Who(email=ANA), dry_run=True, **options)
    assert would.counts["letters in files"] == 1
    assert site.letter.exists()
    erase(parts.db, spool, Who(email=ANA), **options)
    assert list(site.mail.iterdir()) == []


def test_letters_in_files_are_kept_as_long_as_words(site: Any) -> None:
    parts, now = site.services, datetime.now(UTC)
    settings, spool = parts.settings, parts.settings.data / "spool"
    torn = site.mail / ".row.0123"
    torn.write_text("To: ", encoding="utf-8")
    options: dict[str, Any] = {"retention": settings.retention, "spool": spool}
    assert purge(parts.db, settings, now, **options)["letters in files"] == 0
    old = (now - settings.retention - timedelta(hours=1)).timestamp()
    for file in (torn, site.letter):
        os.utime(file, (old, old))
    assert due(parts.db, settings, now, **options)["letters in files"] == 2
    assert purge(parts.db, settings, now, **options)["letters in files"] == 2
    assert list(site.mail.iterdir()) == []
