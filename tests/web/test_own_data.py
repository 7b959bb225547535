"""A signed-in person sees how much is held on them and takes it with them; leads see figures."""

from __future__ import annotations

import json
from typing import Any


def test_a_person_downloads_their_own_data_and_nobody_elses(site: Any) -> None:
    reader, lead = site.signed_in("reader"), site.signed_in("lead")
    reader.get("/search?q=printing+upside+down")
    lead.get("/search?q=words+of+the+lead")
    page = reader.get("/my/data")
    assert page.status_code == 200
    assert "What we hold on you" in page.text
    file = reader.get("/my/data.json")
    assert file.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert file.headers["Cache-Control"] == "no-store"
    found = json.loads(file.text)
    assert found["account"]["email"] == "reader@example.org"
    assert [event["words"] for event in found["events"] if event["words"]] == [
        "printing upside down"
    ]
    assert "words of the lead" not in file.text


def test_nobody_without_an_account_has_such_a_page(site: Any) -> None:
    for address in ("/my/data", "/my/data.json"):
        answer = site.browser().get(address)
        assert answer.status_code == 302
        assert "/sign-in" in answer.headers["Location"]


def test_leads_see_what_is_held_and_hidden(site: Any) -> None:
    site.browser().get("/search?q=mail+to+ana@uni.es+from+bob@uni.es")
    page = site.signed_in("lead").get("/reports/privacy")
    assert page.status_code == 200
    assert "Hidden before it was stored" in page.text
    assert "[email]" in page.text
    assert site.signed_in("reader").get("/reports/privacy").status_code == 403
    assert "uni.es" not in page.text
