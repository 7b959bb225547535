"""Whatever is typed is stored and shown, or refused in words, field by field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import InvalidInput
from kb.tickets import forms
from kb.tickets.model import Requester, TicketDraft

ANN = Requester("Ann", "ann@example.com")


def problems(draft: TicketDraft) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        forms.checked(draft)
    return refused.value.fields


@given(st.text(), st.text())
def test_any_text_is_cleaned_once_and_for_all(subject: str, body: str) -> None:
    try:
        clean = forms.checked(TicketDraft(subject, body, ANN))
    except InvalidInput:
        clean = forms.from_words(TicketDraft(subject, body[: forms.BODY_HIGH], ANN))
        assert len(clean.subject) < forms.SUBJECT_LOW or len(clean.subject) == forms.SUBJECT_HIGH
        return
    assert forms.checked(clean) == clean
    assert "\n" not in clean.subject
    for text in (clean.subject, clean.body):
        assert text.encode("utf-8").decode("utf-8") == text
        assert "\x00" not in text
        assert text == text.rstrip()
    assert clean.subject == clean.subject.lstrip()
    assert not clean.body or clean.body.split("\n")[0].strip()


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), max_size=3000))
def test_ordinary_text_is_kept_as_it_is(body: str) -> None:
    assert forms.checked(TicketDraft("help", body, ANN)).body == body


TRACE = "\tat com.example.Main(Main.java:12)\n    {\n\n\t\t'key':  'two  blanks'\n    }"


@pytest.mark.parametrize("around", ["", "\n", "\n  \n", "\r\n\r\n"])
def test_lines_and_indentation_are_kept_and_blank_lines_around_them_are_not(around: str) -> None:
    """Markdown of a ticket pasted from a terminal: the first line's indentation counts too."""
    typed = around + TRACE.replace("\n", "\r\n") + around
    assert forms.checked(TicketDraft("help", typed, ANN)).body == TRACE
    assert forms.checked_text(typed) == TRACE
    assert forms.checked_reason(typed) == TRACE


def test_blanks_inside_a_subject_are_kept_and_line_ends_are_blanks() -> None:
    draft = TicketDraft("  error\t0x51  in\r\nWord\u2028now ", requester=ANN)
    assert forms.checked(draft).subject == "error 0x51  in Word now"


@pytest.mark.parametrize(
    ("draft", "field", "words"),
    [
        (TicketDraft("", requester=ANN), "subject", "in a few words"),
        (TicketDraft("\n \t", requester=ANN), "subject", "in a few words"),
        (TicketDraft("ab", requester=ANN), "subject", "3 characters or more"),
        (TicketDraft("a" * 201, requester=ANN), "subject", "200 characters or fewer"),
        (
            TicketDraft("help", "x" * 20_001, ANN),
            "body",
            "20,000 characters or fewer; it has 20,001",
        ),
        (TicketDraft("help"), "email", "so that we can answer"),
        (TicketDraft("help", requester=Requester("n" * 201, "a@b.org")), "name", "200 characters"),
    ],
)
def test_each_problem_is_said_at_its_field(draft: TicketDraft, field: str, words: str) -> None:
    found = problems(draft)
    assert list(found) == [field]
    assert words in found[field]


def test_limits_are_inclusive() -> None:
    assert forms.checked(TicketDraft("a" * 200, "x" * 20_000, ANN))
    assert forms.checked(TicketDraft("abc", "", ANN))


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.com",
        "a.b+tag@mail.example.co.uk",
        "o'neil@example.org",
        "x@localhost",
        "1@2.de",
    ],
)
def test_addresses_people_have_are_accepted(address: str) -> None:
    assert forms.is_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "ann",
        "ann@",
        "@example.com",
        "ann@@example.com",
        "ann example@x.org",
        "ann@example..com",
        "ann@-example.com",
        "ann@example.com\nBcc: all@example.com",
        "ann@example.com, bob@example.com",
        "Ann <ann@example.com>",
        "a" * 65 + "@example.com",
        "ann@" + "a" * 64 + ".com",
        "ann@" + ".".join(["abcdefgh"] * 30),
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    assert not forms.is_address(address)
    assert "email" in problems(TicketDraft("help", requester=Requester("Ann", address)))


def test_an_account_needs_no_address() -> None:
    assert forms.checked(TicketDraft("help", requester=Requester("Ann", "", "u1")))


@given(st.text())
def test_any_words_make_a_subject_of_an_offer_or_a_policy(words: str) -> None:
    subject = forms.from_words(TicketDraft(words, requester=ANN)).subject
    assert 1 <= len(subject) <= forms.SUBJECT_HIGH
    assert "\n" not in subject


@pytest.mark.parametrize("text", ["", "  \n", "x" * 20_001, "\x00\x07"])
def test_an_answer_must_say_something_that_fits(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        forms.checked_text(text, what="reply")
    assert list(refused.value.fields) == ["reply"]
