"""Every page that readers, requesters, agents and leads meet, through HTTP."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient


def test_home_offers_a_search_and_the_topics(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert 'action="/search"' in page.text
    assert "/collections/vpn" in page.text


def test_everyday_words_find_the_article_and_its_section(client: FlaskClient) -> None:
    page = client.get("/search?q=I can't remember my password")
    first = page.text.index('<ol class="results"')
    assert "/articles/accounts/reset-a-forgotten-password?" in page.text[first : first + 600]
    assert "<mark>" in page.text


def test_an_anonymous_reader_gets_no_cookie(client: FlaskClient) -> None:
    for address in ("/", "/search?q=vpn", "/articles/vpn/connect-to-the-vpn", "/tickets/new"):
        assert "Set-Cookie" not in client.get(address).headers


def test_what_nothing_answers_says_so_and_leads_to_the_form(client: FlaskClient) -> None:
    page = client.get("/search?q=how do I bake sourdough bread")
    assert "we are not confident" in page.text
    assert "/tickets/new?search=" in page.text


def test_an_article_for_staff_is_not_there_for_readers(
    client: FlaskClient, sign_in: Callable[[str], FlaskClient]
) -> None:
    address = "/articles/people/verify-a-callers-identity"
    assert client.get(address).status_code == 404
    assert sign_in("reader").get(address).status_code == 404
    assert sign_in("agent").get(address).status_code == 200


def test_the_results_page_has_tips_and_says_which_conditions_it_read(client: FlaskClient) -> None:
    page = client.get("/search?q=title:vpn")
    assert "<summary>Search tips</summary>" in page.text
    assert "Only articles that meet <strong>title:vpn</strong>" in page.text
    assert "/articles/vpn/connect-to-the-vpn?" in page.text
    assert "Only articles that meet" not in client.get("/search?q=error: vpn").text


def test_conditions_that_no_article_meets_are_named_instead_of_other_articles(
    client: FlaskClient,
) -> None:
    page = client.get("/search?q=vpn title:nothinglikeit")
    assert "No article meets <strong>title:nothinglikeit</strong>" in page.text
    assert '<ol class="results"' not in page.text
