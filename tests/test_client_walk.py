"""A client reads a whole organization through the API, as real clients do, and sees each membership once."""

from __future__ import annotations

import runpy
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from segment_mock import SegmentMock

WALK = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "client_walk.py")))


@pytest.mark.parametrize(("limits", "groups"), [("vendor", 60), ("off", 10)])
def test_a_client_sees_each_membership_once_from_groups_and_from_supporters(limits: str, groups: int) -> None:
    """The client reads the metrics, all pages of groups with their members, and the groups of all supporters."""
    data = WALK.organization(groups, people=200, most=200)
    with SegmentMock(data=data, limits=limits) as mock, mock.session() as session:
        mock.clock.freeze()
        client = WALK.Client(session, "token", mock.clock.advance)
        by_group, by_supporter, counts = WALK.walk(client)
        memberships = Counter(
            (row["segment"], supporter) for row in data["salsa"]["members"] for supporter in row["supporters"]
        )

        assert memberships == Counter(by_group) == Counter(by_supporter)
        assert {1} == set(memberships.values())
        assert {row["segment"]: len(row["supporters"]) for row in data["salsa"]["members"]} == counts
        assert (limits == "vendor") == (client.waits > 0)
        metrics = session.get("/api/integration/ext/v1/metrics").json()["payload"]
        assert client.calls - 1 == metrics["totalAPICalls"]
        assert client.waits == metrics["totalAPICallFailures"]
        read = (len(memberships), len(counts), 2 * len(data["salsa"]["supporters"]))
        assert read == tuple(metrics[f"{kind}Read"] for kind in ("segmentAssignment", "segment", "supporter"))


@pytest.mark.parametrize(("groups", "people"), [(0, 0), (1, 0), (20, 20), (40, 1)])
def test_a_client_reads_empty_organizations_and_full_last_pages_completely(groups: int, people: int) -> None:
    """The client requests one more page after a full page."""
    data = WALK.organization(groups, people, most=40, seed=7)
    with SegmentMock(data=data) as mock, mock.session() as session:
        by_group, by_supporter, counts = WALK.walk(WALK.Client(session, "token", mock.clock.advance))

        assert sorted(by_group) == sorted(by_supporter) == sorted({*by_group})
        assert (groups, sum(counts.values())) == (len(counts), len(by_group))
