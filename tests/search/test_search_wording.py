"""Words written as one, with a hyphen or apart, with endings and apostrophes, are the same."""

from __future__ import annotations

import pytest

from search.engine import Engine, EngineSettings
from search.types import Document, Mode, Query, Section

# What an article says, what people type for it, and an article that has other words of it.
EN = (
    ("Join the Wi-Fi of the office", "Join it.",
     ["wifi", "wi-fi", "wi fi", "WiFi", "wireless wi fi"]),
    ("Logon hours", "Logon is refused at night.",
     ["log on hours", "log-on", "logon", "log on at night"]),
    ("Trouble when you sign in", "You sign in twice.",
     ["signin", "sign-in", "sign in", "signing in"]),
    ("Set up a new phone", "Setting up takes a minute.",
     ["setup phone", "set-up phone", "set up phone"]),
    ("Email on a tablet", "Add the email account.", ["e-mail tablet", "e mail tablet", "emails"]),
    ("Back up your files", "Backing up runs nightly.", ["backup", "back-up", "backups of files"]),
    ("A customer's invoice", "The customer's invoice is theirs.",
     ["customers invoice", "customer’s", "customer invoice"]),
    ("O'Brien meeting room", "The O'Brien room is on floor 2.",
     ["obrien room", "O’Brien", "o'brien"]),
    ("Read-only documents", "A document opens read-only.",
     ["readonly", "read only document", "read-only"]),
    ("Data base of parts", "The database holds parts.", ["database", "data base", "data-base"]),
    ("Time sheets", "Fill your timesheet weekly.", ["timesheet", "time sheet", "time-sheets"]),
)  # fmt: skip
EN_NEAR = (
    ("Log of the office", "The log is on the shelf. A fish called fi."),
    ("A sign in the hall", "The sign points in. Set the table. Sheets of time."),
    ("Base of the lamp", "Parts of the base. Only read this."),
    ("Mail in the hall", "The mail lies on the back of the shelf. E is a letter."),
)
ES = (
    ("Configurar impresoras", "Conecte las impresoras a la red.",
     ["impresora", "configurando la impresora"]),
    ("Restablecer contraseñas", "Restablezca su contraseña.",
     ["contraseña", "restablecer la contrasena"]),
    ("Solicitudes de vacaciones", "Envíe la solicitud.", ["solicitud", "solicitar vacaciones"]),
)  # fmt: skip
DE = (
    ("Treiber für den Drucker", "Der Treiber gehört zum Drucker.", ["Druckertreiber"]),
    ("Passwort für das Postfach", "Das Passwort ändern.", ["Postfachpasswort"]),
    ("Plan für den Arbeitsplatz", "Ein Plan je Platz und Arbeit.", ["Arbeitsplatzplan"]),
)
ALL = (("en", EN), ("es", ES), ("de", DE))
ASKED = [(text, title) for _, rows in ALL for title, _, asked in rows for text in asked]


@pytest.fixture(scope="module", params=[Mode.HYBRID, Mode.KEYWORD])
def engine(request, built, encoder) -> Engine:  # type: ignore[no-untyped-def]
    rows = [(language, title, text) for language, own in ALL for title, text, _ in own]
    rows += [("en", *row) for row in EN_NEAR]
    documents = [
        Document(title, title, (Section("", (), text),), language=language)
        for language, title, text in rows
    ]
    root = built(documents)
    return Engine(root, encoder_loader=lambda: encoder, settings=EngineSettings(request.param))


@pytest.mark.parametrize(("text", "wanted"), ASKED)
def test_the_article_is_first_in_every_wording(engine: Engine, text: str, wanted: str) -> None:
    assert engine.search(Query(text)).hits[0].id == wanted
