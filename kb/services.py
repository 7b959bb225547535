"""The composition root: the one place that knows every concrete class.

It makes the parts of the product from the settings and joins them. Nothing is started and no
network is used.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from kb.access import readable
from kb.accounts import password_resets
from kb.accounts.password_resets import Resets
from kb.accounts.rate_limits_store import RateLimits
from kb.accounts.roles import STAFF_ROLES, Role, Viewer
from kb.accounts.sign_in import SignIn
from kb.accounts.store import Accounts, Guesses
from kb.analytics.external_tickets.service import Matching
from kb.analytics.figures import TierCost
from kb.analytics.solved_queries import SolvedQueries
from kb.config.settings import Settings
from kb.connectors.base import Connector
from kb.connectors.registry import connectors
from kb.content.history import Histories
from kb.content.library import Library
from kb.content.sources.combined import shortened
from kb.data_folder import keep_private, kept_secret
from kb.database import PAGE_WAIT_S, Database
from kb.errors import NotFound, ProductError, StoreError
from kb.gaps.answers.service import Replay
from kb.gaps.diagnosis_jobs import Diagnosing
from kb.gaps.jobs import Grouping
from kb.gaps.subscriptions.notices import AnswerEmails
from kb.gaps.subscriptions.service import Subscriptions
from kb.health import ReadinessCheck, disk_check, mail_check, worker_check
from kb.links import Links
from kb.notifications.passwords import PasswordEmails
from kb.proxies import Proxied
from kb.publishing.branch_previews import root_of
from kb.publishing.index_repair import repairs
from kb.publishing.live_library import LiveLibrary
from kb.publishing.publisher import open_main_encoder, open_multilingual_encoder
from kb.publishing.state import open_repository, read_state
from kb.publishing.store import Previews
from kb.redaction.redactor import redactor
from kb.reports.digest.jobs import Weekly
from kb.reports.pages import ReportSource
from kb.reports.prometheus import Gauge, Measuring, look
from kb.searches.activity import ActivityRecorder
from kb.searches.service import SearchService
from kb.tickets.journey import journey
from kb.tickets.model import Origin, Ticket
from kb.tickets.private_links import CHANNEL, LinkRequests
from kb.tickets.service import Desk
from kb.tracking.recorder import Recorder, Unrecorded
from kb.tracking.visitors import Visitors
from search.engine import Engine, EngineSettings
from search.errors import SearchError
from search.semantic.encoder import Encoder
from search.semantic.runtime import LightEncoder
from search.types import Mode

log = logging.getLogger(__name__)

MOST_OPEN = 4  # branches that a process holds open; the least recently used is dropped
# The paths of pages that emails point to; kb.web serves them.
LINKS = {
    "ticket_path": "/t/{token}",
    "own_path": "/my/tickets/{number}",
    "article_path": "/articles/{slug}",
    "offer_path": "/offers/{offer_id}",
    "subscription_path": "/subscriptions/{token}",
    "reset_path": password_resets.PATH,
    "forgotten_path": "/forgot-password",
    "lost_path": "/tickets/link",
}


class Branches:
    """The services for the MOST_OPEN branches that were viewed last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Services] = OrderedDict()

    def get(self, preview_id: str, make: Callable[[], Services]) -> Services:
        """Return the services held for a preview; where there are none, make them."""
        with self._lock:
            if preview_id not in self._held:
                self._held[preview_id] = make()
            self._held.move_to_end(preview_id)
            while len(self._held) > MOST_OPEN:
                self._held.popitem(last=False)
            return self._held[preview_id]


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the product. Safe to share between threads."""

    settings: Settings
    secret_key: str
    db: Database
    model: Model
    engine: Engine
    library: Callable[[], Library]
    visitors: Visitors
    limits: RateLimits
    accounts: Accounts
    entrance: SignIn
    resets: Resets
    recorder: Recorder
    asker: SearchService
    record: ActivityRecorder
    solved: SolvedQueries
    grouping: Grouping
    diagnosing: Diagnosing
    histories: Histories
    subscriptions: Subscriptions
    replaying: Replay
    desk: Desk
    channels: Mapping[str, Connector]
    measuring: Measuring
    previews: Previews
    branches: Branches
    proxied: Proxied

    def trail(self, visitor: str, search_id: str | None, now: datetime) -> dict[str, Any]:
        """Return what the visitor tried before a ticket, as JSON-able data."""
        gap = self.settings.episode_gap
        return journey(self.recorder, visitor, search_id, now=now, library=self.library, gap=gap)

    def of_branch(self, preview_id: str) -> Services:
        """Return the services of a site that shows a branch and records nothing of its visitors."""
        return self.branches.get(preview_id, lambda: _for_branch(self, preview_id))

    def costs(self) -> dict[int, TierCost]:
        """Return what a ticket costs at each tier, by level."""
        tiers = self.settings.tiers
        return {tier.level: TierCost(tier.level, tier.name, tier.cost) for tier in tiers}

    def report_source(self) -> ReportSource:
        """Return what the pages of the report are made from."""
        settings = self.settings
        return ReportSource(self.db, settings.k_anonymity, settings.retention, self.costs())

    def matching(self) -> Matching:
        """Return what matches tickets of other systems with people."""
        return Matching(self.db, self.accounts, self.visitors)

    def gauges(self, now: datetime) -> tuple[Gauge, ...]:
        """Return the figures for a monitoring system."""
        files = (self.settings.generations, self.library, self.recorder.spool)
        return self.measuring.gauges(now, lambda: look(*files, self.readiness(now)))

    def weekly(self) -> Weekly:
        """Return what makes and sends the weekly digest."""
        return Weekly.of(self.settings, self.db, self.accounts, self.library, self.costs())

    def readiness(self, now: datetime) -> tuple[ReadinessCheck, ...]:
        """Return what works and what does not, for operators, in words that anybody may read."""
        database = self._database_check()
        return (
            self._index_check(),
            self._model_check(),
            database,
            self._publishing_check(),
            self._files_check(),
            self._proxies_check(),
            worker_check(self.settings.data, self.settings.worker_interval),
            disk_check(self.settings.data),
            mail_check(self.db if database.ok else None, self.settings, now),
        )

    def _index_check(self) -> ReadinessCheck:
        try:
            live: Library = self.library()
        except (SearchError, ProductError) as problem:
            return ReadinessCheck("index", ok=False, vital=True, detail=str(problem))
        detail = f"{len(live.articles)} articles at {shortened(live.commit)}"
        return ReadinessCheck("index", ok=True, vital=True, detail=detail)

    def _model_check(self) -> ReadinessCheck:
        alone = ""
        try:
            status = self.engine.status()
            reason, alone = status.degraded, status.one_language
        except SearchError as problem:
            reason = str(problem)
        if not self.settings.semantic:
            reason = "switched off by the setting semantic"
        detail = "searches by meaning" + (f", in English. {alone}" if alone else "")
        return ReadinessCheck("model", ok=not reason, vital=False, detail=reason or detail)

    def _files_check(self) -> ReadinessCheck:
        """Return whether the files of index and model are whole, or which are rebuilt, and why."""
        wrong = repairs(self.settings.data)
        with suppress(SearchError):
            wrong = {"index": self.engine.damaged()} | wrong
        told = [f"the {name} is being rebuilt: {why}" for name, why in wrong.items() if why]
        return ReadinessCheck("files", ok=not told, vital=False, detail="; ".join(told) or "whole")

    def _publishing_check(self) -> ReadinessCheck:
        standing = read_state(self.settings.data)
        wrong = standing.wrong
        usual = "rolled back" if standing.pin else "follows the articles"
        return ReadinessCheck("publishing", ok=not wrong, vital=False, detail=wrong or usual)

    def _proxies_check(self) -> ReadinessCheck:
        wrong = self.proxied.trouble()
        return ReadinessCheck(
            "proxies", ok=not wrong, vital=False, detail=wrong or "as they are declared"
        )

    def _database_check(self) -> ReadinessCheck:
        try:
            self.db.ping()
        except StoreError as problem:
            log.warning("%s", problem.message)  # the driver's words are for the log alone
            return ReadinessCheck("database", ok=False, vital=False, detail="does not answer")
        return ReadinessCheck("database", ok=True, vital=False, detail=self.db.dialect)


def _may_be_told(library: LiveLibrary, slug: str, known: bool) -> bool:
    """Return whether an email may name the article to somebody with (`known`) or without an
    account.
    """
    reader = Viewer("", Role.READER if known else Role.ANONYMOUS)
    return readable(library(), slug, reader) is not None


def build(settings: Settings, *, pages: bool = False) -> Services:
    """Return the services for these settings: for a process that answers `pages`, or for one that
    works in the background and may wait. Raise ProductError when a part cannot be made.
    """
    keep_private(settings.data)
    db = Database(settings.database, **_patience(settings) if pages else {})
    secret_key = settings.secret_key or kept_secret(settings.data / "secret.key")
    model = Model(settings)
    engine = _engine(settings, settings.generations, model.load, model.load_other)
    library = LiveLibrary(engine)
    recorder = Recorder(db, settings.data / "spool")
    redact = redactor(settings.redact_patterns)
    record = ActivityRecorder(recorder, library, redact=redact)
    accounts = Accounts(db)
    tell = ticket_recorder(record, accounts)
    links = Links(settings.site_url, **LINKS, tells=partial(_may_be_told, library))
    desk = Desk(db, settings, record=tell, links=links, secret=secret_key)
    histories = Histories(partial(open_repository, settings))
    subscriptions = Subscriptions(
        db,
        secret=secret_key,
        letters=AnswerEmails(links, settings.site_name),
        accounts=accounts,
        library=library,
    )
    return Services(
        settings=settings,
        secret_key=secret_key,
        db=db,
        model=model,
        engine=engine,
        library=library,
        visitors=Visitors(db, secret_key),
        limits=RateLimits(db),
        accounts=accounts,
        entrance=SignIn(accounts, Guesses(db), secret_key, settings.sign_in_rate),
        resets=Resets(db, PasswordEmails(links, settings.site_name) if settings.mail_url else None),
        recorder=recorder,
        asker=SearchService(engine, library, recorder, redact=redact),
        record=record,
        solved=SolvedQueries(settings.solved_queries),
        grouping=Grouping(db, model.if_wanted, k=settings.k_anonymity),
        diagnosing=Diagnosing(
            db,
            settings.generations,
            library,
            model.if_wanted,
            root=settings.data / "beyond",
            k=settings.k_anonymity,
            episode_gap=settings.episode_gap,
        ),
        histories=histories,
        subscriptions=subscriptions,
        replaying=Replay(db, settings, histories, subscriptions),
        desk=desk,
        channels={**connectors(settings), CHANNEL: LinkRequests(desk)},
        measuring=Measuring(db, [tier.level for tier in settings.tiers], settings.k_anonymity),
        previews=Previews(db, secret_key),
        branches=Branches(),
        proxied=Proxied(),
    )


def _patience(settings: Settings) -> dict[str, Any]:
    """Return how long pages wait for a lock, and how many threads of a process may at a time."""
    return {"wait_s": PAGE_WAIT_S, "crowd": max(1, settings.threads // 2)}


def _for_branch(parts: Services, preview_id: str) -> Services:
    root = root_of(parts.settings, preview_id)
    engine = _engine(parts.settings, root, parts.model.shared, parts.model.shared_other)
    library = LiveLibrary(engine)
    recorder = Unrecorded(parts.db, parts.settings.data / "spool")
    return replace(
        parts,
        engine=engine,
        library=library,
        recorder=recorder,
        asker=SearchService(engine, library, recorder),
        record=ActivityRecorder(recorder, library),
    )


def open_engine(settings: Settings) -> Engine:
    """Return the search engine over the published generations."""
    model = Model(settings)
    return _engine(settings, settings.generations, model.load, model.load_other)


def _engine(
    settings: Settings, root: Path, load: Callable[[], Encoder], load_other: Callable[[], Encoder]
) -> Engine:
    mode = Mode.HYBRID if settings.semantic else Mode.KEYWORD
    return Engine(
        root,
        encoder_loader=load if settings.semantic else None,
        other_loader=load_other if settings.semantic else None,
        settings=EngineSettings(mode=mode),
    )


class Model:
    """The model of this process, shared by the engines of the live site and of previews."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: LightEncoder | None = None
        self._other: LightEncoder | None = None

    def load(self) -> LightEncoder:
        """Return the model, loaded anew; raise SearchError when it is missing or damaged."""
        self._loaded = open_main_encoder(self._settings)
        self._loaded.other = self._other
        return self._loaded

    def load_other(self) -> LightEncoder:
        """Return the model for other languages than English, as `load` does."""
        self._other = open_multilingual_encoder(self._settings)
        if self._loaded is not None:
            self._loaded.other = self._other
        return self._other

    def shared(self) -> Encoder:
        """Return the model as it was loaded last, or load it."""
        return self._loaded or self.load()

    def shared_other(self) -> Encoder:
        """Return the model for other languages as it was loaded last, or load it."""
        return self._other or self.load_other()

    def if_wanted(self) -> Encoder | None:
        """Return the shared model, None where the site searches by words alone."""
        return self.shared() if self._settings.semantic else None


def ticket_recorder(record: ActivityRecorder, accounts: Accounts) -> Any:
    """Return a callback for the desk that records a new ticket in the event log."""

    def tell(ticket: Ticket) -> None:
        if ticket.origin is Origin.DEMAND:  # opened for several people: nobody's outcome
            return
        person = Viewer(
            visitor=ticket.visitor,
            user_id=ticket.requester.user_id,
            left_out=_left_out(accounts, ticket.requester.user_id),
        )
        record.ticket_created(
            person,
            ticket.number,
            ticket.origin,
            now=ticket.created_at,
            search_id=ticket.search_id,
        )

    return tell


def _left_out(accounts: Accounts, user_id: str) -> str:
    try:
        role = accounts.by_id(user_id).role if user_id else None
    except NotFound:
        role = None
    return "staff" if role in STAFF_ROLES else ""
