"""A random walk through everything that a mock can be asked, over HTTP, the same for each mock that takes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

SALSA, SEGMENTS = "/api/integration/ext/v1", "/segments"
_COUNTER = re.compile(r"segment_mock_(calls|faults|call_duration)")
Ask = Callable[[str, str, Any, dict[str, str]], tuple[int, str]]
"""Sends method, path, JSON body and headers; returns status and body."""
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
    """Takes steps, each decided by *seed* alone and by what the replies said."""

    def __init__(self, seed: int, ask: Ask, tokens: tuple[str, ...] = ("t",)) -> None:
        self._random, self._ask, self._tokens = Random(seed), ask, tokens
        self._ids: list[str] = []
        self._people: list[str] = []

    def step(self) -> tuple[str, int, str]:
        """Perform one random action, and return its description, with status and body of the reply."""
        random = self._random
        name = random.choices([row[0] for row in STEPS], [row[1] for row in STEPS])[0]
        status, body = getattr(self, name)()
        return name, status, body

    def look(self) -> dict[str, Any]:
        """Return all that can be seen of the mock."""
        paths = ("state?deleted=true", "journal", "faults?removed=true", "snapshots", "clock", "stubs", "organizations")
        seen = {path: self._control("GET", path)[1] for path in paths}
        counters = [line for line in self._control("GET", "metrics")[1].splitlines() if _COUNTER.match(line)]
        return {**{path: json.loads(body) for path, body in seen.items()}, "metrics": sorted(counters)}

    def _salsa(self, method: str, path: str, payload: Any) -> tuple[int, str]:
        body = None if payload is None else {"payload": payload}
        return self._ask(method, f"{SALSA}{path}", body, {"authToken": self._random.choice(self._tokens)})

    def _control(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        return self._ask(method, f"/_mock/{path}", body, {})

    def _id(self, ids: list[str]) -> str:
        return self._random.choice(ids) if ids else "00000000-0000-4000-8000-000000000000"

    def upsert(self) -> tuple[int, str]:
        random = self._random
        items = [{"name": f"n{random.randrange(40)}", "externalSystemId": f"e{random.randrange(30)}"} for _ in range(3)]
        if random.random() < 0.4:
            items[0] = {"segmentId": self._id(self._ids), "name": f"renamed {random.randrange(9)}"}
        status, body = self._salsa("PUT", "/segments", {"segments": items})
        self._remember(body, "segments", "segmentId", self._ids)
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
        self._remember(body, "supporters", "supporterId", self._people)
        return status, body

    def assign(self) -> tuple[int, str]:
        payload = {"segmentId": self._id(self._ids), "supporterIds": [self._id(self._people)]}
        return self._salsa("PUT", "/segments/members", payload)

    def search(self) -> tuple[int, str]:
        return self._salsa("POST", "/segments/search", {"offset": self._random.randrange(3), "count": 20})

    def count(self) -> tuple[int, str]:
        return self._salsa("GET", "/metrics", None)

    def delete(self) -> tuple[int, str]:
        return self._salsa("DELETE", "/segments", {"segments": [{"segmentId": self._id(self._ids)}]})

    def create_segment(self) -> tuple[int, str]:
        people = [{"externalId": f"x{self._random.randrange(9)}", "email": "a@example.org"}, {"externalId": "y"}]
        body = {
            "name": f"s{self._random.randrange(20)}", "broadcastMediumId": "email", "segmentType": "static",
            "persons": people,
        }  # fmt: skip
        return self._ask("POST", SEGMENTS, body, {"x-api-key": "k"})

    def refused(self) -> tuple[int, str]:
        return self._salsa("PUT", "/segments", {"segments": "none"})

    def arm(self) -> tuple[int, str]:
        return self._control("POST", "faults", self._random.choice(FAULTS))

    def disarm(self) -> tuple[int, str]:
        return self._control("DELETE", f"faults/{self._random.randrange(1, 6)}")

    def disarm_all(self) -> tuple[int, str]:
        return self._control("DELETE", "faults")

    def turn_clock(self) -> tuple[int, str]:
        return self._control("POST", "clock", {"advance": self._random.randrange(100)})

    def snapshot(self) -> tuple[int, str]:
        return self._control("POST", f"snapshots/s{self._random.randrange(3)}")

    def restore(self) -> tuple[int, str]:
        return self._control("POST", f"snapshots/s{self._random.randrange(3)}/restore")

    def forget_snapshot(self) -> tuple[int, str]:
        return self._control("DELETE", f"snapshots/s{self._random.randrange(3)}")

    def see_changes(self) -> tuple[int, str]:
        return self._control("GET", f"snapshots/s{self._random.randrange(3)}/changes")

    def rewind(self) -> tuple[int, str]:
        entries = json.loads(self._control("GET", "journal/summary?limit=5")[1])["calls"]
        number = self._random.choice(entries)["id"] if entries else 1
        return self._control("POST", f"journal/{number}/rewind")

    def replace_state(self) -> tuple[int, str]:
        rows = [{"name": f"n{number}", "segmentId": f"00000000-0000-4000-8000-{number:012}"} for number in range(5)]
        return self._control("PUT", "state", {"salsa": {"segments": rows[self._random.randrange(5) :]}})

    def prepare(self) -> tuple[int, str]:
        body = {"keywords": {"name": f"prepared {self._random.randrange(99)}"}}
        return self._control("POST", "vendors/salsa/add_segment", body)

    def add_stub(self) -> tuple[int, str]:
        body = {"method": "GET", "path": f"/other/{self._random.randrange(2)}", "json": {"a": 1}, "times": 3}
        return self._control("POST", "stubs", body)

    def call_stub(self) -> tuple[int, str]:
        return self._ask("GET", f"/other/{self._random.randrange(2)}", None, {})

    def clear_journal(self) -> tuple[int, str]:
        return self._control("DELETE", "journal")

    def reset(self) -> tuple[int, str]:
        self._ids, self._people = [], []
        reply = self._control("POST", "reset")
        self._control("POST", "clock", {"freeze": "2026-01-01"})
        return reply

    def _remember(self, body: str, collection: str, key: str, ids: list[str]) -> None:
        try:
            rows = json.loads(body)["payload"][collection]
            ids += [row[key] for row in rows if row.get(key)]
        except (ValueError, LookupError, TypeError):
            return


STEPS = (
    ("upsert", 20), ("search", 12), ("count", 4), ("delete", 4), ("add_supporters", 6), ("assign", 5),
    ("create_segment", 5), ("refused", 3), ("arm", 6), ("disarm", 3), ("disarm_all", 2), ("turn_clock", 3),
    ("snapshot", 3), ("restore", 3), ("forget_snapshot", 1), ("see_changes", 2), ("rewind", 3), ("replace_state", 1),
    ("prepare", 3), ("add_stub", 2), ("call_stub", 3), ("clear_journal", 1), ("reset", 1),
)  # fmt: skip
