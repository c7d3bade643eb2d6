"""Correct use of the API, which type checkers must accept."""

from __future__ import annotations

from typing import Any

import pytest

import segment_mock
from pytest_segment_mock import LiveMock, MockFactory
from segment_mock import Clock, Entry, FaultRule, Journal, LiveServer, SegmentMock, Snapshot, added, create_app, faults

settings: dict[str, Any] = {"acme_token": "t"}
mock = SegmentMock(seed=7, data="demo", faults=["hang", {"kind": "error"}, faults.Disconnect(after=True)], limits="off")
other = SegmentMock(**settings)
app = create_app(data={"salsa": {"segments": []}}, salsa_non_crm="result")

clock: Clock = mock.clock
journal: Journal = mock.journal
entries: list[Entry] = journal.entries(operation="upsert_segments", status=200, headers={"x": "1"}, query={"page": "1"})
rule: FaultRule = mock.faults.add("hang", "salsa.*", times=1)
rule = mock.faults.add({"kind": "error", "status": 503}, when={"skip": 1}, match={"vendor": "salsa"})
rules: list[FaultRule] = mock.faults.add(["hang", faults.Latency(seconds=2.0)], chance=0.5, connection="reused")
with mock.faults.injected(faults.Error(status=503, retry_after=1), "segmenter.*", skip=1, from_=10) as injected:
    fired: int = injected.fired
snapshot: Snapshot = mock.snapshot()
server: LiveServer = mock.serve(tls=True)
group: dict[str, Any] = mock.salsa.add_segment("Donors", externalSystemId="1")
persons: list[dict[str, Any]] = mock.segmenter.persons
vendor_of_another_package: Any = mock.vendor("acme")
mock.stub("GET", "/x", json={}, times=1)
with mock.expect_changes(salsa={"segments": added(1)}), mock.intercept(transport="live", block_network=True):
    pass
interception = mock.intercept().start()
interception.stop()
names: list[str] = dir(segment_mock)


async def custom_fault(call: Any, proceed: Any) -> Any:
    return await proceed()


mock.faults.add(custom_fault)


@pytest.fixture(scope="module")
def shared(segment_mock_factory: MockFactory) -> Any:
    with segment_mock_factory(data="demo", sleep=True) as shared_mock:
        yield shared_mock.salsa


def test_fixtures(segment_mock: SegmentMock, segment_mock_server: LiveMock) -> None:
    assert segment_mock_server.url.startswith("http")
    assert segment_mock.salsa.segments == segment_mock_server.mock.salsa.segments
