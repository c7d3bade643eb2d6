"""A call passes the fault rules in order, in a loop, and bypasses them if no rule may strike."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import iscoroutine
from typing import Any

import pytest

from segment_mock import SegmentMock
from segment_mock import faults as F  # noqa: N812
from segment_mock.clock import sleep
from segment_mock.core import Refusal
from segment_mock.messages import Request, Response, run_sync

SEARCH = Request("POST", "/api/integration/ext/v1/segments/search", {"authtoken": "t"}, b'{"payload":{}}')
MANY = 10_000


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    with SegmentMock(limits="off") as mock:
        yield mock


def response_of_mock(mock: SegmentMock) -> Response:
    return run_sync(mock._emulator.answer(SEARCH), mock.clock.advance)


def test_answer_returns_a_response_if_no_rule_is_armed(mock: SegmentMock) -> None:
    assert isinstance(mock._emulator.answer(SEARCH), Response)


def test_answer_returns_a_coroutine_until_the_rule_is_spent_or_removed(mock: SegmentMock) -> None:
    mock.faults.add(F.Latency(seconds=0), times=1)
    mock.faults.add(F.Latency(seconds=0), times=0)
    with mock.faults.injected(F.Latency(seconds=0), "segmenter.*"):
        kinds = [iscoroutine(call := mock._emulator.answer(SEARCH))]
        run_sync(call, mock.clock.advance)
        kinds.append(iscoroutine(call := mock._emulator.answer(SEARCH)))
        run_sync(call, mock.clock.advance)
    kinds.append(iscoroutine(mock._emulator.answer(SEARCH)))

    assert [True, True, False] == kinds


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["*", "segmenter.*"], ids=["that all strike", "of other calls"])
def test_ten_thousand_rules_can_be_armed(mock: SegmentMock, operation: str) -> None:
    for _ in range(MANY):
        mock.faults.add(F.Latency(seconds=0.001), operation)
    response = response_of_mock(mock)

    assert (200, len(mock.journal.entries()[0].faults)) == (response.status, MANY if operation == "*" else 0)


def test_a_rule_may_proceed_twice(mock: SegmentMock) -> None:
    seen = []

    async def twice(call: Any, proceed: Any) -> Response:
        await proceed()
        response: Response = await proceed()
        return response

    async def inner(call: Any, proceed: Any) -> Response:
        seen.append("inner")
        response: Response = await proceed()
        return response

    mock.faults.add(twice)
    mock.faults.add(inner)

    assert (200, ["inner", "inner"]) == (response_of_mock(mock).status, seen)


def test_an_exception_of_an_inner_rule_reaches_the_outer_rule(mock: SegmentMock) -> None:
    async def outer(call: Any, proceed: Any) -> Response:
        try:
            response: Response = await proceed()
        except ZeroDivisionError:
            return Response(418)
        return response

    async def inner(call: Any, proceed: Any) -> Response:
        raise ZeroDivisionError

    mock.faults.add(outer)
    mock.faults.add(inner)

    assert 418 == response_of_mock(mock).status


def test_a_rule_may_raise_a_refusal(mock: SegmentMock) -> None:
    async def refuse(call: Any, proceed: Any) -> Response:
        raise Refusal("throttled")

    mock.faults.add(refuse)

    assert (429, "throttled") == (response_of_mock(mock).status, mock.journal.entries()[0].refusal)


def test_closing_a_waiting_call_closes_the_innermost_rule_first(mock: SegmentMock) -> None:
    closed = []

    def waiting(name: str, seconds: float) -> Any:
        async def rule(call: Any, proceed: Any) -> Response:
            try:
                if seconds:
                    await sleep(seconds)
                response: Response = await proceed()
                return response
            finally:
                closed.append(name)

        return rule

    mock.faults.add(waiting("outer", 0))
    mock.faults.add(waiting("inner", 60))
    call = mock._emulator.answer(SEARCH)
    assert not isinstance(call, Response)
    assert 60 == call.send(None)
    call.close()

    assert (["inner", "outer"], "abandoned") == (closed, mock.journal.entries()[0].outcome)


def test_a_fault_that_is_not_a_coroutine_function_is_an_error(mock: SegmentMock) -> None:
    mock.faults.add(lambda call, proceed: Response(200))  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="expected an async function"):
        response_of_mock(mock)
