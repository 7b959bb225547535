"""The episodes behind a figure: which ones it counts, shown page by page.

The rows add up to the figure's numerator and denominator, except where the figure counts a person
once and the rows show each of the person's episodes. Rows have no words and no pseudonyms, and
times only by the hour: a reader who knows when somebody was there cannot find that person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kb.analytics.daily_counts import stage_of
from kb.analytics.model import EpisodeRow, Failure, Outcome
from kb.analytics.report import DateRange
from kb.analytics.report_store import episodes_after, started_at
from kb.database import Connection
from kb.errors import InvalidInput
from kb.reports.pages import ReportSource
from kb.table import Column, ColumnKind, Table, table_from

# -- Which episodes a figure counts --


# episode -> (how often it counts in the denominator, in the numerator)
Count = Callable[[EpisodeRow], tuple[int, int]]
_OF_PEOPLE = "A person counts once, by their first episode; here each episode is a row."


@dataclass(frozen=True, slots=True)
class EpisodeCount:
    """How a figure counts an episode; `unlike` says why rows do not add up, "" if they do."""

    count: Count
    unlike: str = ""


def _closed(holds: Callable[[EpisodeRow], bool]) -> EpisodeCount:
    return EpisodeCount(lambda row: (int(row.closed), int(row.closed and holds(row))))


def _is(*outcomes: Outcome) -> Callable[[EpisodeRow], bool]:
    return lambda row: row.outcome in outcomes


def _silent(heard: tuple[str, ...], counted: tuple[str, ...]) -> EpisodeCount:
    def count(row: EpisodeRow) -> tuple[int, int]:
        said = str(row.data.get("survey", ""))
        of = row.closed and row.outcome is Outcome.POTENTIAL and said in heard
        return int(of), int(of and said in counted)

    return EpisodeCount(count)


def _of_searches(counted: Callable[[EpisodeRow], int]) -> EpisodeCount:
    def count(row: EpisodeRow) -> tuple[int, int]:
        return (int(row.data.get("searches", 0)), counted(row)) if row.ended else (0, 0)

    return EpisodeCount(count)


def _failed(failure: Failure | None) -> Callable[[EpisodeRow], int]:
    def count(row: EpisodeRow) -> int:
        asked = row.data.get("asked", ())
        return sum(
            number for *_, why, number in asked if (why == failure if failure else bool(why))
        )

    return count


def _of_places(counted: Callable[[int], bool]) -> EpisodeCount:
    def count(row: EpisodeRow) -> tuple[int, int]:
        places = [place for place in row.data.get("ranks", ()) if place and row.ended]
        return len(places), sum(map(counted, places))

    return EpisodeCount(count)


def _came(*stages: str) -> EpisodeCount:
    def count(row: EpisodeRow) -> tuple[int, int]:
        reached = stage_of(row.data) if row.closed else ""
        return int(bool(reached)), int(reached in stages)

    return EpisodeCount(count)


def _drawn(arms: tuple[str, ...], why: str = _OF_PEOPLE) -> EpisodeCount:
    def count(row: EpisodeRow) -> tuple[int, int]:
        of = row.closed and row.data.get("arm") in arms
        return int(of), int(of and row.outcome is Outcome.TICKETED)

    return EpisodeCount(count, why)


def _of_people() -> EpisodeCount:
    own = _closed(_is(Outcome.TICKETED))
    return replace(own, unlike="A person counts once; here each closed episode is a row.")


def _each(row: EpisodeRow) -> tuple[int, int]:
    del row
    return 1, 1


_BOTH = ("shown", "held_out")
_ASKED, _ANSWERED = ("shown", "yes", "no"), ("yes", "no")
COUNTS: Mapping[str, EpisodeCount] = {
    "episodes": EpisodeCount(_each),
    "open": EpisodeCount(lambda row: (1, int(not row.closed))),
    "ticketed": _closed(_is(Outcome.TICKETED)),
    "confirmed": _closed(_is(Outcome.CONFIRMED)),
    "potential": _closed(_is(Outcome.POTENTIAL)),
    "abandoned": _closed(_is(Outcome.ABANDONED)),
    "unresolved": EpisodeCount(lambda row: (int(row.ended), int(row.ended and row.unresolved))),
    "deflection_lower": _closed(_is(Outcome.CONFIRMED)),
    "deflection_upper": _closed(_is(Outcome.CONFIRMED, Outcome.POTENTIAL)),
    "deflection_estimate": replace(
        _silent(_ANSWERED, ("yes",)), unlike="The rows are the answers that the estimate rests on."
    ),
    "silent_success": replace(
        _silent(_ANSWERED, ("yes",)), unlike="One yes and one no are added to what the rows say."
    ),
    "silent_worst": _silent(_ASKED, ("yes",)),
    "survey_response": _silent(_ASKED, _ANSWERED),
    "tickets_shown": _drawn(("shown",)),
    "tickets_held_out": _drawn(("held_out",)),
    "effect": _drawn(_BOTH),
    "tickets_avoided": _drawn(_BOTH),
    "money_saved": _drawn(_BOTH),
    "rival_silent": _closed(_is(Outcome.CONFIRMED, Outcome.POTENTIAL)),
    "rival_cost": _closed(_is(Outcome.CONFIRMED, Outcome.POTENTIAL)),
    "rival_ratio": _of_people(),
    "rival_no_ticket": _of_people(),
    "rival_click": EpisodeCount(
        lambda row: (
            (int(row.data.get("searches", 0)), int(row.data.get("clicked", 0)))
            if row.closed
            else (0, 0)
        )
    ),
    "searches": _of_searches(lambda row: int(row.data.get("searches", 0))),
    "failed_share": _of_searches(_failed(None)),
    **{failure.key: _of_searches(_failed(failure)) for failure in Failure},
    "clicked": _of_searches(lambda row: len(row.data.get("ranks", ()))),
    "clicked_top": _of_places(lambda place: place == 1),
    "clicked_near_top": _of_places(lambda place: place <= 3),
    "reworded": _of_searches(lambda row: int(row.data.get("reworded", 0))),
    "funnel_searched": _came("searched", "opened", "read"),
    "funnel_opened": _came("opened", "read"),
    "funnel_read": _came("read"),
}
_FORM = {"reached_form": True, "no_form": False}
_HOURS = {"wait_1h": 1, "wait_24h": 24, "wait_168h": 168}


def count_of(key: str) -> EpisodeCount | None:
    """Return how the figure `key` counts episodes, None if it does not count episodes.

    A key with a colon is the figure of a group of episodes: "reached_form:deflection_lower".
    """
    group, _, figure = key.rpartition(":")
    found = COUNTS.get(figure)
    if found is None or not group:
        return found
    if group in _FORM:
        return _among(found, lambda row: bool(row.data.get("form")) is _FORM[group])
    return _waited(found, _HOURS[group]) if group in _HOURS else None


def _among(found: EpisodeCount, mine: Callable[[EpisodeRow], bool]) -> EpisodeCount:
    return replace(found, count=lambda row: found.count(row) if mine(row) else (0, 0))


def _waited(found: EpisodeCount, hours: int) -> EpisodeCount:
    def count(row: EpisodeRow) -> tuple[int, int]:
        if not row.closed or "otherwise" not in row.data:
            return 0, 0
        after = row.data.get("ticket_after")
        late = after is None or after > timedelta(hours=hours).total_seconds()
        outcome = Outcome(row.data["otherwise"]) if late else Outcome.TICKETED
        return found.count(replace(row, outcome=outcome))

    why = "Episodes of days that ended less than 7 days ago are here and not in the figure."
    return replace(found, count=count, unlike=found.unlike or why)


# -- Pages of rows --


SHOWN = 50  # rows on one page
READ = 2_000  # episodes read in one query
MOST_READ = 40_000  # most episodes read for one page, when few of them count
_ARMS = {"shown": "see suggestions", "held_out": "see none"}
_HEARD = {"shown": "asked", "yes": "yes", "no": "no"}


@dataclass(frozen=True, slots=True)
class _Counted:
    """An episode as a row, and how often it counts in the denominator and in the numerator."""

    row: EpisodeRow
    of: int
    counted: int

    @property
    def hour(self) -> str:
        """Return the hour in which it started, "" if that is not known."""
        at = self.row.started_at
        return at.replace(minute=0).isoformat(timespec="minutes") if at else ""

    @property
    def opened(self) -> str:
        """Return the articles that were opened, by name."""
        articles = self.row.data.get("articles", {})
        return ", ".join(sorted(slug for slug, marks in articles.items() if marks["opened"]))

    def said(self, name: str) -> str:
        """Return a word that is kept with the episode, "" for none."""
        return str(self.row.data.get(name, ""))


COLUMNS = (
    Column(
        "started_at", "Started in the hour from", ColumnKind.MOMENT, cell=lambda found: found.hour
    ),
    Column(
        "outcome",
        "Outcome",
        cell=lambda found: found.row.outcome.value if found.row.closed else "open",
    ),
    Column(
        "searches",
        "Searches",
        ColumnKind.COUNT,
        definition="searches",
        cell=lambda found: int(found.row.data.get("searches", 0)),
    ),
    Column(
        "failed",
        "Failed",
        ColumnKind.COUNT,
        definition="failed_share",
        cell=lambda found: _failed(None)(found.row),
    ),
    Column("articles", "Articles opened", ColumnKind.NOTE, cell=lambda found: found.opened),
    Column(
        "form", "Ticket form", cell=lambda found: "opened" if found.row.data.get("form") else ""
    ),
    Column(
        "arm",
        "Drawn by lot to",
        definition="effect",
        cell=lambda found: _ARMS.get(found.said("arm"), ""),
    ),
    Column(
        "survey",
        "Survey",
        definition="survey_response",
        cell=lambda found: _HEARD.get(found.said("survey"), ""),
    ),
    Column("of", "Of", ColumnKind.COUNT, cell=lambda found: found.of),
    Column("counted", "Count", ColumnKind.COUNT, cell=lambda found: found.counted),
)


@dataclass(frozen=True, slots=True)
class EpisodeRows:
    """One page of rows; `after` is the episode id to continue from, "" on the last page."""

    table: Table
    after: str


def rows(source: ReportSource, span: DateRange, found: EpisodeCount, after: str) -> EpisodeRows:
    """Return the next page of rows that the figure counts; `after` is "" for the first page."""
    read, ended = 0, False
    told: list[_Counted] = []
    with source.db.read() as connection:
        place = _place(connection, after, span)
        while len(told) < SHOWN and read < MOST_READ and not ended:
            some = episodes_after(connection, span.start, span.end, place=place, most=READ)
            ended, read = len(some) < READ, read + len(some)
            for row in some:
                if row.started_at is not None:
                    place = (row.started_at, row.id)
                of, counted = found.count(row)
                if of or counted:
                    told.append(_Counted(row, of, counted))
                if len(told) == SHOWN:
                    ended = ended and row is some[-1]
                    break
    table = table_from("rows", "The episodes behind it, in order of start", COLUMNS, told)
    return EpisodeRows(table, "" if ended else place[1])


def _place(connection: Connection, after: str, span: DateRange) -> tuple[datetime, str]:
    if not after:
        return span.start - timedelta(microseconds=1), ""
    started = started_at(connection, after)
    if started is None:  # no such episode, or it got another id when judged again
        raise InvalidInput("This is no place in the rows.", "Begin at the first page.")
    return started, after
