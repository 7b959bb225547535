"""The settings, as data: one row each, read from the environment and one optional file.

Promises a frozen, typed `Settings` or a `ConfigError` that names the setting, the value and what is
accepted; an unknown key is refused rather than ignored. Knows nothing of what the values are for.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kb.config import demo_marker
from kb.config.repositories import Repository, parse_repositories, read_remote
from kb.config.ticket_hooks import TicketHook, parse_ticket_hooks
from kb.config.tiers import DEFAULT_TIERS, Tier, parse_tiers
from kb.config.values import (
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
# Words of other programs that begin with our prefix would be refused otherwise; none are known.


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
    """Return the URL of a mail server, or "" for none. Raises ConfigError when it is none."""
    if found := text(value):
        from kb.config.values import MailServer

        MailServer.from_url(found)
    return found


def remote(value: Any) -> str:
    """Return where articles are fetched from, or ""; of a path only its use says whether it is."""
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
    """One row: `name` in the file, KB_NAME in the environment; `read` turns text into the value."""

    name: str
    default: Any
    read: Callable[[Any], Any]
    help: str
    secret: bool = False


# What a running site holds on to; a reload does not change these.
RESTART = frozenset({"host", "port", "data", "database_url"})

ROWS: tuple[Setting, ...] = (
    Setting("site_name", "Tier Zero", filled, "Name of the site, shown on every page."),
    Setting(
        "site_url",
        "",
        site_address,
        "Public address, used in mail and links; empty: host and port.",
    ),
    Setting("articles", "articles", path, "Folder or Git repository that holds the articles."),
    Setting("articles_ref", "HEAD", text, "Branch, tag or commit that is published."),
    Setting("articles_remote", "", remote, "Repository to fetch the articles from, by URL.", True),
    Setting("articles_path", "", text, "Folder inside articles_remote that holds the articles."),
    Setting(
        "repositories",
        (),
        repositories,
        "Further repositories, each a collection: name, source, ref, path.",
        True,
    ),
    Setting("webhook_secret", "", key(16), "Proves that a push hook is meant; empty: none.", True),
    Setting(
        "article_history",
        "dates",
        one_of("off", "dates", "full"),
        "What readers see of an article's past: nothing, days and differences, or commits too.",
    ),
    Setting(
        "ticket_hooks",
        (),
        ticket_hooks,
        "Hooks of other service desks: the secret of each, by its name.",
        True,
    ),
    Setting(
        "github_signed_tickets",
        "",
        text,
        "Source whose tickets may still come signed with webhook_secret; empty: none.",
    ),
    Setting("keep_generations", 5, whole(2, 100), "Published states kept for going back."),
    Setting("author_mail", True, flag, "Write to who committed an article that is refused."),
    Setting("data", "var", path, "Folder for the database, the index and the spool."),
    Setting("templates", "templates", path, "Folder of the page templates."),
    Setting("database_url", "", text, "PostgreSQL by URL; empty: SQLite in the data folder.", True),
    Setting("language", "en", language_code, "Language assumed where an article names none."),
    Setting("model", "", text, "Folder of another sentence-transformers model; empty: bundled."),
    Setting("semantic", True, flag, "Search by meaning as well as by words."),
    Setting("host", "127.0.0.1", listening, "Address to listen on."),
    Setting("port", 8000, whole(1, 65535), "Port to listen on."),
    Setting("workers", 2, whole(1, 64), "Web processes."),
    Setting("threads", 4, whole(1, 64), "Threads in a web process."),
    Setting("log_level", "info", one_of(*LEVELS), "What is logged: this and what is graver."),
    Setting("log_format", "plain", one_of(*FORMS), "Log lines for people or for programs."),
    Setting(
        "secret_key", "", key(32), "Signs sessions; empty: made once in the data folder.", True
    ),
    Setting("secret_key_fallbacks", (), keys(32), "Former secret keys, still accepted.", True),
    Setting(
        "trusted_hosts",
        ("127.0.0.1", "localhost", "[::1]"),
        hosts,
        "Host names answered, besides those of site_url and host.",
    ),
    Setting(
        "trusted_proxies",
        (),
        proxies,
        "Addresses and networks of proxies whose X-Forwarded-* is believed.",
    ),
    Setting("session_lifetime", "12h", lasting("1m"), "How long a sign-in lasts."),
    Setting("episode_gap", "30m", duration, "Silence that ends an episode."),
    Setting("outcome_window", "24h", duration, "Wait for a ticket before an outcome is final."),
    Setting("retention", "90d", duration, "How long searched words are kept; at most 180d."),
    Setting(
        "redact_patterns",
        (),
        patterns,
        "Regular expressions of your ticket and employee numbers, hidden before words are kept.",
    ),
    Setting("k_anonymity", 5, whole(1, 1000), "People needed before reports show their words."),
    Setting(
        "holdout_share",
        10,
        whole(0, 50),
        "Visitors in 100 who see no suggestions on the ticket form, to compare; 0: none.",
    ),
    Setting(
        "survey_share",
        20,
        whole(0, 100),
        "Silent readers in 100 who are asked whether they found what they needed; 0: none.",
    ),
    Setting(
        "unresolved_policy",
        "offer",
        one_of("off", "offer", "always"),
        "A signed-in person's unresolved episode: nothing, an offer, or a ticket at once.",
    ),
    Setting(
        "demand_threshold",
        5,
        whole(0, 1000),
        "People failing on the same words before the team gets one ticket; 0: never.",
    ),
    Setting("demand_window", "7d", duration, "Span in which those people are counted."),
    Setting("mail_url", "", mail_server, "smtp://user:password@host:port; empty: to files.", True),
    Setting("mail_ca", "", text, "File of certificates trusted beside the machine's, for mail."),
    Setting("mail_from", "service-desk@localhost", sender, "Sender of the product's mail."),
    Setting("review_reminders", True, flag, "Weekly letters to who keeps articles to be checked."),
    Setting("digest_to", (), addresses, "Addresses that get the weekly digest; empty: nobody."),
    Setting("answer_mail", True, flag, "Readers may ask for mail when their search is answered."),
    Setting("publish_interval", "30s", optional_duration, "How often Git is asked for news."),
    Setting("worker_interval", "15s", lasting("100ms"), "Pause between rounds of periodic work."),
    Setting("search_rate", 60, whole(1, 100000), "Searches of one person in a minute."),
    Setting("suggest_rate", 400, whole(1, 100000), "Suggestions to one person in a minute."),
    Setting(
        "write_rate", 20, whole(1, 100000), "Votes, and other forms, of one person in 10 minutes."
    ),
    Setting("ticket_rate", 10, whole(1, 100000), "Tickets of one person in 10 minutes."),
    Setting(
        "network_rate",
        10,
        whole(1, 10000),
        "Times what one person may do is what a network may, of all who are not signed in.",
    ),
    Setting("sign_in_rate", 50, whole(1, 100000), "Wrong passwords in 10 minutes, one network."),
    Setting("letter_rate", 3, whole(1, 1000), "Emails a day to an address that anybody can type."),
    Setting("tiers", DEFAULT_TIERS, tiers, "Support tiers: name, minutes before escalation, cost."),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting's value, as ROWS describes them."""

    site_name: str
    site_url: str
    articles: Path
    articles_ref: str
    articles_remote: str
    articles_path: str
    repositories: tuple[Repository, ...]
    webhook_secret: str
    article_history: str
    ticket_hooks: tuple[TicketHook, ...]
    github_signed_tickets: str
    keep_generations: int
    author_mail: bool
    data: Path
    templates: Path
    database_url: str
    language: str
    model: str
    semantic: bool
    host: str
    port: int
    workers: int
    threads: int
    log_level: str
    log_format: str
    secret_key: str
    secret_key_fallbacks: tuple[str, ...]
    trusted_hosts: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    session_lifetime: timedelta
    episode_gap: timedelta
    outcome_window: timedelta
    retention: timedelta
    redact_patterns: tuple[str, ...]
    k_anonymity: int
    holdout_share: int
    survey_share: int
    unresolved_policy: str
    demand_threshold: int
    demand_window: timedelta
    mail_url: str
    mail_ca: str
    mail_from: str
    review_reminders: bool
    digest_to: tuple[str, ...]
    answer_mail: bool
    publish_interval: timedelta | None
    worker_interval: timedelta
    search_rate: int
    suggest_rate: int
    write_rate: int
    ticket_rate: int
    network_rate: int
    sign_in_rate: int
    letter_rate: int
    tiers: tuple[Tier, ...]

    @property
    def site(self) -> Site:
        """Return the public address, taken apart. Raises ConfigError when it is none."""
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


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Return the settings: defaults, then the file, then the environment, then `overrides`.

    A data folder that is marked as a demonstration decides on where its articles and its database
    are, and that it writes to nobody. Raises ConfigError for an unknown key or a value that its row
    does not accept.
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


# Who listens on every address is found under that of this machine.
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
    """Return what is in the file that the variable `name` names, without the line end after it."""
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
    written = {"site_url": "", "ticket_hooks": {}}  # not as they are read
    for row in ROWS:
        told += ["", f"# {row.help}"]
        if row.name in RESTART:
            told.append("# A change needs a restart; all others take effect on a reload.")
        value = written.get(row.name, getattr(usual, row.name))
        told.append(f"# {row.name} = {_toml(row, value)}")
    return "\n".join(told) + "\n"


def _toml(row: Setting, value: Any) -> str:
    """Return the value as TOML has it."""
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
    """Return the usual tiers as TOML, one to a commented line."""
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
