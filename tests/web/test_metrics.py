"""``GET /_mock/metrics``, parsed with prometheus-client."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from segment_mock import SegmentMock

LABELS = ("vendor", "kind", "operation", "status", "outcome", "table", "le")


def samples(mock: SegmentMock) -> dict[tuple[Any, ...], float]:
    """Return the value of each sample, by its name and the values of its labels."""
    response = mock.session().get("/_mock/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    rows = [row for family in text_string_to_metric_families(response.text) for row in family.samples]
    return {(row.name, *(row.labels[name] for name in LABELS if name in row.labels)): row.value for row in rows}


def test_metrics_count_calls_faults_durations_records_and_memory() -> None:
    with SegmentMock(data="demo") as mock:
        session = mock.session()
        search = {"payload": {"offset": 0, "count": 20}}
        session.post("/api/integration/ext/v1/segments/search", json=search, headers={"authToken": "t"})
        first = samples(mock)
        mock.faults.add({"kind": "error", "status": 503})
        session.put("/segments", json={"id": "x"}, headers={"x-api-key": "k"})
        mock.faults.clear()
        mock.faults.add("disconnect")
        with pytest.raises(OSError, match=r"."):
            session.put("/segments", json={"id": "x"}, headers={"x-api-key": "k"})
        second = samples(mock)
        mock.reset()
        third = samples(mock)

    assert 1 == first["segment_mock_calls_total", "salsa", "salsa.search_segments", "200", "answered"]
    assert 25 == first["segment_mock_records", "salsa.segments"]
    assert 1 == second["segment_mock_calls_total", "segmenter", "segmenter.update_segment", "503", "answered"]
    assert 1 == second["segment_mock_calls_total", "segmenter", "segmenter.update_segment", "", "closed"]
    assert 1 == second["segment_mock_faults_total", "error", "segmenter.update_segment"]
    assert 2 == second["segment_mock_call_duration_seconds_count", "segmenter.update_segment"]
    assert 3 == second[("segment_mock_journal_entries",)]
    assert 1 == second[("segment_mock_armed_faults",)]
    assert 0 == third[("segment_mock_journal_entries",)]
    assert 1 == third["segment_mock_calls_total", "salsa", "salsa.search_segments", "200", "answered"]
    if sys.platform == "linux":
        assert 1e6 < second[("process_resident_memory_bytes",)]


def test_without_prometheus_client_the_error_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with SegmentMock() as mock:
        response = mock.session().get("/_mock/metrics")

    assert 501 == response.status_code
    assert "pip install 'segment-mock[metrics]'" in response.json()["detail"]
