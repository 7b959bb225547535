"""Nothing that leaves a demonstration can be taken for figures of a real site."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from flask.testing import FlaskClient

from kb.app import create_app
from kb.config import demo_marker
from kb.config.demo_marker import SAYS, DemoMark
from kb.reports.digest.content import Week
from kb.services import Services
from kb.web.files import attached

SignIn = Callable[[str], FlaskClient]
NOW = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.fixture
def marked(services: Services) -> Services:
    demo_marker.write(services.settings.data, DemoMark("2026-03-01T00:00:00+00:00", 1, 30))
    return services


@pytest.mark.parametrize(
    "address",
    ["/reports/deflection.csv", "/reports/notes.csv", "/reports/tickets.xlsx", "/reports/gaps.csv"],
)
def test_every_file_is_named_for_what_it_is(
    marked: Services, sign_in: SignIn, address: str
) -> None:
    named = sign_in("lead").get(address).headers["Content-Disposition"]
    assert "filename=demonstration-" in named


def test_a_table_of_a_kept_report_is_too(marked: Services, sign_in: SignIn) -> None:
    lead = sign_in("lead")
    form = {"title": "March", "from": "2026-03-01", "until": "2026-03-05"}
    made = lead.post("/reports/kept", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    named = lead.get(f"{made.location}/deflection.csv").headers["Content-Disposition"]
    assert "filename=demonstration-" in named


def test_the_letter_says_it_first(marked: Services) -> None:
    letter = marked.weekly().letter(Week.of(date(2026, 3, 3)), NOW)
    assert SAYS in letter.text
    assert SAYS in letter.html


def test_a_real_site_says_nothing_of_it(services: Services, sign_in: SignIn) -> None:
    named = sign_in("lead").get("/reports/deflection.csv").headers["Content-Disposition"]
    assert "demonstration" not in named
    assert SAYS not in services.weekly().letter(Week.of(date(2026, 3, 3)), NOW).text


def test_a_name_may_be_in_any_script(services: Services) -> None:
    app = create_app(services=services)
    with app.test_request_context("/"):
        named = attached("text", "text/markdown", "пароль-x.md").headers["Content-Disposition"]
    assert named.encode("latin-1").isascii()
    assert (
        named
        == "attachment; filename=-x.md; filename*=UTF-8''%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C-x.md"
    )
