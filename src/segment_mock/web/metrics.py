"""``GET /_mock/metrics``: counters and gauges for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from flask import Response, current_app
from werkzeug.exceptions import NotImplemented as NotInstalled

from ..emulator import Emulator
from ..tally import BUCKETS, CallTally
from .views import TEXT, Views

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

views = Views()
_INSTALL = "Metrics need prometheus-client: pip install 'segment-mock[metrics]'."


class Metrics:
    """Counters of one mock, from the first request for its metrics on. A reset of the mock does not change them.

    Calls that are in the journal at that time are counted too. If the state lasts, all calls since the store was
    created are counted.
    """

    def __init__(self, core: Emulator) -> None:
        from prometheus_client import CollectorRegistry, ProcessCollector

        self.registry = CollectorRegistry()
        self.registry.register(_Calls(core.tally or _tally_of(core)))
        self.registry.register(_Gauges(core))
        ProcessCollector(registry=self.registry)  # memory, CPU and files of the process, on Linux


def _tally_of(core: Emulator) -> CallTally:
    """Return a tally of the calls in the journal, to which later calls are added."""
    tally = CallTally()
    for entry in core.journal:
        if entry.end is not None:
            tally.count(entry)
    core.journal.subscribe(tally.count)
    return tally


class _Calls:
    """The counts of a tally."""

    def __init__(self, tally: CallTally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily

        tally, names = self._tally.as_dict(), ("vendor", "operation", "status", "outcome")
        calls = CounterMetricFamily("segment_mock_calls", "Calls that are over.", labels=names)
        for labels, count in tally["calls"]:
            calls.add_metric(labels, count)
        yield calls
        faults = CounterMetricFamily("segment_mock_faults", "Calls that a fault struck.", labels=("kind", "operation"))
        for labels, count in tally["faults"]:
            faults.add_metric(labels, count)
        yield faults
        durations = HistogramMetricFamily(
            "segment_mock_call_duration_seconds", "Duration of calls by the mock's clock.", labels=("operation",)
        )
        for operation, classes in tally["durations"].items():
            bounds = ["+Inf" if bound == BUCKETS[-1] else str(bound) for bound in BUCKETS]
            buckets = [*zip(bounds, accumulate(classes), strict=True)]
            durations.add_metric((operation,), buckets, tally["seconds"][operation])
        yield durations


class _Gauges:
    """Gauges: the current numbers of records, calls and rules."""

    def __init__(self, core: Emulator) -> None:
        self._core = core

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

        core = self._core
        records = GaugeMetricFamily("segment_mock_records", "Records of all organizations.", labels=("table",))
        tables = [vendor.table(schema.name) for vendor in core.vendors.values() for schema in vendor.tables]
        with core.world.lock:
            organizations = [core.world.look_up(), *(organization for organization in core.world if organization.name)]
            for table in tables:
                records.add_metric((table,), sum(len(organization.store[table]) for organization in organizations))
        yield records
        yield CounterMetricFamily(
            "segment_mock_organizations_dropped", "Organizations dropped by --max-organizations.", core.world.dropped
        )
        gauges: dict[str, tuple[str, Any]] = {
            "organizations": ("Organizations that have records.", len(organizations)),
            "journal_entries": ("Calls that the journal has.", len(core.journal)),
            "journal_forgotten": ("Calls that fell out of the journal since the last reset.", core.journal.forgotten),
            "armed_faults": ("Fault rules in force.", len(core.fault_rules)),
            "clock_seconds": ("Time of the mock's clock since 1970.", core.now()),
        }
        for name, (about, value) in gauges.items():
            yield GaugeMetricFamily(f"segment_mock_{name}", about, value=value)


@views.get("/metrics", TEXT, content_type="text/plain", refuses=(501,))
def get_metrics(core: Emulator) -> Response:
    """Return metrics for Prometheus: calls by operation, status and fault, durations, records by table, and memory.

    Calls are counted from the first request for metrics on, including calls in the journal at that time.
    """
    try:
        from prometheus_client import generate_latest
    except ImportError:
        raise NotInstalled(_INSTALL) from None
    metrics = current_app.extensions.get("segment_mock.metrics")
    if metrics is None:
        metrics = current_app.extensions["segment_mock.metrics"] = Metrics(core)
    return Response(generate_latest(metrics.registry), content_type="text/plain; version=0.0.4; charset=utf-8")
