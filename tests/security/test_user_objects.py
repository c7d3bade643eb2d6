"""Objects of the user's that JSON can't carry are shown, not a reason to fail: views, journal, state, capsule."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any
from unittest.mock import ANY

import pytest

from segment_mock import SegmentMock
from segment_mock.json_match import brief, writable

VIEWS = ("faults", "faults/1", "stubs", "scenarios", "vendors", "state", "journal", "journal/summary", "journal.har")


class Rude:
    """An object that can't even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "matcher",
    [
        ANY,
        re.compile("x"),
        {1, 2},
        b"\xff",
        float("nan"),
        datetime.date(2020, 1, 1),
        {(1, 2): 3},
        [{"a": ANY}],
        10**5000,
        "\ud800",
        Rude(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_view_answers(matcher: Any) -> None:
    """A matcher in a rule, in a scenario or in a setting is text in what is shown; a capsule is JSON."""
    rule = {"kind": "hang", "match": {"json": {"a": matcher}}}
    mock = SegmentMock(faults=[rule], scenarios=[{"mine": {"faults": [rule]}}])
    with mock, mock.session() as client:
        seen = [client.get(f"/_mock/{view}") for view in VIEWS]

        assert [200] * len(VIEWS) == [reply.status_code for reply in seen]
        assert isinstance(json.loads(seen[0].content)["faults"][0]["match"]["json"], dict)
        assert json.dumps(mock.journal.capsule(), allow_nan=False)


def test_a_matcher_still_matches() -> None:
    """What is shown as text is compared as the object that it is."""
    with SegmentMock() as mock, mock.session() as client:
        mock.faults.add({"kind": "error", "status": 503}, match={"json": {"name": ANY}})
        reply = client.post("/segments", json={"name": "x"}, headers={"x-api-key": "k"})
        rule_shown = client.get("/_mock/faults").json()["faults"][0]

    assert (503, {"json": {"name": "<ANY>"}}) == (reply.status_code, rule_shown["match"])


@pytest.mark.parametrize("body", [b"plain", b"\xff\xfe", "\ud800"])
def test_a_stub_of_bytes(body: Any) -> None:
    """The view shows it, and a capsule keeps it if it is text."""
    with SegmentMock() as mock, mock.session() as client:
        mock.stub("GET", "/x", body=body)

        assert 200 == client.get("/_mock/stubs").status_code
        assert 200 == client.get("/x").status_code
        stubs = json.loads(json.dumps(mock.journal.capsule()))["stubs"]
        assert ([] if body == b"\xff\xfe" else 1) == (stubs and len(stubs))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ((1, {"a": {2}}), [1, {"a": "{2}"}]),
        ({1: float("inf")}, {"1": "inf"}),
        (Rude(), "<Rude>"),
        (10**5000, "a number of more than 1000 digits"),
        ([True, None, 1.5, "x"], [True, None, 1.5, "x"]),
    ],
    ids=["nested", "infinite", "rude", "long", "plain"],
)
def test_what_is_written(value: Any, written: Any) -> None:
    """Data stay as they are, all else is its repr, and a circle ends."""
    around: list[Any] = []
    around.append(around)

    assert written == writable(value)
    assert json.dumps(writable(around))
    assert len(brief("x" * 10_000)) < 250
