"""A random sequence of HTTP requests to a mock: calls to both vendors' APIs and actions of the control plane.

Two mocks that get the sequence of the same seed must give the same responses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

SALSA, SEGMENTS = "/api/integration/ext/v1", "/segments"
_COUNTER = re.compile(r"segment_mock_(calls|faults|call_duration)")
Send = Callable[[str, str, Any, dict[str, str]], tuple[int, str]]
"""A function that sends a request with method, path, JSON body and headers, and returns status code and body."""
FAULTS: list[dict[str, Any]] = [
    {"kind": "error", "status": 500, "when": {"chance": 0.4}},
    {"kind": "error", "status": 503, "after": True, "when": {"every": 3}},
    {"kind": "latency", "seconds": 2, "jitter": 1, "distribution": "uniform", "when": {"chance": 0.5}},
    {"kind": "item", "every": 2, "operation": "salsa.upsert_segments", "when": {"times": 2}},
    {"kind": "stale", "lag": 2, "when": {"skip": 1}},
    {"kind": "drift", "operation": "salsa.search_segments", "when": {"chance": 0.5}},
    {"kind": "disconnect", "after": True, "when": {"every": 4}},
    {"kind": "latency", "seconds": 1, "match": {"json": {"payload.segments[*].name": "n3"}}, "when": {"from": 1}},
]


class Walk:
    """Sends random requests with the function *send*; credentials are chosen from *tokens*.

    The requests depend only on *seed* and on the ids in earlier responses.
    """

    def __init__(self, seed: int, send: Send, tokens: tuple[str, ...] = ("t",)) -> None:
        self._random, self._send, self._tokens = Random(seed), send, tokens
        self._segment_ids: list[str] = []
        self._supporter_ids: list[str] = []

    def step(self) -> tuple[str, int, str]:
        """Perform one random action, and return its name and the status code and body of the response."""
        random = self._random
        name = random.choices([row[0] for row in STEPS], [row[1] for row in STEPS])[0]
        status, body = getattr(self, name)()
        return name, status, body

    def visible_state(self) -> dict[str, Any]:
        """Return all state of the mock that the control plane shows, such as records, journal and metrics."""
        paths = ("state?deleted=true", "journal", "faults?removed=true", "snapshots", "clock", "stubs", "organizations")
        documents = {path: self._control("GET", path)[1] for path in paths}
        counters = [line for line in self._control("GET", "metrics")[1].splitlines() if _COUNTER.match(line)]
        return {**{path: json.loads(body) for path, body in documents.items()}, "metrics": sorted(counters)}

    def _salsa(self, method: str, path: str, payload: Any) -> tuple[int, str]:
        body = None if payload is None else {"payload": payload}
        return self._send(method, f"{SALSA}{path}", body, {"authToken": self._random.choice(self._tokens)})

    def _control(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        return self._send(method, f"/_mock/{path}", body, {})

    def _id(self, ids: list[str]) -> str:
        return self._random.choice(ids) if ids else "00000000-0000-4000-8000-000000000000"

    def upsert(self) -> tuple[int, str]:
        random = self._random
        items = [{"name": f"n{random.randrange(40)}", "externalSystemId": f"e{random.randrange(30)}"} for _ in range(3)]
        if random.random() < 0.4:
            items[0] = {"segmentId": self._id(self._segment_ids), "name": f"renamed {random.randrange(9)}"}
        status, body = self._salsa("PUT", "/segments", {"segments": items})
        self._remember_ids(body, "segments", "segmentId", self._segment_ids)
        return status, body

    def add_supporters(self) -> tuple[int, str]:
        random = self._random
        people = [
            {
                "firstName": f"P{random.randrange(20)}",
                "contacts": [{"type": "EMAIL", "value": f"p{random.randrange(20)}@example.org"}],
            }
            for _ in range(2)
        ]
        status, body = self._salsa("PUT", "/supporters", {"supporters": people})
        self._remember_ids(body, "supporters", "supporterId", self._supporter_ids)
        return status, body

    def assign(self) -> tuple[int, str]:
        payload = {"segmentId": self._id(self._segment_ids), "supporterIds": [self._id(self._supporter_ids)]}
        return self._salsa("PUT", "/segments/members", payload)

    def search(self) -> tuple[int, str]:
        return self._salsa("POST", "/segments/search", {"offset": self._random.randrange(3), "count": 20})

    def get_metrics(self) -> tuple[int, str]:
        return self._salsa("GET", "/metrics", None)

    def delete(self) -> tuple[int, str]:
        return self._salsa("DELETE", "/segments", {"segments": [{"segmentId": self._id(self._segment_ids)}]})

    def create_segment(self) -> tuple[int, str]:
        people = [{"externalId": f"x{self._random.randrange(9)}", "email": "a@example.org"}, {"externalId": "y"}]
        body = {
            "name": f"s{self._random.randrange(20)}", "broadcastMediumId": "email", "segmentType": "static",
            "persons": people,
        }  # fmt: skip
        return self._send("POST", SEGMENTS, body, {"x-api-key": "k"})

    def send_invalid_upsert(self) -> tuple[int, str]:
        return self._salsa("PUT", "/segments", {"segments": "none"})

    def add_fault_rule(self) -> tuple[int, str]:
        return self._control("POST", "faults", self._random.choice(FAULTS))

    def remove_fault_rule(self) -> tuple[int, str]:
        return self._control("DELETE", f"faults/{self._random.randrange(1, 6)}")

    def remove_all_fault_rules(self) -> tuple[int, str]:
        return self._control("DELETE", "faults")

    def advance_clock(self) -> tuple[int, str]:
        return self._control("POST", "clock", {"advance": self._random.randrange(100)})

    def take_snapshot(self) -> tuple[int, str]:
        return self._control("POST", f"snapshots/s{self._random.randrange(3)}")

    def restore_snapshot(self) -> tuple[int, str]:
        return self._control("POST", f"snapshots/s{self._random.randrange(3)}/restore")

    def delete_snapshot(self) -> tuple[int, str]:
        return self._control("DELETE", f"snapshots/s{self._random.randrange(3)}")

    def get_changes_since_snapshot(self) -> tuple[int, str]:
        return self._control("GET", f"snapshots/s{self._random.randrange(3)}/changes")

    def rewind(self) -> tuple[int, str]:
        entries = json.loads(self._control("GET", "journal/summary?limit=5")[1])["calls"]
        number = self._random.choice(entries)["id"] if entries else 1
        return self._control("POST", f"journal/{number}/rewind")

    def replace_state(self) -> tuple[int, str]:
        rows = [{"name": f"n{number}", "segmentId": f"00000000-0000-4000-8000-{number:012}"} for number in range(5)]
        return self._control("PUT", "state", {"salsa": {"segments": rows[self._random.randrange(5) :]}})

    def add_segment_by_control_plane(self) -> tuple[int, str]:
        body = {"keywords": {"name": f"prepared {self._random.randrange(99)}"}}
        return self._control("POST", "vendors/salsa/add_segment", body)

    def add_stub(self) -> tuple[int, str]:
        body = {"method": "GET", "path": f"/other/{self._random.randrange(2)}", "json": {"a": 1}, "times": 3}
        return self._control("POST", "stubs", body)

    def call_stub(self) -> tuple[int, str]:
        return self._send("GET", f"/other/{self._random.randrange(2)}", None, {})

    def clear_journal(self) -> tuple[int, str]:
        return self._control("DELETE", "journal")

    def reset(self) -> tuple[int, str]:
        self._segment_ids, self._supporter_ids = [], []
        response = self._control("POST", "reset")
        self._control("POST", "clock", {"freeze": "2026-01-01"})
        return response

    def _remember_ids(self, body: str, collection: str, key: str, ids: list[str]) -> None:
        try:
            rows = json.loads(body)["payload"][collection]
            ids += [row[key] for row in rows if row.get(key)]
        except (ValueError, LookupError, TypeError):
            return


STEPS = (
    ("upsert", 20), ("search", 12), ("get_metrics", 4), ("delete", 4), ("add_supporters", 6), ("assign", 5),
    ("create_segment", 5), ("send_invalid_upsert", 3), ("add_fault_rule", 6), ("remove_fault_rule", 3),
    ("remove_all_fault_rules", 2), ("advance_clock", 3), ("take_snapshot", 3), ("restore_snapshot", 3),
    ("delete_snapshot", 1), ("get_changes_since_snapshot", 2), ("rewind", 3), ("replace_state", 1),
    ("add_segment_by_control_plane", 3), ("add_stub", 2), ("call_stub", 3), ("clear_journal", 1), ("reset", 1),
)  # fmt: skip
