"""The same through the front door: `python -m benchmarks.deflection_site [--months 3]`.

For each month a site of its own, and simulated people who use it by HTTP alone: they search, read,
answer or not, open the ticket form, send or withdraw it, and write mails of which another system
tells by a signed call. The site draws who is asked and who is held out. Prints what its report
says beside what is true. An episode's silence and its wait for a ticket last seconds here.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import hmac
import html
import io
import json
import os
import random
import re
import signal
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from pathlib import Path

from benchmarks.site import Site, start
from kb.accounts.roles import Role
from kb.accounts.store import Accounts
from kb.database import Database

PASSWORD = "a long enough password"
SECRET = "k" * 40
GAP_S, WINDOW_S = 20, 25
WORDS = ("connect to the vpn", "reset a forgotten password", "clear a paper jam",
         "share a calendar", "set up email on a phone")  # fmt: skip
KINDS = {"spoken": 0.12, "silent_success": 0.25, "silent_failure": 0.15, "mail": 0.05,
         "form": 0.35, "gives_up": 0.08}  # fmt: skip
SUBMIT, RESCUED, ANSWERS, SHARED = 0.8, 0.5, 0.6, 0.04


class Browser:
    """One person's browser; without a cookie unless they sign in."""

    def __init__(self, site: Site, agent: str) -> None:
        self._site = site
        self._agent = agent
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> str:
        """Return a page."""
        return self._ask(urllib.request.Request(self._site.url + path))

    def post(self, path: str, **form: str) -> str:
        """Send a form and return the page that it leads to."""
        data = urllib.parse.urlencode(form).encode()
        return self._ask(urllib.request.Request(self._site.url + path, data=data))

    def _ask(self, request: urllib.request.Request) -> str:
        request.add_header("User-Agent", self._agent)
        request.add_header("Sec-Fetch-Site", "same-origin")
        with self._opener.open(request, timeout=120) as answer:
            return str(answer.read().decode())

    def sign_in(self, email: str) -> None:
        """Sign in."""
        self.post("/sign-in", email=email, password=PASSWORD)


@dataclass
class Town:
    """The people of one month."""

    site: Site
    seed: int
    people: int = 0
    succeeded: int = 0
    mails: list[dict[str, str]] = field(default_factory=list)

    def lives(self, number: int) -> bool:
        """Simulate one person; return whether they found what they needed without a ticket."""
        chance = random.Random(f"{self.seed}-{number}")
        # Some cannot be told from the person before: same address, same kind of browser.
        alike = number - 1 if chance.random() < SHARED and number else number
        browser = Browser(self.site, f"Mozilla/5.0 (X11; Linux x86_64) Firefox/{100 + alike}.0")
        [kind] = chance.choices(list(KINDS), list(KINDS.values()))
        return bool(getattr(self, f"_{kind}")(browser, chance, number))

    def _spoken(self, browser: Browser, chance: random.Random, _: int) -> bool:
        slug, search, _page = self._reads(browser, chance)
        if chance.random() < 0.5:
            browser.post(f"/articles/{slug}/solved", search=search)
        else:
            browser.post(f"/articles/{slug}/vote", search=search, helpful="yes")
        return True

    def _silent_success(self, browser: Browser, chance: random.Random, _: int) -> bool:
        return self._silent(browser, chance, True)

    def _silent_failure(self, browser: Browser, chance: random.Random, _: int) -> bool:
        return self._silent(browser, chance, False)

    def _mail(self, browser: Browser, chance: random.Random, number: int) -> bool:
        email = f"reader{number % 10}@example.org"
        if chance.random() < 0.5:
            browser.sign_in(email)
        else:
            email = f"unknown{number}@example.org"
        self._silent(browser, chance, False)
        at = datetime.now(UTC).isoformat()
        self.mails.append({"id": str(number), "time": at, "email": email})
        return False

    def _form(self, browser: Browser, chance: random.Random, number: int) -> bool:
        words = f"{chance.choice(WORDS)} {number}"
        page = browser.get("/search?" + urllib.parse.urlencode({"q": words}))
        link = re.search(r'href="(/tickets/new\?[^"]+)"', page)
        page = browser.get(html.unescape(link[1]) if link else "/tickets/new")
        form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
        shown = "data-form-suggest" in page
        if chance.random() >= SUBMIT:
            return False
        if shown and chance.random() < RESCUED:
            if chance.random() < 0.4:
                browser.post("/tickets/withdrawn", search=form.get("search", ""))
                return True
            return self._silent(browser, chance, True)
        email = f"unknown{number}@example.org"
        browser.post("/tickets", **form | {"subject": words, "email": email})
        return False

    def _gives_up(self, browser: Browser, _: random.Random, number: int) -> bool:
        browser.get(f"/search?q=nothing+of+the+kind+{number}")
        return False

    def _silent(self, browser: Browser, chance: random.Random, succeeded: bool) -> bool:
        slug, search, page = self._reads(browser, chance)
        if f"/articles/{slug}/found" in page and chance.random() < ANSWERS:
            said = "yes" if succeeded else "no"
            browser.post(f"/articles/{slug}/found", search=search, found=said)
        return succeeded

    def _reads(self, browser: Browser, chance: random.Random) -> tuple[str, str, str]:
        """Search and read one result; return its slug, the search's id and the page."""
        words = urllib.parse.urlencode({"q": chance.choice(WORDS)})
        found = re.search(r'href="(/articles/([^"?]+)\?[^"]*)"', browser.get(f"/search?{words}"))
        assert found, "a search of the benchmark found nothing"
        page = browser.get(html.unescape(found[1]))
        search = re.search(r'data-search-id="(\w*)"', page)
        told = search[1] if search else ""
        browser.post("/dwell", article=found[2], search=told, seconds="40")
        return found[2], told, page

    def noise(self, number: int) -> None:
        """Simulate a bot or a member of staff who reads."""
        if number % 2:
            browser = Browser(self.site, "Googlebot/2.1")
        else:
            browser = Browser(self.site, "Mozilla/5.0 (X11; Linux x86_64) Firefox/1.0")
            browser.sign_in("author@example.org")
        self._reads(browser, random.Random(number))

    def tell_of_mails(self) -> None:
        """Report the emails through the hook, as another service desk does."""
        body = json.dumps(self.mails).encode()
        proof = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        request = urllib.request.Request(f"{self.site.url}/hooks/tickets?source=mail", data=body)
        request.add_header("X-Hub-Signature-256", f"sha256={proof}")
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request, timeout=120).close()


def table(lead: Browser, name: str) -> dict[str, dict[str, str]]:
    """Return a table of the report as figure -> value."""
    lines = csv.DictReader(io.StringIO(lead.get(f"/reports/{name}.csv"), newline=""))
    return {line["figure"]: line for line in lines}


def one_month(seed: int, people: int) -> bool:
    """Simulate one month and print the truth and the report; return whether the report's intervals
    contain it.
    """
    with tempfile.TemporaryDirectory() as folder:
        site, _ = start(
            Path(folder), KB_SEMANTIC="off", KB_EPISODE_GAP=f"{GAP_S}s",
            KB_OUTCOME_WINDOW=f"{WINDOW_S}s", KB_WORKER_INTERVAL="2s", KB_HOLDOUT_SHARE="50",
            KB_SURVEY_SHARE="100", KB_WEBHOOK_SECRET=SECRET, KB_SIGN_IN_RATE="100000",
            KB_UNRESOLVED_POLICY="off", KB_DEMAND_THRESHOLD="0",
        )  # fmt: skip
        try:
            return _month(site, Path(folder), seed, people)
        finally:
            os.killpg(site.process.pid, signal.SIGTERM)
            site.process.wait(timeout=60)


def _month(site: Site, data: Path, seed: int, people: int) -> bool:
    accounts = Accounts(Database(f"sqlite:///{data / 'tierzero.db'}"))
    roles = {"author": Role.AUTHOR, "lead": Role.LEAD}
    roles |= {f"reader{n}": Role.READER for n in range(10)}
    for name, role in roles.items():
        email = f"{name}@example.org"
        accounts.add(email, PASSWORD, name=name, role=role, now=datetime.now(UTC))
    town = Town(site, seed)
    with ThreadPoolExecutor(4) as pool:
        lives = list(pool.map(town.lives, range(people)))
        list(pool.map(town.noise, range(20)))
    town.tell_of_mails()
    time.sleep(WINDOW_S + 6)
    lead = Browser(site, "Mozilla/5.0 (X11; Linux x86_64) Firefox/2.0")
    lead.sign_in("lead@example.org")
    return told(lead, sum(lives) / people, people)


def told(lead: Browser, truth: float, people: int) -> bool:
    """Print the report beside the truth; return whether bounds and intervals contain it."""
    said, held, others = (table(lead, name) for name in ("deflection", "holdout", "formulas"))
    lower, upper = (float(said[f"Deflection, {end} bound"]["value"]) for end in ("lower", "upper"))
    estimate = said["Deflection, estimate"]
    effect = held["Tickets that suggestions avoid, in 100 people"]
    print(f"{people} people; true deflection {truth:.3f}, true effect {SUBMIT * RESCUED:.2f}")
    print(f"  bounds {lower:.3f} to {upper:.3f}; estimate {_shown(estimate)}")
    print(f"  effect of suggestions {_shown(effect)}, n {effect['n']}")
    shares = {name: line["value"] for name, line in others.items() if line["unit"] == "share"}
    print("  others: " + ", ".join(f"{name} {value}" for name, value in shares.items()), flush=True)
    within = [lower <= truth <= upper, _holds(estimate, truth), _holds(effect, SUBMIT * RESCUED)]
    return all(within)


def _shown(line: dict[str, str]) -> str:
    return f"{line['value']} ({line['low95']} to {line['high95']}) {line['why_no_value']}".strip()


def _holds(line: dict[str, str], truth: float) -> bool:
    return bool(line["low95"]) and float(line["low95"]) <= truth <= float(line["high95"])


def main() -> int:
    """Simulate the months; return 0 whatever the result, since one in 20 may miss by chance."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--months", type=int, default=3)
    parser.add_argument("--people", type=int, default=300)
    given = parser.parse_args()
    held = [one_month(seed, given.people) for seed in range(1, given.months + 1)]
    print(f"bounds, estimate and effect all hold the truth: {sum(held)} of {given.months} months")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
