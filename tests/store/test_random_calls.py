"""Random calls to both vendors with random faults: the store has exactly the writes of the calls that it performed."""

from __future__ import annotations

import json
from typing import Any

import requests
import urllib3
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from segment_mock import SegmentMock, faults

F: Any = faults
SALSA = "/api/integration/ext/v1"
HEADERS = {"authToken": "t", "x-api-key": "k"}
TIMEOUT = 5.0
NAMES = st.sampled_from("ABCDE")
LISTS = st.lists(NAMES, min_size=1, max_size=4)
AFTER = st.booleans()
FAULTS = st.one_of(
    st.none(),
    st.builds(F.Error, status=st.sampled_from([401, 429, 500, 503, 504]), after=AFTER),
    st.builds(F.Refuse, refusal=st.sampled_from(["throttled", "unauthorized", "broken"]), after=AFTER),
    st.builds(F.Item, index=st.integers(0, 2), result=st.sampled_from(["SYSTEM_ERROR", "NOT_ALLOWED"])),
    st.builds(F.Latency, seconds=st.sampled_from([1.0, 60.0]), after=AFTER),
    st.builds(F.Hang, after=AFTER),
    st.builds(F.Disconnect, reset=AFTER, after=AFTER),
    st.builds(F.Truncate, at=st.sampled_from([0, 0.5, 10]), reset=AFTER),
    st.builds(F.Drip, bytes_per_second=st.sampled_from([1.0, 1000.0])),
    st.builds(F.Garble, how=st.sampled_from(["json", "html", "bytes", "chunk", "encoding", "empty"])),
    st.builds(F.Embedded),
    st.builds(F.Stale, lag=st.integers(1, 3)),
    st.builds(F.Drift, how=st.sampled_from(["new_field", "null", "number_as_string", "unknown_enum", "reorder"])),
)
KINDS_THAT_CHANGE_THE_RESPONSE = ("error", "refuse", "garble", "embedded", "drift", "item", "stale")
"""Kinds of fault after which the response may differ from that of the vendor."""
if urllib3.__version__.startswith("1."):  # it accepts a truncated body
    KINDS_THAT_CHANGE_THE_RESPONSE = (*KINDS_THAT_CHANGE_THE_RESPONSE, "truncate")


class Action(tuple[str, str, Any, Any]):
    """A call and the fault that affects it: method, path, body, fault."""


def perform(mock: SegmentMock, action: Action) -> tuple[str, bytes]:
    """Send the call of *action* while its fault is armed; return the status code or exception's name, and the body."""
    method, path, body, fault = action
    rule_ = mock.faults.add(fault, times=1) if fault else None
    try:
        with mock.session() as session:
            response = session.request(method, path, data=json.dumps(body), headers=HEADERS, timeout=TIMEOUT)
        return str(response.status_code), response.content
    except requests.RequestException as error:
        return type(error).__name__, b""
    finally:
        if rule_:
            mock.faults.remove(rule_.id)


def reaches_operation(fault: Any) -> bool:
    """Return whether a call that *fault* affects is still performed by its operation."""
    if fault is None or fault.kind in ("item", "truncate", "drip", "garble", "stale", "drift"):
        return True
    late = fault.kind == "latency" and fault.seconds < TIMEOUT
    return bool(late or getattr(fault, "after", False))


def is_vendor_response(path: str, body: Any) -> bool:
    """Return whether *body* has the members of a response by the vendor of *path*."""
    if not isinstance(body, dict):
        return False
    if path.startswith(SALSA):
        return {"id", "timestamp", "header"} < {*body} and ("payload" in body) != ("errors" in body)
    return {"data", "errorMessage"} <= {*body} or {"success", "message", "error"} == {*body} or {"message"} == {*body}


class RandomCalls(RuleBasedStateMachine):
    """Random calls, and the records that they should leave: descriptions of groups by name, and names of segments."""

    def __init__(self) -> None:
        super().__init__()
        self.mock = self.new_mock()
        self.groups: dict[str, str] = {}
        self.segments: list[str] = []
        self.history: list[tuple[Action, tuple[str, bytes]]] = []

    @staticmethod
    def new_mock() -> SegmentMock:
        mock = SegmentMock(seed=3, limits="off")
        mock.clock.freeze("2026-01-01T00:00:00Z")
        return mock

    def send(self, method: str, path: str, body: Any, fault: Any) -> bool:
        """Send a call, check that its response fits vendor and fault, and return whether it reaches the operation."""
        action = Action((method, path, body, fault))
        response = perform(self.mock, action)
        self.history.append((action, response))
        if response[0].isdigit() and (fault is None or fault.kind not in KINDS_THAT_CHANGE_THE_RESPONSE):
            assert response[0] == "200"
            assert is_vendor_response(path, json.loads(response[1]))
        elif fault and fault.kind in ("drift", "item", "stale"):
            assert is_vendor_response(path, json.loads(response[1]))
        assert fault is not None or response[0] == "200"
        return reaches_operation(fault)

    @rule(names=LISTS, fault=FAULTS)
    def upsert_groups(self, names: list[str], fault: Any) -> None:
        items = [{"name": name, "description": f"{len(self.history)}"} for name in names]
        if self.send("PUT", f"{SALSA}/segments", {"payload": {"segments": items}}, fault):
            for index, item in enumerate(items):
                if not (fault and fault.kind == "item" and index in fault.index):
                    self.groups.setdefault(item["name"], item["description"])  # a name of another group is refused

    @precondition(lambda self: self.groups)
    @rule(data=st.data(), fault=FAULTS)
    def change_or_delete_a_group(self, data: st.DataObject, fault: Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.groups)))
        key = next(row["segmentId"] for row in self.mock.salsa.segments if row["name"] == name)
        text = f"{len(self.history)}"
        change, item_failures = data.draw(st.booleans()), bool(fault and fault.kind == "item" and 0 in fault.index)
        item = {"segmentId": key, "name": name, "description": text} if change else {"segmentId": key}
        method = "PUT" if change else "DELETE"
        if self.send(method, f"{SALSA}/segments", {"payload": {"segments": [item]}}, fault) and not item_failures:
            self.groups |= {name: text}
            if not change:
                del self.groups[name]

    @rule(fault=FAULTS)
    def search_groups(self, fault: Any) -> None:
        self.send("POST", f"{SALSA}/segments/search", {"payload": {"offset": 0, "count": 20}}, fault)
        status, body = self.history[-1][1]
        if fault is None or (status == "200" and fault.kind in ("latency", "drip", "item")):
            payload = json.loads(body)["payload"]
            assert [*self.groups.items()] == [(row["name"], row["description"]) for row in payload["segments"]]
            assert len(self.groups) == payload["total"]

    @rule(name=NAMES, fault=FAULTS)
    def create_a_segment(self, name: str, fault: Any) -> None:
        body = {"name": name, "broadcastMediumId": "b", "segmentType": "t", "persons": [{"externalId": name}]}
        if self.send("POST", "/segments", body, fault):
            self.segments.append(name)

    @precondition(lambda self: self.segments)
    @rule(data=st.data(), name=NAMES, fault=FAULTS)
    def rename_a_segment(self, data: st.DataObject, name: str, fault: Any) -> None:
        index = data.draw(st.integers(0, len(self.segments) - 1))
        key = self.mock.segmenter.segments[index]["id"]
        if self.send("PUT", f"/segments/{key}", {"name": name}, fault):
            self.segments[index] = name

    @invariant()
    def store_has_the_writes_of_performed_calls(self) -> None:
        assert [*self.groups.items()] == [(row["name"], row["description"]) for row in self.mock.salsa.segments]
        assert self.segments == [row["name"] for row in self.mock.segmenter.segments]

    def teardown(self) -> None:
        """Check that a second mock with the same seed and calls gives the same responses and state."""
        second_mock = self.new_mock()
        assert [response for _, response in self.history] == [
            perform(second_mock, action) for action, _ in self.history
        ]
        assert self.mock.state() == second_mock.state()


RandomCalls.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestRandomCalls = RandomCalls.TestCase
