"""What other service desks call the four things that are read of a ticket.

The names are those of the desks' own exports and hooks. A name is compared as `normal` writes it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

# In each row our own name comes first. OTRS and Znuny write "Ticket#" or "TicketNumber" and
# "CustomerUserID", GLPI "Opening date" and "Requester - Requester", Zammad "#", "customer" and
# "created_at", osTicket "Ticket Number", "Date Created" and "From Email", Zendesk "Requested",
# Freshdesk "Ticket ID" and "Created time", Jira "Issue key" and "Reporter", ServiceNow "Number",
# "Opened" and "Caller", trudesk "uid". Ids that stand for a company (CustomerID) are no person.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": (
        "id", "ticket", "number", "ticket id", "key", "#",
        "ticketnumber", "ticket number", "ticket no", "ticketid", "issue key", "issue id",
        "case number", "incident number", "request id", "display id", "reference", "uid",
        "ticketnummer", "ticket nummer", "ticket nr", "nummer",
        "numero", "numero de ticket", "numero del ticket", "numero du ticket", "n de ticket",
        "no de ticket",
    ),
    "time": (
        "time", "created", "created at", "date", "opened",
        "createdat", "created on", "created time", "created date", "create time", "create date",
        "creation date", "creation time", "date created", "date opened", "opening date",
        "opened at", "open date", "requested", "requested at", "reported", "reported at",
        "submitted", "submitted at", "sys created on", "created datetime",
        "erstellt", "erstellt am", "erstellungsdatum", "eroffnungsdatum", "eroffnet",
        "eroffnet am", "angelegt am", "gemeldet am",
        "creado", "creado el", "fecha de creacion", "fecha creacion", "fecha de apertura",
        "fecha apertura", "abierto el", "fecha",
        "cree", "cree le", "date de creation", "date creation", "date d ouverture", "ouvert le",
    ),
    "email": (
        "email", "e mail", "requester email", "mail",
        "requester e mail", "email address", "e mail address", "from email", "customer email",
        "customer e mail", "contact email", "reporter email", "caller email", "user email",
        "requester mail", "emailaddress",
        "e mail adresse", "email adresse", "kunden e mail", "antragsteller e mail",
        "anforderer e mail",
        "correo", "correo electronico", "solicitante correo electronico", "solicitante correo",
        "solicitante email", "correo del solicitante",
        "courriel", "adresse e mail", "adresse email", "demandeur courriel", "demandeur e mail",
        "demandeur email", "email du demandeur",
    ),
    "user": (
        "user", "user id", "account", "requester",
        "userid", "customer", "customeruserid", "customer user id", "customeruser",
        "customer user", "customer user login", "caller", "caller id", "reporter", "contact",
        "requested for", "opened for", "raised by", "from", "sender", "requester name",
        "requester login", "customer name",
        "kunde", "kundenbenutzer", "antragsteller", "anforderer", "melder", "benutzer",
        "solicitante", "cliente", "usuario", "demandeur", "client", "utilisateur",
    ),
}  # fmt: skip
KNOWN: Mapping[str, str] = {
    other: field for field, others in COLUMNS.items() for other in others
}  # a name -> which of the four it means
LONGEST_NAME = 200  # characters of a column's name that are read
_APART = re.compile(r"[^0-9a-z#]+")


def normal(name: str) -> str:
    """Return a column's name without case, accents and signs; "Requester - Requester" is one."""
    plain = unicodedata.normalize("NFKD", name[:LONGEST_NAME].strip().casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = _APART.sub(" ", plain).split()
    words = [word.rstrip("#") or word for word in words]
    half = len(words) // 2
    return " ".join(words[:half] if half and words[:half] == words[half:] else words)


def meanings(names: Iterable[str]) -> list[str]:
    """Return which of the four each column is: the first of each meaning, "" for all others."""
    found: list[str] = []
    for name in names:
        field = KNOWN.get(normal(name), "")
        found.append(field if field not in found else "")
    return found


def lacking(fields: Iterable[str]) -> str:
    """Return in words which column is missing, "" where all that is needed is there."""
    have = set(fields)
    needed = [name for name in ("id", "time") if name not in have]
    if not have & {"email", "user"}:
        needed.append("email or user")
    return ", ".join(needed)
