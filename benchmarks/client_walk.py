"""A client that reads a whole organization of Salsa, as real clients do, and the time that this takes.

``python benchmarks/client_walk.py [GROUPS PEOPLE]``: it asks for the metrics first, computes the pages from them,
reads every group, its members, and the groups of every supporter. At the rate limit it waits, which
moves only the mock's clock.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import requests

from segment_mock import SegmentMock

ROOT = "/api/integration/ext/v1"
RATE = "Your per minute call rate"


class Client:
    """Reads groups, members and supporters by *session*; *wait* is called with the seconds of a rate limit."""

    def __init__(self, session: requests.Session, token: str, wait: Callable[[float], None]) -> None:
        self.session, self.wait = session, wait
        self.session.headers["authToken"] = token
        self.calls = self.waits = 0
        self.batch = self._ask("GET", "/metrics")["maxBatchSize"]

    def groups(self) -> Iterator[dict[str, Any]]:
        """Yield every group."""
        return self._pages("/segments/search", "segments", includeMemberCounts=True)

    def members(self, group: str) -> Iterator[dict[str, Any]]:
        """Yield every member of *group*."""
        return self._pages("/segments/members/search", "supporters", segmentId=group)

    def supporters(self) -> Iterator[dict[str, Any]]:
        """Yield every supporter."""
        return self._pages("/supporters/search", "supporters", modifiedFrom="2000-01-01T00:00:00.000Z")

    def groups_of(self, supporters: list[str]) -> Iterator[tuple[str, list[str]]]:
        """Yield each of *supporters* with their groups, one batch for each call."""
        for start in range(0, len(supporters), self.batch):
            payload = {"identifierType": "SUPPORTER_ID", "identifiers": supporters[start : start + self.batch]}
            for row in self._ask("POST", "/supporters/groups", payload)["results"]:
                yield row["supporterId"], [group["segmentId"] for group in row["segments"]]

    def _pages(self, path: str, items: str, **payload: Any) -> Iterator[dict[str, Any]]:
        """Yield the members *items* of the responses, page by page, until a page is not full."""
        offset = 0
        while True:
            page = self._ask("POST", path, {**payload, "offset": offset, "count": self.batch})
            yield from page[items]
            offset += page["count"]
            if page["count"] < self.batch:
                return

    def _ask(self, method: str, path: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        while True:
            response = self.session.request(method, ROOT + path, json=payload and {"payload": payload})
            self.calls += 1
            if response.status_code == 429 and RATE in response.text:
                self.waits += 1
                self.wait(60)
                continue
            response.raise_for_status()
            body: dict[str, Any] = response.json()["payload"]
            return body


def identifier(kind: int, number: int) -> str:
    """Return the id of a group (1) or a supporter (2)."""
    return f"0000000{kind}-0000-4000-8000-{number:012d}"


def organization(groups: int, people: int, most: int, seed: int = 0) -> dict[str, Any]:
    """Return data with groups of at most *most* members each, in which a supporter may be in several groups."""
    rng = Random(seed)
    supporters = [
        {"supporterId": identifier(2, n), "contacts": [{"type": "EMAIL", "value": f"p{n}@example.org"}]}
        for n in range(people)
    ]
    joined = [rng.sample(range(people), rng.randint(0, min(most, people))) for _ in range(groups)]
    members = [
        {"segment": identifier(1, n), "supporters": [identifier(2, who) for who in joined[n]]} for n in range(groups)
    ]
    segments = [{"segmentId": identifier(1, n), "name": f"Group {n}"} for n in range(groups)]
    return {"salsa": {"segments": segments, "supporters": supporters, "members": members}}


def walk(client: Client) -> tuple[list[tuple[str, str]], list[tuple[str, str]], dict[str, int]]:
    """Return the pairs of group and supporter as read by groups and by supporters, and the counts in the responses."""
    counts = {group["segmentId"]: group["totalMembers"] for group in client.groups()}
    by_group = [(group, member["supporterId"]) for group in counts for member in client.members(group)]
    everybody = [supporter["supporterId"] for supporter in client.supporters()]
    by_supporter = [(group, who) for who, groups in client.groups_of(everybody) for group in groups]
    return by_group, by_supporter, counts


def main(groups: int = 1_000, people: int = 10_000) -> None:
    """Read an organization of this size, and print the time."""
    began = time.perf_counter()
    with SegmentMock(data=organization(groups, people, 60)) as mock, mock.session() as session:
        loaded = time.perf_counter()
        client = Client(session, "benchmark", mock.clock.advance)
        by_group, by_supporter, _ = walk(client)
        took = time.perf_counter() - loaded
        memberships = {(row["segmentId"], row["supporterId"]) for row in mock.salsa.members}
    if not (
        memberships == set(by_group) == set(by_supporter) and len(memberships) == len(by_group) == len(by_supporter)
    ):
        sys.exit("the walk saw other memberships than the data hold")
    print(
        f"{groups:,} groups, {people:,} supporters, {len(memberships):,} memberships: loaded in {loaded - began:.2f} s"
    )
    print(f"{client.calls:,} calls in {took:.2f} s: {1000 * took / client.calls:.2f} ms a call")
    print(f"{client.waits} minutes waited for on the mock's clock")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
