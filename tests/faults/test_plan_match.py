"""The match of a rule: by vendor, header, path in the body, or a function."""

from __future__ import annotations

from typing import Any

import pytest

from segment_mock import SegmentMock, SettingError, faults
from tests.faults.fault_world import SALSA, create, put, send

F: Any = faults
BODY = {
    "header": {"refId": None},
    "payload": {"segments": [{"name": "A", "tags": [1, 2]}, {"name": "B"}], "a b": {"c-d": True}, "n": 1},
}


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("payload.segments[0].name", "A", True),
        ("$.payload.segments[0].name", "A", True),
        ("payload.segments[1].name", "A", False),
        ("payload.segments[*].name", "B", True),
        ("payload.segments[*].name", "C", False),
        ("payload.segments[*].tags[*]", 2, True),
        ("payload.segments[*].tags[1]", 1, False),
        ("payload.segments[7].name", "A", False),
        ("payload.segments.name", "A", False),
        ("payload[0]", "A", False),
        ("payload[*]", "A", False),
        ("payload.a b.c-d", True, True),
        ("payload.n", 1, True),
        ("payload.n", "1", False),
        ("header.refId", None, True),
        ("header.none", None, False),
        ("payload.segments[1]", {"name": "B"}, True),
        ("payload.segments[99999999999999999999]", "A", False),
    ],
)
def test_a_path_selects_calls_by_a_value_in_the_body(path: str, value: Any, expected: bool) -> None:
    """The values must be equal; [*] is any item of a list."""
    mock = SegmentMock()
    rule = mock.faults.add(F.Error(), match={"json": {path: value}})
    send(mock, "PUT", f"{SALSA}/segments", BODY)

    assert (1, int(expected)) == (rule.seen, rule.fired)


@pytest.mark.parametrize("path", ["", "$", "a..b", "a[", "a]", "a[x]", "a[-1]", "[]", "a.[0]", "a[0]b.", "."])
def test_an_invalid_path_is_refused(path: str) -> None:
    """The error shows a valid path."""
    with pytest.raises(SettingError) as caught:
        SegmentMock().faults.add(F.Error(), match={"json": {path: 1}})

    assert f"match.json: {path!r} is not a path such as payload.segments[0].name" == str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"x"', b"null", b"\xff"])
def test_a_body_that_is_not_an_object_matches_no_path(data: bytes) -> None:
    """The vendor refuses the body as usual, and the rule does not match."""
    mock = SegmentMock()
    rule = mock.faults.add(F.Error(), match={"json": {"payload": None}})
    with mock.session() as session:
        response = session.put(f"{SALSA}/segments", data=data, headers={"authToken": "t"})

    assert (400, 1, 0) == (response.status_code, rule.seen, rule.matched)


@pytest.mark.parametrize(
    ("match", "salsa", "segmenter"),
    [
        ({"vendor": "salsa"}, 1, 0),
        ({"vendor": "segmenter"}, 0, 1),
        ({"vendor": "unmatched"}, 0, 0),
        ({"headers": {"X-Attempt": "2"}}, 1, 1),
        ({"headers": {"x-attempt": 2}}, 1, 1),
        ({"headers": {"X-Attempt": "3"}}, 0, 0),
        ({"headers": {"X-Other": "2"}}, 0, 0),
        ({"headers": {"X-Attempt": "2", "authtoken": "t"}}, 1, 1),
        ({"vendor": "salsa", "headers": {"x-attempt": "2"}, "json": {"payload.segments[0].name": "A"}}, 1, 0),
        ({"vendor": "salsa", "headers": {"x-attempt": "2"}, "json": {"payload.segments[0].name": "B"}}, 0, 0),
        ({"json": {"name": "s"}}, 0, 1),
        ({}, 1, 1),
        (None, 1, 1),
    ],
)
def test_a_call_must_match_vendor_and_headers(match: Any, salsa: int, segmenter: int) -> None:
    """Names of headers match in any case, values exactly."""
    mock = SegmentMock()
    rule = mock.faults.add(F.Error(), match=match)
    put(mock, "A", **{"X-Attempt": "2"})
    fired = rule.fired
    create(mock, **{"X-Attempt": "2"})

    assert (salsa, segmenter) == (fired, rule.fired - fired)


def test_a_function_may_decide() -> None:
    """It gets the call with its operation, request and body."""
    mock = SegmentMock()
    seen = []

    def big(call: Any) -> bool:
        seen.append((call.operation.name, call.request.headers["authtoken"]))
        return len(call.json["payload"]["segments"]) > 1

    rule = mock.faults.add(F.Error(), "salsa.upsert_*", match=big)

    assert [200, 500] == [put(mock, "A").status_code, put(mock, "B", "C").status_code]
    assert [("upsert_segments", "t")] * 2 == seen
    assert ("a function", 2, 1) == (rule.as_dict()["match"], rule.seen, rule.matched)


def test_a_match_function_is_called_for_selected_operations_only() -> None:
    """The body of another operation may lack the members that the function reads."""
    mock = SegmentMock()
    mock.faults.add(F.Error(), "salsa.upsert_segments", match=lambda call: bool(call.json["payload"]["segments"]))

    assert 200 == create(mock).status_code


def test_the_explanation_names_an_exception_of_the_match() -> None:
    mock = SegmentMock()
    rule = mock.faults.add("error", match=lambda call: call.no_such_member)
    with pytest.raises(AttributeError, match="no_such_member"):
        put(mock, "A")

    assert (1, 0, 0) == (rule.seen, rule.matched, rule.fired)
    assert rule.explain().startswith("its match raised AttributeError(")


def test_an_async_function_is_a_fault() -> None:
    """Any ``async (call, proceed)`` may be armed; its name is its kind."""

    async def shout(call: Any, proceed: Any) -> Any:
        response = await proceed()
        return type(response)(response.status, response.headers, response.body.upper())

    mock = SegmentMock()
    rule = mock.faults.add(shout, "segmenter.*", times=1)

    assert b'{"DATA":' == create(mock).content[:8]
    assert {"id": "1", "kind": "shout", "operation": "segmenter.*"}.items() <= rule.as_dict().items()
