"""The clients of the endurance run: each knows the responses that it may get, and its expected records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from random import Random
from typing import Any

OWN = 5
"""The number of groups, and of segments, that each client has for itself."""
PATIENCE = 10.0
HEADERS = {"authToken": "any", "x-api-key": "any", "Content-Type": "application/json"}
GROUPS = "/api/integration/ext/v1/segments"


@dataclass(frozen=True)
class Fate:
    """The effect of a fault on a call: its *rule*, whether the call is *performed*, and the *status* of the response.

    Without a status, the client gets no readable response.
    """

    rule: dict[str, Any] | None
    performed: bool
    status: int | None


FATES = {
    "none": Fate(None, True, 200),
    "late": Fate({"kind": "latency", "seconds": 0.02}, True, 200),
    "dripped": Fate({"kind": "drip", "bytes_per_second": 20_000.0, "chunk": 100}, True, 200),
    "failed": Fate({"kind": "error", "status": 503}, False, 503),
    "failed late": Fate({"kind": "error", "status": 500, "after": True}, True, 500),
    "throttled": Fate({"kind": "refuse", "refusal": "throttled"}, False, 429),
    "dropped": Fate({"kind": "disconnect"}, False, None),
    "reset": Fate({"kind": "disconnect", "reset": True}, False, None),
    "lost": Fate({"kind": "disconnect", "after": True}, True, None),
    "cut": Fate({"kind": "truncate", "at": 0.5}, True, None),
    "garbled": Fate({"kind": "garble", "how": "bytes"}, True, None),
}
DRAWN = ["none"] * 20 + [*FATES]


@dataclass
class Client:
    """One client: *expected* are the records that it should have at the end, *wrong* the unexpected responses."""

    number: int
    port: int
    expected: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    deleted: int = 0

    def work(self, until: Callable[[], bool]) -> None:
        """Make one call after another until *until*."""
        rng, count = Random(self.number), 0
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        while not until():
            count += 1
            # Few groups are deleted, because the mock remembers their ids for good.
            (action,) = rng.choices((self._group, self._segment, self._read, self._pass), (6, 6, 3, 1))
            action(connection, rng, f"{self.number}-{count}")
        connection.close()

    def _group(self, connection: HTTPConnection, rng: Random, text: str) -> None:
        place, fate = rng.randrange(OWN), rng.choice(DRAWN)
        key = group(self.number, place)
        item = {"segmentId": key, "name": f"Group {self.number} {place}", "description": text}
        self._batch(connection, fate, "PUT", item, "UPDATED")
        self._note(key, fate, text)

    def _pass(self, connection: HTTPConnection, rng: Random, text: str) -> None:
        added = self._batch(connection, "none", "PUT", {"name": f"Passing {text}"}, "ADDED")
        if added:
            self.deleted += 1
            self._batch(connection, "none", "DELETE", {"segmentId": added["segmentId"]}, "DELETED")

    def _batch(self, connection: HTTPConnection, fate: str, method: str, item: Any, result: str) -> Any:
        document = self._call(connection, fate, method, GROUPS, {"payload": {"segments": [item]}})
        outcome = document and document["payload"]["segments"][0]
        if outcome and outcome["result"] != result:
            self.wrong.append(f"{fate}: {method} {item} is {outcome}")
        return outcome

    def _segment(self, connection: HTTPConnection, rng: Random, text: str) -> None:
        key, fate = segment(self.number, rng.randrange(OWN)), rng.choice(DRAWN)
        people = [{"externalId": f"{self.number}-{rng.randrange(9)}"} for _ in range(3)]
        document = self._call(connection, fate, "PUT", f"/segments/{key}", {"description": text, "persons": people})
        self._note(key, fate, text)
        if document and document["data"] != {"isUpdated": True}:
            self.wrong.append(f"{fate}: {document}")

    def _read(self, connection: HTTPConnection, rng: Random, text: str) -> None:
        keys = [group(self.number, place) for place in range(OWN)]
        body = {"payload": {"identifierType": "SEGMENT_ID", "identifiers": keys}}
        document = self._call(connection, "none", "POST", f"{GROUPS}/search", body)
        records = {row["segmentId"]: row["description"] for row in document["payload"]["segments"]} if document else {}
        expected = {key: self.expected[key] for key in keys}
        if document and records != expected:
            self.wrong.append(f"read {records}, not {expected}")

    def _note(self, key: str, fate: str, text: str) -> None:
        if FATES[fate].performed:
            self.expected[key] = text

    def _call(self, connection: HTTPConnection, fate: str, method: str, path: str, body: Any) -> Any:
        """Return the JSON of a response with status 200, else None; record a response that *fate* does not allow."""
        status, content = None, b""
        try:
            connection.request(method, path, json.dumps(body), {**HEADERS, "X-Fate": fate})
            response = connection.getresponse()
            status, content = response.status, response.read()
        except TimeoutError:
            connection.close()
            self.wrong.append(f"{fate}: {method} {path} got no response for {PATIENCE:g} s")
        except (OSError, HTTPException):
            connection.close()
            status = None
        self.seen[fate] += 1
        if status != FATES[fate].status:
            self.wrong.append(f"{fate}: {method} {path} got {status}: {content[:200]!r}")
        return json.loads(content) if status == 200 else None


def group(client: int, place: int) -> str:
    """Return the id of a client's group."""
    return f"{client:08d}-0000-4000-8000-{place:012d}"


def segment(client: int, place: int) -> str:
    """Return the id of a client's segment."""
    return f"s-{client}-{place}"
