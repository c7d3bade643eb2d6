"""Random calls to both vendors through random faults: a write happened if and only if it was performed."""

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
LATER = st.booleans()
FAULTS = st.one_of(
    st.none(),
    st.builds(F.Error, status=st.sampled_from([401, 429, 500, 503, 504]), after=LATER),
    st.builds(F.Refuse, refusal=st.sampled_from(["throttled", "unauthorized", "broken"]), after=LATER),
    st.builds(F.Item, index=st.integers(0, 2), result=st.sampled_from(["SYSTEM_ERROR", "NOT_ALLOWED"])),
    st.builds(F.Latency, seconds=st.sampled_from([1.0, 60.0]), after=LATER),
    st.builds(F.Hang, after=LATER),
    st.builds(F.Disconnect, reset=LATER, after=LATER),
    st.builds(F.Truncate, at=st.sampled_from([0, 0.5, 10]), reset=LATER),
    st.builds(F.Drip, bytes_per_second=st.sampled_from([1.0, 1000.0])),
    st.builds(F.Garble, how=st.sampled_from(["json", "html", "bytes", "chunk", "encoding", "empty"])),
    st.builds(F.Embedded),
    st.builds(F.Stale, lag=st.integers(1, 3)),
    st.builds(F.Drift, how=st.sampled_from(["new_field", "null", "number_as_string", "unknown_enum", "reorder"])),
)
SPOILING = ("error", "refuse", "garble", "embedded", "drift", "item", "stale")
"""Kinds that may leave an answer that is not the vendor's of today."""
if urllib3.__version__.startswith("1."):  # it accepts a body that ends too early
    SPOILING = (*SPOILING, "truncate")


class Action(tuple[str, str, Any, Any]):
    """A call and the fault it meets: method, path, body, fault."""


def reply_to(mock: SegmentMock, action: Action) -> tuple[str, bytes]:
    """Do *action* and return status line or exception, and the body."""
    method, path, body, fault = action
    armed = mock.faults.add(fault, times=1) if fault else None
    try:
        with mock.session() as session:
            reply = session.request(method, path, data=json.dumps(body), headers=HEADERS, timeout=TIMEOUT)
        return str(reply.status_code), reply.content
    except requests.RequestException as error:
        return type(error).__name__, b""
    finally:
        if armed:
            mock.faults.remove(armed.id)


def performed(fault: Any) -> bool:
    """Return whether a call that meets *fault* reaches the operation."""
    if fault is None or fault.kind in ("item", "truncate", "drip", "garble", "stale", "drift"):
        return True
    late = fault.kind == "latency" and fault.seconds < TIMEOUT
    return bool(late or getattr(fault, "after", False))


def is_dialect(path: str, body: Any) -> bool:
    """Return whether *body* has the members of a reply of the vendor that has *path*."""
    if not isinstance(body, dict):
        return False
    if path.startswith(SALSA):
        return {"id", "timestamp", "header"} < {*body} and ("payload" in body) != ("errors" in body)
    return {"data", "errorMessage"} <= {*body} or {"success", "message", "error"} == {*body} or {"message"} == {*body}


class Hammer(RuleBasedStateMachine):
    """What must be in the store, as plain dicts: groups by name, and segments in order."""

    def __init__(self) -> None:
        super().__init__()
        self.mock = self.fresh()
        self.groups: dict[str, str] = {}
        self.segments: list[str] = []
        self.story: list[tuple[Action, tuple[str, bytes]]] = []

    @staticmethod
    def fresh() -> SegmentMock:
        mock = SegmentMock(seed=3, limits="off")
        mock.clock.freeze("2026-01-01T00:00:00Z")
        return mock

    def do(self, method: str, path: str, body: Any, fault: Any) -> bool:
        """Send it, check that the answer is the vendor's or the fault's, and return whether it was performed."""
        action = Action((method, path, body, fault))
        answer = reply_to(self.mock, action)
        self.story.append((action, answer))
        if answer[0].isdigit() and (fault is None or fault.kind not in SPOILING):
            assert answer[0] == "200"
            assert is_dialect(path, json.loads(answer[1]))
        elif fault and fault.kind in ("drift", "item", "stale"):
            assert is_dialect(path, json.loads(answer[1]))
        assert fault is not None or answer[0] == "200"
        return performed(fault)

    @rule(names=LISTS, fault=FAULTS)
    def upsert_groups(self, names: list[str], fault: Any) -> None:
        items = [{"name": name, "description": f"{len(self.story)}"} for name in names]
        if self.do("PUT", f"{SALSA}/segments", {"payload": {"segments": items}}, fault):
            for index, item in enumerate(items):
                if not (fault and fault.kind == "item" and index in fault.index):
                    self.groups.setdefault(item["name"], item["description"])  # a name that is taken is refused

    @precondition(lambda self: self.groups)
    @rule(data=st.data(), fault=FAULTS)
    def change_or_delete_a_group(self, data: st.DataObject, fault: Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.groups)))
        key = next(row["segmentId"] for row in self.mock.salsa.segments if row["name"] == name)
        text = f"{len(self.story)}"
        change, item_failures = data.draw(st.booleans()), bool(fault and fault.kind == "item" and 0 in fault.index)
        item = {"segmentId": key, "name": name, "description": text} if change else {"segmentId": key}
        method = "PUT" if change else "DELETE"
        if self.do(method, f"{SALSA}/segments", {"payload": {"segments": [item]}}, fault) and not item_failures:
            self.groups |= {name: text}
            if not change:
                del self.groups[name]

    @rule(fault=FAULTS)
    def search_groups(self, fault: Any) -> None:
        self.do("POST", f"{SALSA}/segments/search", {"payload": {"offset": 0, "count": 20}}, fault)
        status, body = self.story[-1][1]
        if fault is None or (status == "200" and fault.kind in ("latency", "drip", "item")):
            payload = json.loads(body)["payload"]
            assert [*self.groups.items()] == [(row["name"], row["description"]) for row in payload["segments"]]
            assert len(self.groups) == payload["total"]

    @rule(name=NAMES, fault=FAULTS)
    def create_a_segment(self, name: str, fault: Any) -> None:
        body = {"name": name, "broadcastMediumId": "b", "segmentType": "t", "persons": [{"externalId": name}]}
        if self.do("POST", "/segments", body, fault):
            self.segments.append(name)

    @precondition(lambda self: self.segments)
    @rule(data=st.data(), name=NAMES, fault=FAULTS)
    def rename_a_segment(self, data: st.DataObject, name: str, fault: Any) -> None:
        place = data.draw(st.integers(0, len(self.segments) - 1))
        key = self.mock.segmenter.segments[place]["id"]
        if self.do("PUT", f"/segments/{key}", {"name": name}, fault):
            self.segments[place] = name

    @invariant()
    def the_store_is_what_was_performed(self) -> None:
        assert [*self.groups.items()] == [(row["name"], row["description"]) for row in self.mock.salsa.segments]
        assert self.segments == [row["name"] for row in self.mock.segmenter.segments]

    def teardown(self) -> None:
        """The same seed and the same calls are the same bytes, and the same state."""
        again = self.fresh()
        assert [answer for _, answer in self.story] == [reply_to(again, action) for action, _ in self.story]
        assert self.mock.state() == again.state()


Hammer.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestHammer = Hammer.TestCase
