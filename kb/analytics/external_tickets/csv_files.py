"""Read a CSV file of any dialect and encoding into the cells that matter of each ticket.

Columns are recognised by the names that other service desks give them in exports and webhooks,
compared after `normal`. The delimiter is the one under which a line near the top names the needed
columns. A file whose encoding is uncertain is refused with advice: a wrongly read name or address
would silently match nobody. A row with too many or too few cells is an error, since its cells may
be in the wrong columns.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from kb.errors import InvalidInput

# -- Column names of other service desks --


# The first names of each field are our own. OTRS and Znuny write "Ticket#" or "TicketNumber" and
# "CustomerUserID", GLPI "Opening date" and "Requester - Requester", Zammad "#", "customer" and
# "created_at", osTicket "Ticket Number", "Date Created" and "From Email", Zendesk "Requested",
# Freshdesk "Ticket ID" and "Created time", Jira "Issue key" and "Reporter", ServiceNow "Number",
# "Opened" and "Caller", trudesk "uid". An id of a company (CustomerID) is not an id of a person.
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
}  # fmt: skip # words by language
KNOWN: Mapping[str, str] = {
    other: field for field, others in COLUMNS.items() for other in others
}  # column name -> field
LONGEST_NAME = 200  # characters of a column's name that are compared
_APART = re.compile(r"[^0-9a-z#]+")


def normal(name: str) -> str:
    """Return a column's name in lower case without accents, punctuation and a repeated half."""
    plain = unicodedata.normalize("NFKD", name[:LONGEST_NAME].strip().casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = _APART.sub(" ", plain).split()
    words = [word.rstrip("#") or word for word in words]
    half = len(words) // 2
    return " ".join(words[:half] if half and words[:half] == words[half:] else words)


def meanings(names: Iterable[str]) -> list[str]:
    """Return the field of each column: its first column only, "" for all others."""
    found: list[str] = []
    for name in names:
        field = KNOWN.get(normal(name), "")
        found.append(field if field not in found else "")
    return found


def lacking(fields: Iterable[str]) -> str:
    """Return in words which needed columns are missing, "" if none."""
    have = set(fields)
    needed = [name for name in ("id", "time") if name not in have]
    if not have & {"email", "user"}:
        needed.append("email or user")
    return ", ".join(needed)


# -- Encoding --


# Byte order marks, longer ones first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # xlsx and ods; xls
_NO_TEXT = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"})
GUESSED = "cp1252"  # used when nothing indicates another encoding; see `refuse_unsure`
_SAMPLE = 400  # bytes searched for signs of UTF-16 without a mark
# Patterns that do not occur in Western text, but do when another encoding is read as Windows-1252:
# a symbol within a word, an opening quotation mark after a letter, a capital within a lower-case
# word, three accented letters in a row.
_STRANGE = re.compile(
    r"[^\W\d_](?:[^\w\s\x00-\x7f’´–—·\xad]|[¹²³])[^\W\d_]|[^\W\d_][‚„ˆ˜]"
    r"|[A-Za-z][À-ÞŠŒŽŸ][a-z]|[À-ÖØ-öø-ÿŠŒŽŸšœž]{3}"
)
_PARTLY = re.compile(rb"[\xc2\xc3][\x80-\xbf]")  # UTF-8 letters in a file that is not all UTF-8
_SAVE = "Save the file as “CSV UTF-8”, or say which it is: --encoding cp1252"


def decoded(data: bytes, encoding: str = "") -> tuple[str, str]:
    """Return the text and the name of its encoding. Raises InvalidInput if that is uncertain.

    `encoding` is the encoding if the caller knows it, "" otherwise.
    """
    if data.startswith(_WORKBOOKS):
        raise InvalidInput("This is a workbook and not CSV.", "Save it as “CSV UTF-8” first.")
    if encoding:
        return _decode(data, encoding, _known(encoding)), encoding
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _decode(data, name), name.removesuffix("-sig")
    if name := _wide(data):
        return _decode(data, name), name
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as problem:
        cut = problem.end == len(data) and problem.reason == "unexpected end of data"
    try:
        text = "" if cut or _PARTLY.search(data) else data.decode(GUESSED)
    except UnicodeDecodeError:
        text = ""
    if not text or _STRANGE.search(text):
        raise InvalidInput(
            "The file is no whole UTF-8, and what it is cannot be told.", f"{_SAVE}. Is it cut off?"
        )
    return text, GUESSED


def refuse_unsure(cells: Iterable[str]) -> None:
    """Raise InvalidInput if a cell has letters that the guessed encoding may have read wrongly;
    `cells` are the ids and addresses of a file read as GUESSED.
    """
    for cell in cells:
        if not cell.isascii():
            raise InvalidInput(f"The file is not UTF-8, and may read {cell[:40]!r} wrongly.", _SAVE)


def _known(encoding: str) -> str:
    """Return the advice for when the file does not fit `encoding`.

    Raises InvalidInput if there is no such encoding.
    """
    try:
        "".encode(encoding)  # also rejects codecs that do not encode text
        known = encoding.lower().replace("-", "_") not in _NO_TEXT
    except (LookupError, ValueError):
        known = False
    if not known:
        raise InvalidInput(
            f"There is no encoding {encoding[:40]!r}.", "Write it as utf-8, utf-16 or cp1252."
        )
    return "Is it another one? Without --encoding the site looks for itself."


def _decode(data: bytes, name: str, hint: str = "Is the file cut off? Export it again.") -> str:
    try:
        return data.decode(name).removeprefix("\ufeff")
    except UnicodeError as problem:
        place = getattr(problem, "start", len(data))
        raise InvalidInput(f"The file is not {name}: byte {place} does not fit.", hint) from None


def _wide(data: bytes) -> str:
    """Return the UTF-16 encoding of a file without a mark, "" for another; the header's letters
    alternate with zero bytes.
    """
    head = data[:_SAMPLE]
    for name, low, high in (("utf-16-le", 0, 1), ("utf-16-be", 1, 0)):
        blank, letters = head[high::2], head[low::2]
        if (
            len(blank) > 4
            and blank.count(0) > len(blank) * 0.6
            and letters.count(0) * 9 < len(letters)
        ):
            return name
    return ""


# -- Delimiter, header and rows --


MARKS = (",", ";", "\t", "|")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
TITLES = 10  # records searched for the header: some exports begin with title lines
_TOLD = re.compile(r"\s*\"?sep=(.)\"?[ \t]*(?:\r\n|\r|\n|\Z)", re.IGNORECASE)
_FORMULA = re.compile(r'="([^"]*)"')  # keeps a spreadsheet from changing an id
_SAFE = re.compile(r"'(?=[\d=+@-])")  # the apostrophe that marks a cell as text
_EMPTY = " \t\r\n\xa0\ufeff\u200b"


@dataclass(frozen=True, slots=True)
class CsvSheet:
    """A file whose header was found: its delimiter `mark` and the field of each column."""

    mark: str
    header: tuple[str, ...]
    fields: tuple[str, ...]
    _text: str
    _skipped: int  # lines of the file before `_text`
    _records: int  # records of `_text` up to and including the header

    @property
    def described(self) -> str:
        """Return in words how the file was read."""
        read = (
            f"{field} from {name.strip(_EMPTY)!r}"
            for field, name in zip(self.fields, self.header, strict=True)
            if field
        )
        return f"cells set apart by {NAMES.get(self.mark, repr(self.mark))}; {', '.join(read)}"

    def rows(self) -> Iterator[tuple[int, Mapping[str, str] | str]]:
        """Give each row with the number of its first line: its cells, or what is wrong with it.

        Raises InvalidInput where the rest of the file is not CSV.
        """
        for line, cells in islice(_records(self._text, self.mark), self._records, None):
            if any(cell.strip(_EMPTY) for cell in cells):
                yield line + self._skipped, self._row(cells)

    def _row(self, cells: Sequence[str]) -> Mapping[str, str] | str:
        wide = len(self.header)
        if any(cell.strip(_EMPTY) for cell in cells[wide:]):
            return (
                f"it has {len(cells)} cells and the header {wide}, so quotation marks are missing"
            )
        if any(self.fields[len(cells) :]):
            return f"it has only {len(cells)} cells and the header {wide}"
        named = zip(self.fields, cells, strict=False)
        return {field: clean(cell) for field, cell in named if field}


def sheet(text: str) -> CsvSheet:
    """Return the sheet of a file. Raises InvalidInput if no line names the columns."""
    skipped = 0
    marks: tuple[str, ...] = MARKS
    if told := _TOLD.match(text):
        skipped, marks = _lines(text[: told.end()]), (told[1],)
        text = text[told.end() :]
    found = [one for mark in marks if (one := _with(text, mark, skipped))]
    if not found:
        raise _unnamed(text, marks)
    return max(found, key=lambda one: (sum(map(bool, one.fields)), len(one.header)))


def clean(cell: str) -> str:
    """Return a cell without the white space and signs that spreadsheets put around it."""
    cell = cell.strip(_EMPTY)
    if match := _FORMULA.fullmatch(cell):
        cell = match[1].strip(_EMPTY)
    return _SAFE.sub("", cell, count=1) if cell.startswith("'") else cell


def _with(text: str, mark: str, skipped: int) -> CsvSheet | None:
    """Return the sheet read with this delimiter, None if no line names the columns."""
    for place, (_, cells) in enumerate(_readable(text, mark), start=1):
        fields = meanings(cells)
        if not lacking(fields):
            return CsvSheet(mark, tuple(cells), tuple(fields), text, skipped, place)
    return None


def _readable(text: str, mark: str) -> Iterator[tuple[int, list[str]]]:
    """Give the first records, up to where the text is not CSV."""
    try:
        yield from islice(_records(text, mark), TITLES)
    except InvalidInput:
        return


def _records(text: str, mark: str) -> Iterator[tuple[int, list[str]]]:
    """Give each record with the number of its first line. Raises InvalidInput if not CSV."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a cell may hold a whole email
    source = StringIO(text, newline="")  # only CSV's own line ends count
    lines = csv.reader(source, delimiter=mark, strict=True, skipinitialspace=mark != "\t")
    line = 0
    try:
        for cells in lines:
            yield line + 1, cells
            line = lines.line_num
    except csv.Error as problem:
        raise InvalidInput(
            f"Line {line + 1} is not CSV: {problem}.", "Check its quotation marks."
        ) from None


def _lines(text: str) -> int:
    return len(re.findall(r"\r\n|\r|\n", text))


def _unnamed(text: str, marks: Sequence[str]) -> InvalidInput:
    """Return the error for a file in which no line names the columns."""
    heads = [cells for mark in marks for _, cells in islice(_readable(text, mark), 1)]
    widest = max(heads, key=len, default=[])
    missing = lacking(meanings(widest))
    shown = ", ".join(cell.strip(_EMPTY)[:30] for cell in widest[:12])
    seen = f" The first line reads: {shown}." if shown else ""
    return InvalidInput(
        "The first line does not name the columns.",
        f"It needs id, time, and email or user, as in: id,time,email. Missing: {missing}.{seen}",
    )
