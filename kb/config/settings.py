"""The settings, as data: one row each, read from the environment and one optional file.

`load` returns a frozen, typed `Settings` or raises a `ConfigError` that names the setting, the
value and what is accepted. An unknown key is refused rather than ignored.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kb.config import demo_marker
from kb.config.repositories import Repository, parse_repositories, read_remote
from kb.config.ticket_hooks import TicketHook, parse_ticket_hooks
from kb.config.tiers import DEFAULT_TIERS, Tier, parse_tiers
from kb.config.values import (
    MailServer,
    addresses,
    duration,
    filled,
    flag,
    hosts,
    key,
    keys,
    lasting,
    listening,
    one_of,
    optional_duration,
    path,
    patterns,
    proxies,
    sender,
    site_address,
    text,
    whole,
)
from kb.config.values import language as language_code
from kb.errors import ConfigError, ContentError
from kb.logs import FORMS, LEVELS
from kb.proxies import Network, Site, read_site

PREFIX = "KB_"
FILE_VARIABLE = "KB_CONFIG"
FROM_FILE = "_FILE"  # KB_NAME_FILE holds the path of a file with the value
LONGEST_FILE = 64 * 1024  # bytes of such a file
DEFAULT_FILE = "kb.toml"
# Other programs' variables with our prefix would have to be allowed here; none are known.


def tiers(value: Any) -> tuple[Tier, ...]:
    """Return the tiers described by a TOML array of tables or the same as JSON text."""
    return parse_tiers(_tables(value), lasting("1s"))


def repositories(value: Any) -> tuple[Repository, ...]:
    """Return the repositories described by a TOML array of tables or the same as JSON text."""
    return parse_repositories(_tables(value))


def ticket_hooks(value: Any) -> tuple[TicketHook, ...]:
    """Return the ticket hooks described by a TOML table or the same as JSON text."""
    return parse_ticket_hooks(_tables(value))


def mail_server(value: Any) -> str:
    """Return the URL of a mail server, or "" for none. Raise ConfigError when it is invalid."""
    if found := text(value):
        MailServer.from_url(found)
    return found


def remote(value: Any) -> str:
    """Return where articles are fetched from, or ""; a path is checked only when it is used."""
    found = text(value)
    if "://" in found and not found.startswith("file://"):
        try:
            read_remote(found)
        except ContentError:
            raise ValueError(
                "https://host/path, ssh://git@host/path, git@host:path or a path"
            ) from None
    return found


def _tables(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        raise ValueError("tables: as TOML in the file, as JSON in the environment") from None


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `name` in the file, KB_NAME in the environment. `read` turns text into the
    value; a `secret` is never shown; a change of one with `restart` waits for a restart.
    """

    name: str
    default: Any
    read: Callable[[Any], Any]
    help: str
    secret: bool = False
    restart: bool = False


def _row(
    default: Any,
    read: Callable[[Any], Any],
    help: str,
    *,
    secret: bool = False,
    restart: bool = False,
) -> Any:
    """Return the declaration of one setting, to stand beside its name and type."""
    told = {"default": default, "read": read, "help": help, "secret": secret, "restart": restart}
    return field(metadata=told)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting: its name, the type of its value, default, reader and line of help. Whatever
    else speaks of settings is made from these fields: docs/settings.md by `make docs`.
    """

    site_name: str = _row("Tier Zero", filled, "Name of the site, shown on every page.")
    site_url: str = _row(
        "", site_address, "Public address, used in mail and links; empty: host and port."
    )
    articles: Path = _row("articles", path, "Folder or Git repository that holds the articles.")
    articles_ref: str = _row("HEAD", text, "Branch, tag or commit that is published.")
    articles_remote: str = _row(
        "", remote, "Repository to fetch the articles from, by URL.", secret=True
    )
    articles_path: str = _row("", text, "Folder inside articles_remote that holds the articles.")
    repositories: tuple[Repository, ...] = _row(
        (),
        repositories,
        "Further repositories, each a collection: name, source, ref, path.",
        secret=True,
    )
    webhook_secret: str = _row(
        "", key(16), "Proves that a push hook is meant; empty: none.", secret=True
    )
    article_history: str = _row(
        "dates",
        one_of("off", "dates", "full"),
        "What readers see of an article's past: nothing, days and differences, or commits too.",
    )
    ticket_hooks: tuple[TicketHook, ...] = _row(
        (),
        ticket_hooks,
        "Hooks of other service desks: the secret of each, by its name.",
        secret=True,
    )
    github_signed_tickets: str = _row(
        "", text, "Source whose tickets may still come signed with webhook_secret; empty: none."
    )
    keep_generations: int = _row(5, whole(2, 100), "Published states kept for going back.")
    author_mail: bool = _row(True, flag, "Write to who committed an article that is refused.")
    data: Path = _row(
        "var", path, "Folder for the database, the index and the spool.", restart=True
    )
    templates: Path = _row("templates", path, "Folder of the page templates.")
    database_url: str = _row(
        "", text, "PostgreSQL by URL; empty: SQLite in the data folder.", secret=True, restart=True
    )
    language: str = _row("en", language_code, "Language assumed where an article names none.")
    model: str = _row("", text, "Folder of another sentence-transformers model; empty: bundled.")
    multilingual_model: str = _row(
        "",
        text,
        "Folder of a model for languages other than English; empty: bundled; off: none.",
    )
    semantic: bool = _row(True, flag, "Search by meaning as well as by words.")
    host: str = _row("127.0.0.1", listening, "Address to listen on.", restart=True)
    port: int = _row(8000, whole(1, 65535), "Port to listen on.", restart=True)
    workers: int = _row(2, whole(1, 64), "Web processes.")
    threads: int = _row(4, whole(1, 64), "Threads in a web process.")
    log_level: str = _row("info", one_of(*LEVELS), "What is logged: this and what is graver.")
    log_format: str = _row("plain", one_of(*FORMS), "Log lines for people or for programs.")
    secret_key: str = _row(
        "", key(32), "Signs sessions; empty: made once in the data folder.", secret=True
    )
    secret_key_fallbacks: tuple[str, ...] = _row(
        (), keys(32), "Former secret keys, still accepted.", secret=True
    )
    trusted_hosts: tuple[str, ...] = _row(
        ("127.0.0.1", "localhost", "[::1]"),
        hosts,
        "Host names answered, besides those of site_url and host.",
    )
    trusted_proxies: tuple[Network, ...] = _row(
        (), proxies, "Addresses and networks of proxies whose X-Forwarded-* is believed."
    )
    session_lifetime: timedelta = _row("12h", lasting("1m"), "How long a sign-in lasts.")
    episode_gap: timedelta = _row("30m", duration, "Silence that ends an episode.")
    outcome_window: timedelta = _row(
        "24h", duration, "Wait for a ticket before an outcome is final."
    )
    retention: timedelta = _row("90d", duration, "How long searched words are kept; at most 180d.")
    redact_patterns: tuple[str, ...] = _row(
        (),
        patterns,
        "Regular expressions of your ticket and employee numbers, hidden before words are kept.",
    )
    k_anonymity: int = _row(5, whole(1, 1000), "People needed before reports show their words.")
    holdout_share: int = _row(
        10,
        whole(0, 50),
        "Visitors in 100 who see no suggestions on the ticket form, to compare; 0: none.",
    )
    survey_share: int = _row(
        20,
        whole(0, 100),
        "Silent readers in 100 who are asked whether they found what they needed; 0: none.",
    )
    unresolved_policy: str = _row(
        "offer",
        one_of("off", "offer", "always"),
        "A signed-in person's unresolved episode: nothing, an offer, or a ticket at once.",
    )
    demand_threshold: int = _row(
        5,
        whole(0, 1000),
        "People failing on the same words before the team gets one ticket; 0: never.",
    )
    demand_window: timedelta = _row("7d", duration, "Span in which those people are counted.")
    mail_url: str = _row(
        "", mail_server, "smtp://user:password@host:port; empty: to files.", secret=True
    )
    mail_ca: str = _row("", text, "File of certificates trusted beside the machine's, for mail.")
    mail_from: str = _row("service-desk@localhost", sender, "Sender of the product's mail.")
    review_reminders: bool = _row(True, flag, "Weekly letters to who keeps articles to be checked.")
    digest_to: tuple[str, ...] = _row(
        (), addresses, "Addresses that get the weekly digest; empty: nobody."
    )
    answer_mail: bool = _row(True, flag, "Readers may ask for mail when their search is answered.")
    publish_interval: timedelta | None = _row(
        "30s", optional_duration, "How often Git is asked for news."
    )
    worker_interval: timedelta = _row(
        "15s", lasting("100ms"), "Pause between rounds of periodic work."
    )
    search_rate: int = _row(60, whole(1, 100000), "Searches of one person in a minute.")
    suggest_rate: int = _row(400, whole(1, 100000), "Suggestions to one person in a minute.")
    write_rate: int = _row(
        20, whole(1, 100000), "Votes, and other forms, of one person in 10 minutes."
    )
    ticket_rate: int = _row(10, whole(1, 100000), "Tickets of one person in 10 minutes.")
    network_rate: int = _row(
        10,
        whole(1, 10000),
        "Times what one person may do is what a network may, of all who are not signed in.",
    )
    sign_in_rate: int = _row(50, whole(1, 100000), "Wrong passwords in 10 minutes, one network.")
    letter_rate: int = _row(3, whole(1, 1000), "Emails a day to an address that anybody can type.")
    tiers: tuple[Tier, ...] = _row(
        DEFAULT_TIERS, tiers, "Support tiers: name, minutes before escalation, cost."
    )

    @property
    def site(self) -> Site:
        """Return the public address, parsed. Raise ConfigError when it is invalid."""
        found = read_site(self.site_url)
        if found is None:
            raise ConfigError("The setting site_url names no site.", "Write https://host/path.")
        return found

    @property
    def own_address(self) -> str:
        """Return the address at which a browser on this machine finds the site."""
        return _own_address(self.host, self.port)

    @property
    def names(self) -> frozenset[str]:
        """Return the host names answered: those trusted, that of site_url, the one listened on."""
        own = _bracketed(_ANY.get(self.host, self.host))
        return frozenset((*self.trusted_hosts, self.site.host.name, own))

    @property
    def database(self) -> str:
        """Return the SQLAlchemy URL: the one set, or SQLite in the data folder."""
        if self.database_url:
            return self.database_url
        return f"sqlite:///{(self.data / 'tierzero.db').absolute()}"

    @property
    def demonstration(self) -> bool:
        """Return whether the data folder is marked as a demonstration: all in it is made up."""
        return demo_marker.is_demonstration(self.data)

    @property
    def generations(self) -> Path:
        """Return the folder of published generations."""
        return self.data / "index"

    @property
    def mirror(self) -> Path:
        """Return the folder of the mirror of `articles_remote`."""
        return self.data / "articles.git"

    def mirror_of(self, repository: Repository) -> Path:
        """Return the folder of the mirror of a further repository."""
        return self.data / "repositories" / f"{repository.name}.git"

    @property
    def solved_queries(self) -> Path:
        """Return the file of queries that are offered while people type."""
        return self.data / "solved-queries.json"


ROWS: tuple[Setting, ...] = tuple(Setting(one.name, **one.metadata) for one in fields(Settings))


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Return the settings: defaults, then the file, then the environment, then `overrides`.

    A data folder that is marked as a demonstration dictates its articles and database, and that no
    email is sent. Raise ConfigError for an unknown key or a value that its row does not accept.
    """
    environ = os.environ if environ is None else environ
    given = _from_file(environ) | _from_environment(environ) | overrides
    values = {row.name: _value(row, given) for row in ROWS}
    values["site_url"] = values["site_url"] or _own_address(values["host"], values["port"])
    if demo_marker.is_demonstration(values["data"]):
        values |= demo_marker.settings_of(values["data"])
    if values["retention"] > timedelta(days=180):
        raise ConfigError("retention is more than 180 days.", "Set it to 180d or less.")
    if values["outcome_window"] < values["episode_gap"]:
        raise ConfigError(
            "outcome_window is shorter than episode_gap.",
            "An outcome cannot be final before its episode ends: make it as long or longer.",
        )
    return Settings(**values)


# A site that listens on every address is found at this machine's own.
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _own_address(host: str, port: int) -> str:
    return f"http://{_bracketed(_ANY.get(host, host))}:{port}"


def _value(row: Setting, given: Mapping[str, Any]) -> Any:
    """Return the row's value, read from what was given or from its default."""
    raw = given.get(row.name, row.default)
    if raw is row.default and not isinstance(raw, str):
        return raw
    try:
        return row.read(raw)
    except (ValueError, TypeError, KeyError) as problem:
        shown = "the value given" if row.secret else repr(raw)
        raise ConfigError(
            f"The setting {row.name} cannot be {shown}.",
            f"It takes {problem}. Change {PREFIX}{row.name.upper()}, or the file {DEFAULT_FILE}.",
        ) from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings among the environment's variables, read from files where they say so."""
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    given.pop(FILE_VARIABLE, None)
    files = {name: given.pop(name) for name in list(given) if name.endswith(FROM_FILE)}
    names = {name: name.removesuffix(FROM_FILE) for name in files}
    found = {name[len(PREFIX) :].lower(): value for name, value in given.items()}
    _refuse_unknown(found, lambda name: PREFIX + name.upper())
    asked = {plain[len(PREFIX) :].lower(): name for name, plain in names.items()}
    _refuse_unknown(asked, lambda name: PREFIX + name.upper() + FROM_FILE)
    for setting, name in asked.items():
        if setting in found:
            raise ConfigError(
                f"{names[name]} and {name} are both set.", "Take one of them away: they may differ."
            )
        found[setting] = _content(name, files[name])
    return found


def _content(name: str, place: str) -> str:
    """Return the content of the file that the variable `name` names, without its last line end."""
    try:
        with Path(place).open("rb") as file:
            data = file.read(LONGEST_FILE + 1)
        if len(data) > LONGEST_FILE:
            raise ConfigError(f"The file {place} that {name} names is longer than 64 KiB.")
        found = data.decode("utf-8")
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is not text in UTF-8"
        raise ConfigError(
            f"The file {place} that {name} names cannot be read: {why}.",
            f"Let this user read it, or give the value itself in {name.removesuffix(FROM_FILE)}.",
        ) from None
    found = found.removesuffix("\n").removesuffix("\r")
    if not found.strip():
        raise ConfigError(f"The file {place} that {name} names is empty.")
    return found


def _from_file(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of the file, {} where the default file is absent."""
    named = environ.get(FILE_VARIABLE)
    file = Path(named or DEFAULT_FILE)
    if not named and not file.exists():
        return {}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(f"The settings file {file} cannot be read: {problem.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"The settings file {file} is not valid TOML: {problem}.") from None
    _refuse_unknown(found, lambda name: f"{name} in {file}")
    return found


def _refuse_unknown(found: Mapping[str, Any], shown: Callable[[str], str]) -> None:
    """Raise ConfigError for a key that no row has, with the nearest name."""
    known = [row.name for row in ROWS]
    for name in found:
        if name in known:
            continue
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean {shown(near[0])}?" if near else "`kb config show` lists the settings."
        raise ConfigError(f"The setting {shown(name)} is unknown.", hint)


def sample() -> str:
    """Return a settings file that names every setting, each commented out with its default."""
    told = [
        "# Every setting of Tier Zero with its default. Take the # away where another value is",
        f"# wanted, and save it as {DEFAULT_FILE} in the folder from which the site is started.",
        f"# The environment goes before this file: {PREFIX}PORT=8001, or the value in a file that",
        f"# {PREFIX}SECRET_KEY{FROM_FILE} names.",
    ]
    usual = load({FILE_VARIABLE: os.devnull})
    written = {"site_url": "", "ticket_hooks": {}}  # written otherwise than read
    for row in ROWS:
        told += ["", f"# {row.help}"]
        if row.restart:
            told.append("# A change needs a restart; all others take effect on a reload.")
        value = written.get(row.name, getattr(usual, row.name))
        told.append(f"# {row.name} = {_toml(row, value)}")
    return "\n".join(told) + "\n"


def _toml(row: Setting, value: Any) -> str:
    """Return the value in TOML."""
    if row.default is DEFAULT_TIERS:
        return _toml_tiers()
    if isinstance(value, bool | int | dict):
        return json.dumps(value)
    if isinstance(value, tuple):
        return json.dumps([str(item) for item in value])
    if isinstance(value, timedelta):
        return json.dumps(_span(value))
    return json.dumps("off" if value is None else str(value))


def _toml_tiers() -> str:
    """Return the default tiers as TOML, one to a commented line."""
    rows = []
    for tier in DEFAULT_TIERS:
        after = f', escalate_after = "{_span(tier.escalate_after)}"' if tier.escalate_after else ""
        cost = f", cost = {tier.cost}" if tier.cost else ""
        by = f", staffed_by = {json.dumps(tier.staffed_by)}" if tier.staffed_by else ""
        rows.append(
            f"#   {{level = {tier.level}, name = {json.dumps(tier.name)}{by}{after}{cost}}},"
        )
    return "\n".join(["[", *rows, "# ]"])


def shown(settings: Settings) -> list[tuple[Setting, str]]:
    """Return each row with its value as text, secrets hidden."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return [(row, _display(row, values[row.name])) for row in ROWS]


def _display(row: Setting, value: Any) -> str:
    if row.secret and value:
        return "(set, hidden)"
    if isinstance(value, timedelta):
        return _span(value)
    if isinstance(value, tuple):
        return ", ".join(getattr(item, "name", str(item)) for item in value)
    return "off" if value is None else str(value)


def _span(value: timedelta) -> str:
    """Return the shortest exact way to write the span."""
    seconds = value.total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"
