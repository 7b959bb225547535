"""For Prometheus: the site's gauges and counters as text.

Promises the text exposition format (or OpenMetrics, where that is asked for) to who may read
reports, and 503 while the record is away. Knows no figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask import Blueprint, Response, current_app, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from kb.accounts.roles import Permission
from kb.reports.processes import processes
from kb.reports.prometheus import Gauge
from kb.web.counting import Counting
from kb.web.guard import live_services, needs, now

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
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
    """Gauges as the library takes them; what only grows, by its name, as a counter."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """Give each gauge once."""
        for gauge in self._gauges:
            names = list(gauge.samples[0].labels) if gauge.samples else []
            kind = CounterMetricFamily if gauge.name.endswith("_total") else GaugeMetricFamily
            family = kind(gauge.name, gauge.help, labels=names)
            for sample in gauge.samples:
                family.add_metric([sample.labels[name] for name in names], sample.value)
            yield family
