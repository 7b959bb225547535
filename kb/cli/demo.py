"""`kb demo`: a made-up quarter in a folder of its own.

A folder that is, holds or lies in the site's own data is refused, and so is any other that is
neither empty nor a demonstration; nothing of the site's own data is touched. Clearing a
demonstration removes what one is made of and nothing else. An interruption leaves a folder that is
marked as a demonstration and is filled anew the next time. Progress goes to standard error.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.config import demo_marker
from kb.config.settings import Settings, load
from kb.errors import NotAllowed
from kb.progress import ProgressBar

if TYPE_CHECKING:
    from kb.config.demo_marker import DemoMark
    from kb.demo.simulation import Simulation


# -- Where a demonstration may be put --


SIGN_IN = "sign-in.txt"
# All that filling and serving a demonstration leave; the model is kept, as it is slow to prepare.
MADE = (
    "articles", "beyond", "index", "previews", "repositories", "spool", "tierzero.db",
    "tierzero.db-shm", "tierzero.db-wal", "secret.key", "solved-queries.json", "publishing.json",
    "publishing.lock", "publish-now", "preview",
    SIGN_IN,
)  # fmt: skip # a list, several to a line


def usual_place(settings: Settings) -> Path:
    """Return the folder beside the site's data, the folder itself where it is a demonstration."""
    data = settings.data if settings.data.name.strip(".") else settings.data.resolve()
    return data if settings.demonstration else data.with_name(f"{data.name}-demo")


def check_place(settings: Settings, place: Path, *, again: bool) -> None:
    """Raise NotAllowed, saying what to do, unless a demonstration may be made at `place`."""
    if settings.database_url:
        raise NotAllowed(
            "The setting database_url names a database server; a demonstration has a database of "
            "its own in its folder.",
            "Run it without that setting: KB_DATABASE_URL= kb demo",
        )
    here, data = place.resolve(), settings.data.resolve()
    if not settings.demonstration and (
        here == data or data in here.parents or here in data.parents
    ):
        raise NotAllowed(
            f"{place} is, holds or lies in the site's own data folder {settings.data}.",
            "Name another folder: kb demo --folder path/to/demo",
        )
    _check_free(place, again=again)


def _check_free(place: Path, *, again: bool) -> None:
    if place.exists() and not place.is_dir():
        raise NotAllowed(f"{place} is a file.", "Name a folder: kb demo --folder path/to/demo")
    if demo_marker.is_demonstration(place):
        made = demo_marker.read(place)
        if made is not None and made.whole and not again:
            raise NotAllowed(
                f"{place} holds a demonstration, made on {made.made[:10]}.",
                "Look at it, or replace it: kb demo --again",
            )
        return
    if place.is_dir() and any(place.iterdir()):
        raise NotAllowed(
            f"{place} is not empty and not a demonstration.",
            "Name a new folder: kb demo --folder path/to/demo",
        )


def clear(place: Path) -> None:
    """Remove what an earlier demonstration left; the mark stays until another replaces it."""
    for name in MADE:
        found = place / name
        if found.is_dir() and not found.is_symlink():
            shutil.rmtree(found)
        else:
            found.unlink(missing_ok=True)


def bring_model(settings: Settings, place: Path) -> None:
    """Copy the site's prepared model, where there is one: preparing it takes half a minute."""
    made, wanted = settings.data / "model", place / "model"
    if made.is_dir() and not wanted.exists():
        half = place / "model.part"
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(made, half)
        half.rename(wanted)


# -- The command --


SEED = 20261
READERS = 40
LEAD = "lead@example.org"


@click.command()
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where; usually beside the data folder."
)
@click.option("--days", default=90, show_default=True, type=click.IntRange(2, 120))
@click.option("--seed", default=SEED, show_default=True, help="Another number, another quarter.")
@click.option("--again", is_flag=True, help="Replace an earlier demonstration.")
@click.option("--serve", is_flag=True, help="Serve it when it is filled.")
@click.pass_context
def demo(
    ctx: click.Context, folder: Path | None, days: int, seed: int, again: bool, serve: bool
) -> None:
    """Fill a separate data folder with a made-up quarter, so that every report can be looked at.

    Every page of a site over that folder says that it is a demonstration. The site's own data is
    not touched.
    """
    settings = load()
    place = folder or usual_place(settings)
    check_place(settings, place, again=again)
    mark = demo_marker.DemoMark(datetime.now(UTC).isoformat(timespec="seconds"), seed, days)
    demo_marker.write(place, mark)
    clear(place)
    bring_model(settings, place)
    password = secrets.token_urlsafe(12)
    click.echo(f"Filling {place} with a made-up quarter of {days} days.", err=True)
    try:
        with ProgressBar() as bar:
            _fill(place, mark, password, bar)
    except KeyboardInterrupt:
        click.echo(f"Interrupted; {place} is half full. `kb demo` fills it anew.", err=True)
        raise click.Abort from None
    _tell(place, password)
    if serve:
        from kb.cli.main import serve as serving

        os.environ["KB_DATA"] = str(place)
        ctx.invoke(serving)


def _fill(place: Path, mark: DemoMark, password: str, bar: ProgressBar) -> None:
    from kb.services import build

    settings = load(data=str(place))
    logging.getLogger("kb").setLevel(logging.WARNING)  # simulating a quarter logs much
    parts = build(settings)
    try:
        parts.db.migrate()
        filling = _filling(parts, mark, password)
        filling.begin(bar)
        filling.run(bar)
        outage, release = (day.date().isoformat() for day in filling.plan.special())
        demo_marker.write(place, replace(mark, outage=outage, release=release, whole=True))
    finally:
        parts.db.close()


def _filling(parts: Any, mark: DemoMark, password: str) -> Simulation:
    """Return the simulation that fills the folder, made of the services of its site."""
    from kb.demo.agenda import Agenda
    from kb.demo.articles import ArticleRepository
    from kb.demo.simulation import DemoParts, LastEvent, QuarterPlan, Searching, Simulation
    from kb.demo.staff import GapOwners, NoEmails, People, QuietDesk
    from kb.demo.tickets import Counter
    from kb.gaps.answers.service import Replay
    from kb.gaps.subscriptions.service import Subscriptions
    from kb.searches.service import SearchService
    from kb.services import ticket_recorder

    settings, db = parts.settings, parts.db
    plan = QuarterPlan(datetime.fromisoformat(mark.made), mark.days, mark.seed)
    people = People(parts.accounts, parts.visitors, plan.first, password)
    staff = people.staff()
    subscriptions = Subscriptions(
        db,
        secret=parts.secret_key,
        letters=NoEmails(),
        accounts=parts.accounts,
        library=parts.library,
    )
    kept, agenda = LastEvent(db, settings.data / "spool"), Agenda()
    return Simulation(
        DemoParts(
            settings=settings,
            db=db,
            shelf=ArticleRepository(settings),
            searching=Searching(SearchService(parts.engine, parts.library, kept), kept, plan.now),
            counter=Counter(
                desk=QuietDesk(db, settings, record=ticket_recorder(parts.record, parts.accounts)),
                agenda=agenda,
                agents=staff.agents,
                trail=lambda visitor, search, now: parts.trail(visitor, search, now),
                is_live=lambda slug: parts.library().get(slug) is not None,
                seed=mark.seed,
            ),
            agenda=agenda,
            keepers=GapOwners(db, settings.k_anonymity, staff.author),
            grouping=parts.grouping,
            diagnosing=parts.diagnosing,
            replaying=Replay(db, settings, parts.histories, subscriptions),
            subscriptions=subscriptions,
            matching=parts.matching(),
            readers=people.readers(READERS),
            staff=staff.looking,
        ),
        plan,
    )


def _tell(place: Path, password: str) -> None:
    """Say how to look at it; keep the password in a file beside it for later."""
    note = place / SIGN_IN
    note.touch(mode=0o600)
    note.write_text(f"{LEAD}\n{password}\n", encoding="utf-8")
    click.echo(f"Look at it with: KB_DATA={place} kb serve")
    click.echo(f"Reports: sign in as {LEAD} with the password {password} (kept in {note}).")
