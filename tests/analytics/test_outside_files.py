"""Exports of real desks: read whatever a spreadsheet made of them, or refused in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics.external_tickets.csv_files import decoded
from kb.analytics.external_tickets.reading import OutsideTicket, checked_format, from_csv
from kb.cli.main import main
from kb.errors import InvalidInput
from kb.schema import events
from kb.services import Services
from kb.tracking.store import put_all

NOW = datetime(2026, 12, 1, tzinfo=UTC)
AT = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
WHO = "ana@example.org"
MADRID = ZoneInfo("Europe/Madrid")
Import = Callable[..., Result]


@pytest.fixture
def take(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    """Return the command that imports these bytes."""
    monkeypatch.chdir(tmp_path)

    def run(data: bytes, *options: str) -> Result:
        file = tmp_path / "tickets.csv"
        file.write_bytes(data)
        environ = {"KB_DATA": str(services.settings.data)}
        return CliRunner().invoke(main, ["tickets", "import", str(file), *options], env=environ)

    return run


def taken(services: Services) -> int:
    with services.db.read() as connection:
        query = sa.select(sa.func.count()).where(events.c.kind == "ticket_created")
        return int(connection.scalar(query) or 0)


# -- dialects -----------------------------------------------------------------------------------

CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Co", "Cn", "Cf")),
    max_size=12,
)
BODIES = st.lists(st.sampled_from([*"ab ,;\t|\"'\nñ€=@", "\r\n"]), max_size=12).map("".join)
ROWS = st.lists(
    st.tuples(
        st.integers(1, 10**12).map(str), st.integers(0, 10**8), st.booleans(), CELLS, BODIES
    ),
    min_size=1, max_size=6, unique_by=lambda row: row[0],
)  # fmt: skip


@given(
    rows=ROWS,
    mark=st.sampled_from(",;\t|"),
    told=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
    header=st.sampled_from([
        ["Ticket#", "Title", "Created", "From", "Body"],
        ["ID", "Titel", "Eröffnungsdatum", "Antragsteller - E-Mail", "Text"],
        ["#", "title", "created_at", "customer", "body"],
        ["Número", "Título", "Fecha de apertura", "Solicitante - Correo electrónico", "Texto"],
    ]),
    blank=st.booleans(),
)  # fmt: skip
def test_what_is_written_in_any_dialect_is_read(
    rows: list[tuple[str, int, bool, str, str]], mark: str, told: bool, quoting: int, end: str,
    encoding: str, header: list[str], blank: bool,
) -> None:  # fmt: skip
    """zammad#4117 semicolons and tabs; dotCMS/core#36508, osTicket#5669 marks before the header;
    glpi#10569 an empty first line; gr8b/zabbix-module-sqlexplorer#18 line ends within cells.
    """
    out = io.StringIO(newline="")
    out.write(f"sep={mark}{end}" if told else "")
    out.write(end if blank else "")
    writer = csv.writer(out, delimiter=mark, quoting=quoting, lineterminator=end)  # type: ignore[call-overload]
    writer.writerow(header)
    expected = []
    for name, seconds, named, title, body in rows:
        at = AT - timedelta(seconds=seconds)
        who = f"Ana <a{name}@example.org>" if named else f"a{name}@example.org"
        writer.writerow([name, title, at.isoformat(), who, body])
        expected.append((name, at, f"a{name}@example.org"))
    text, name = decoded(out.getvalue().encode(encoding))
    assert name == encoding.removesuffix("-sig")
    found = from_csv(text, now=NOW)
    assert [(one.id, one.at, one.email) for one in found] == expected


# The header lines and the forms of times as each desk's own export writes them.
DESKS = {
    "OTRS": 'Ticket#;Age;Created;State;CustomerID;From;Subject\n2026112010000015;1 d;2026-11-20 '
    '14:05:00;new;ACME;"""Ana"" <ana@example.org>";VPN\n',
    "Znuny, by name": "TicketNumber,Created,CustomerUserID\n2026112010000015,2026-11-20 14:05:00,"
    "ana@example.org\n",
    "OTRS, German": "Ticketnummer;Erstellt;Kundenbenutzer\n15;2026-11-20 14:05:00;"
    "ana@example.org\n",
    "GLPI": '"ID";"Title";"Status";"Opening date";"Requester - Requester";"Requester - Email"\n'
    '"15";"VPN";"New";"2026-11-20 14:05";"Ana";"ana@example.org"\n',
    "GLPI, Spanish": "ID;Título;Fecha de apertura;Solicitante - Correo electrónico\n"
    "15;VPN;2026-11-20 14:05;ana@example.org\n",
    "GLPI, French": "ID;Titre;Date d'ouverture;Demandeur - Courriel\n"
    "15;VPN;2026-11-20 14:05;ana@example.org\n",
    "GLPI, German": "ID;Titel;Eröffnungsdatum;Antragsteller - E-Mail\n"
    "15;VPN;2026-11-20 14:05;ana@example.org\n",
    "Zammad": "number,title,customer,created_at,updated_at\n"
    "15,VPN,ana@example.org,2026-11-20 13:05:00 UTC,2026-11-21 09:00:00 UTC\n",
    "Zammad, workbook": "#,Title,Customer,Created at\n15,VPN,Ana <ana@example.org>,"
    "2026-11-20T13:05:00.000Z\n",
    "osTicket": "Ticket Number,Date Created,Subject,From,From Email\n"
    "15,2026-11-20 14:05:00,VPN,Ana,ana@example.org\n",
    "Zendesk": "Id,Subject,Requester,Requester email,Requested\n15,VPN,Ana,ana@example.org,"
    "2026-11-20 14:05\n",
    "Freshdesk": "Ticket ID,Subject,Created time,Full name,Email\n15,VPN,2026-11-20 14:05:00,Ana,"
    "ana@example.org\n",
    "Jira": "Summary,Issue key,Issue id,Reporter,Created\nVPN,HELP-15,10015,ana@example.org,"
    "2026-11-20 14:05\n",
    "ServiceNow": '"number","opened_at","caller_id.name","caller_id"\n"INC0015","2026-11-20 '
    '14:05:00","Ana","ana@example.org"\n',
    "trudesk": "uid,type,priority,status,created,subject,requester\n15,Issue,Low,new,"
    "2026-11-20T13:05:00Z,VPN,ana@example.org\n",
    "with a title": "Tickets of November\n\nTicket#;Created;CustomerUser\n15;2026-11-20 14:05;"
    "ana@example.org\n",
}  # fmt: skip


@pytest.mark.parametrize("desk", DESKS)
def test_the_exports_of_desks_are_read_as_they_are(desk: str) -> None:
    """osTicket#1419 and polonel/trudesk discussion 574 for two of the header lines."""
    [ticket] = from_csv(DESKS[desk], now=NOW, zone=MADRID)
    assert (ticket.at, ticket.email) == (AT, WHO)
    assert ticket.id in {"15", "2026112010000015", "HELP-15", "INC0015"}


@pytest.mark.parametrize(
    ("cell", "id"),
    [(" 15 ", "15"), ("'0015", "0015"), ('"=""0015"""', "0015"), ("\xa015\u200b", "15"),
     ("INC'1", "INC'1"), ("5E10", "5E10"), ("1.234.567", "1.234.567")],
)  # fmt: skip
def test_what_surrounds_an_id_is_no_part_of_it(cell: str, id: str) -> None:
    [ticket] = from_csv(f"id,time,email\n{cell},2026-11-20T13:05Z,{WHO}\n", now=NOW)
    assert ticket.id == id


@pytest.mark.parametrize(
    "cell",
    ["Ana <ana@example.org>", '"""Ruiz, Ana"" <ana@example.org>"', "ana@example.org (Ana)",
     "mailto:ana@example.org", "ana@example.org;ben@example.org", " ana@example.org ",
     '"""a@home"" <ana@example.org>"'],
)  # fmt: skip
def test_an_address_is_found_beside_a_name(cell: str) -> None:
    [ticket] = from_csv(f"id,time,email\n15,2026-11-20T13:05Z,{cell}\n", now=NOW)
    assert ticket.email == WHO


# -- what is refused, and how -------------------------------------------------------------------


@pytest.mark.parametrize("id", ["1.00E+12", "1,00E+12", "2.02611E+15", "1E+12"])
def test_ids_that_a_spreadsheet_has_rounded_are_refused_with_their_lines(id: str) -> None:
    """n3mo/massmine#8: ids in short notation cannot be told apart any more."""
    text = (
        f"id;time;email\n{id};2026-11-20T13:05Z;{WHO}\n7;2026-11-20T13:05Z;{WHO}\n"
        f"{id};2026-11-21T13:05Z;ben@example.org\n"
    )
    with pytest.raises(InvalidInput) as caught:
        from_csv(text, now=NOW)
    assert list(caught.value.fields) == ["line 2", "line 4"]
    assert f"rounded the id to {id}" in caught.value.hint


def test_long_ids_that_all_end_in_noughts_are_refused() -> None:
    def lines(*ids: str) -> str:
        return "id,time,email\n" + "".join(f"{id},2026-11-20T13:05Z,{WHO}\n" for id in ids)

    cut = ["2026112010000010", "2026112010000020", "2026112010000030"]
    with pytest.raises(InvalidInput, match="3 tickets cannot be read"):
        from_csv(lines(*cut), now=NOW)
    assert len(from_csv(lines(*cut, "2026112010000048"), now=NOW)) == 4
    assert len(from_csv(lines(*cut[:2]), now=NOW)) == 2


@pytest.mark.parametrize("id", ["15.0", "15,0", "15,00"])
def test_an_id_with_decimals_is_refused(id: str) -> None:
    with pytest.raises(InvalidInput, match="a number with decimals"):
        from_csv(f"id;time;email\n{id};2026-11-20T13:05Z;{WHO}\n", now=NOW)


def test_one_id_with_two_contents_is_refused_at_both_lines() -> None:
    """openstax/exercises#80: the same id twice in one file, told with the right line numbers."""
    text = (
        'id,body,time,email\n7,"two\nlines",2026-11-20T13:05Z,a@b.c\n'
        "8,x,2026-11-20T13:05Z,a@b.c\n8,y,2026-11-20T13:05Z,a@b.c\n"
        "7,z,2026-11-21T13:05Z,a@b.c\n"
    )
    with pytest.raises(InvalidInput) as caught:
        from_csv(text, now=NOW)
    assert list(caught.value.fields) == ["line 2", "line 6"]
    assert "the id 7 stands at line 6 too" in caught.value.fields["line 2"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("7,VPN, again,2026-11-20T13:05Z,a@b.c", "5 cells and the header 4"),
        ("7,VPN", "only 2 cells and the header 4"),
        ('7,"VPN,2026-11-20T13:05Z,a@b.c', "not CSV"),
        ("7,VPN,45981.587,a@b.c", "spreadsheet's number of a day"),
        ("7,VPN,20.11.2026 14:05,a@b.c", "--date-format '%d.%m.%Y %H:%M'"),
        ("7,VPN,11/20/2026 2:05 PM,a@b.c", "'%m/%d/%Y %I:%M %p'"),
        ("7,VPN,1970-01-01T00:00:00Z,a@b.c", "before 2000"),
        ("7,VPN,0001-01-01T00:00:00+23:00,a@b.c", "cannot be true"),
        ("7,VPN,2027-01-01T00:00:00Z,a@b.c", "in the future"),
        ("7,VPN,,a@b.c", "there is no time"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(
    take: Import, services: Services, row: str, why: str
) -> None:
    text = f"id,title,time,email\n6,ok,2026-11-20T13:05Z,a@b.c\n{row}\n"
    with pytest.raises(InvalidInput) as caught:
        from_csv(text, now=NOW)
    assert why in str(caught.value)
    assert take(text.encode()).exit_code == 1
    assert taken(services) == 0


def test_a_header_that_lacks_a_column_says_which_and_what_was_seen() -> None:
    with pytest.raises(InvalidInput) as caught:
        from_csv("Ticket#;Age;Queue\n1;2;3\n", now=NOW)
    assert "Missing: time, email or user. The first line reads: Ticket#, Age, Queue." in str(
        caught.value
    )


# -- encodings ----------------------------------------------------------------------------------

GERMAN = (
    "Ticketnummer;Eröffnungsdatum;Betreff;Kundenbenutzer\n"
    f"7;2026-11-20T13:05Z;Zurück – „neu“ 5 €;{WHO}\n"
)


def test_windows_1252_is_read_and_said(take: Import) -> None:
    """SORMAS#3747: a spreadsheet saves what it calls ANSI."""
    done = take(GERMAN.encode("cp1252"))
    assert done.exit_code == 0, done.output
    assert "Read as cp1252, cells set apart by semicolons; id from 'Ticketnummer'" in done.output
    assert "1 new tickets" in done.output


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Zażółć gęślą", "cp1250"), ("café Zurück", "cp850"), ("Привет", "cp1251"),
     ("Déjà vu Ñandú", "mac_roman"), ("日本語の件名", "shift_jis"), ("señal año", "cp437")],
)  # fmt: skip
def test_an_encoding_that_is_not_sure_is_asked_for(
    take: Import, services: Services, text: str, encoding: str
) -> None:
    data = f"id,subject,time,user\n7,{text},2026-11-20T13:05Z,{text}\n".encode(encoding)
    refused = take(data)
    assert refused.exit_code == 1
    assert "--encoding" in refused.stderr
    assert taken(services) == 0
    assert decoded(data, encoding)[0].count(text) == 2
    assert take(data, "--encoding", encoding).exit_code == 0
    assert taken(services) == 1


def test_an_id_that_a_guessed_encoding_may_read_wrongly_is_asked_for(
    take: Import, services: Services
) -> None:
    data = "id,time,user\nPEÑA-7,2026-11-20T13:05Z,u\n".encode("cp1252")
    refused = take(data)
    assert "may read 'PEÑA-7' wrongly" in refused.stderr
    assert taken(services) == 0
    assert take(data, "--encoding", "cp1252").exit_code == 0
    assert taken(services) == 1


@pytest.mark.parametrize(
    ("data", "options", "why"),
    [
        (b"PK\x03\x04 a workbook", (), "a workbook and not CSV"),
        (b"\xd0\xcf\x11\xe0 an old one", (), "a workbook and not CSV"),
        (b"\xff\xfei\x00d\x00", (), "does not name the columns"),
        (b"\xff\xfei\x00d\x00,", (), "Is the file cut off?"),
        ("id,time,user\n7,x,ñ".encode("cp1252"), ("--encoding", "utf-8"), "not utf-8"),
        ("id,time,user,x\n7,2026-11-20T13:05Z,u,Mü".encode()[:-1], (), "Is it cut off?"),
        ("id,ü\n7,".encode() + "Jürgen".encode("cp1252"), (), "what it is cannot be told"),
        (b'"id,time,user"\n', (), "The first line reads: id,time,user."),
        (b"id", ("--encoding", "klingon"), "There is no encoding 'klingon'"),
        (b"id", ("--encoding", "hex"), "There is no encoding 'hex'"),
        (b"id", ("--encoding", "idna"), "There is no encoding 'idna'"),
        (b"id,time,user\n", ("--date-format", "dd.mm.yyyy"), "%d for the day"),
        (b"id,time,user\n", ("--date-format", "%d.%m. %H:%M"), "%d for the day"),
    ],
)
def test_what_is_no_text_is_refused_in_words(
    take: Import, data: bytes, options: tuple[str, ...], why: str
) -> None:
    refused = take(data, *options)
    assert refused.exit_code == 1
    assert why in refused.stderr


# -- dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "form"),
    [("20.11.2026 14:05", "%d.%m.%Y %H:%M"), ("11/20/2026 2:05 PM", "%m/%d/%Y %I:%M %p"),
     ("20/Nov/26 14:05", "%d/%b/%y %H:%M"), ("20.11.2026 14:05 +0100", "%d.%m.%Y %H:%M %z"),
     ("2026-11-20 14:05", ""), ("1795179900", ""), ("1795179900000", ""),
     ("2026-11-20T13:05:00.000+0000", ""), ("2026-11-20 13:05:00 UTC", ""),
     ("20261120T130500Z", "")],
)  # fmt: skip
def test_times_are_read_in_the_forms_of_desks(written: str, form: str) -> None:
    """fendle's chatwoot#11989 sends seconds since 1970."""
    form = checked_format(form, NOW)
    text = f'id,time,email\n7,"{written}",{WHO}\n'
    [ticket] = from_csv(text, now=NOW, zone=MADRID, form=form)
    assert ticket == OutsideTicket("7", AT, WHO)


# -- a dry run ----------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_taken_and_takes_nothing(
    take: Import, services: Services, noon: datetime, did: Callable[..., object]
) -> None:
    put_all(services.db, [did("search", 0, words="vpn")])  # type: ignore[list-item]
    data = (
        b"id,time,email\n1,2025-03-10T14:00:00Z,reader@example.org\n"
        b"2,2016-03-10T14:00:00Z,x@y.z\n2,2016-03-10T14:00:00Z,x@y.z\n"
    )
    dry = take(data, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "Nothing was taken: this was a dry run." in dry.output
    assert taken(services) == 0
    done = take(data)
    assert taken(services) == 2
    for told in (
        "2 new tickets, 1 known before.",
        "1 of the new ones matched to a reader.",
        "1 are from before the first visit here: no figure changes by them.",
        "Opened from 2016-03-10 14:00 to 2025-03-10 14:00 UTC.",
    ):
        assert told in dry.output
        assert told in done.output
    again = take(data, "--dry-run")
    assert "0 new tickets, 3 known before." in again.output
