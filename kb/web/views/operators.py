"""Pages for operators: health, metrics, and emails kept as files.

/healthz needs nothing but the process; /readyz names what does not work. /metrics answers in the
text exposition format (or OpenMetrics, where that is asked for) to those who may read reports, and
with 503 while the database is away. Emails are shown with every secret link hidden: an operator may
not act as the recipient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from kb.accounts.roles import Permission
from kb.connectors.files import FOLDER, masked, stored_email, stored_emails
from kb.reports.processes import processes
from kb.reports.prometheus import Gauge
from kb.web.guard import live_services, needs, now, services
from kb.web.request_log import Counting

# -- Health --


blueprint = Blueprint("operator", __name__)


@blueprint.get("/healthz")
@needs(Permission.READ)
def healthz() -> ResponseReturnValue:
    """Answer that the process is up."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@needs(Permission.READ)
def readyz() -> ResponseReturnValue:
    """What works and what does not; 503 when articles cannot be found."""
    checks = services().readiness(now())
    ready = all(check.ok or not check.vital for check in checks)
    body = {check.name: {"ok": check.ok, "detail": check.detail} for check in checks}
    return jsonify(status="ready" if ready else "not ready", checks=body), 200 if ready else 503


# -- Metrics for Prometheus --


metrics_blueprint = Blueprint("metrics", __name__)


@metrics_blueprint.get("/metrics")
@needs(Permission.READ_REPORTS)
def metrics() -> Response:
    """Every gauge, and what all web processes have counted."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gauges(live_services().gauges(now())))
    counting: Counting = current_app.extensions["counting"]
    registry.register(counting)
    registry.register(_Gauges(processes(counting.pids())))
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=content_type)


class _Gauges(Collector):
    """Gauges as the library takes them; those named _total, which only grow, as counters."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """Yield each gauge once."""
        for gauge in self._gauges:
            names = list(gauge.samples[0].labels) if gauge.samples else []
            kind = CounterMetricFamily if gauge.name.endswith("_total") else GaugeMetricFamily
            family = kind(gauge.name, gauge.help, labels=names)
            for sample in gauge.samples:
                family.add_metric([sample.labels[name] for name in names], sample.value)
            yield family


# -- Emails kept as files because no mail server is set --


stored_emails_blueprint = Blueprint("letters", __name__, url_prefix="/desk/mail")

MOST = 200  # of the newest on one page


@stored_emails_blueprint.get("/")
@needs(Permission.OPERATE)
def listing() -> str:
    """The emails, newest first."""
    found = stored_emails(_folder())
    return render_template(
        "desk/mail.html",
        letters=found[:MOST],
        more=max(0, len(found) - MOST),
        mailed=bool(live_services().settings.mail_url),
        masked=masked,
    )


@stored_emails_blueprint.get("/<letter>")
@needs(Permission.OPERATE)
def show(letter: str) -> ResponseReturnValue:
    """One email."""
    found = stored_email(_folder(), letter)
    if found is None:
        abort(404, "There is no such letter, or it was removed.")
    return render_template("desk/letter.html", letter=found, masked=masked)


def _folder() -> Path:
    return live_services().settings.data / FOLDER
