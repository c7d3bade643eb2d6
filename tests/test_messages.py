"""Requests and responses as plain values, and their validation."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from types import coroutine

import pytest

from segment_mock.messages import (
    CLOSED,
    RESET,
    WHOLE,
    Delivery,
    Request,
    Response,
    body_limit_for,
    check_header,
    check_response,
    reason,
    run_sync,
)


@pytest.mark.parametrize(
    ("status", "expected"), [(200, "OK"), (404, "Not Found"), (429, "Too Many Requests"), (299, ""), (0, ""), (999, "")]
)
def test_a_status_has_its_standard_reason_phrase(status: int, expected: str) -> None:
    """An unknown status has none."""
    assert expected == reason(status)


def test_a_response_has_defaults() -> None:
    """It has no headers and an empty body, and keeps the connection open."""
    response = Response(204)

    assert ({}, b"", WHOLE) == (response.headers, response.body, response.delivery)
    assert (None, None, 0.0, None, None, "open") == dataclasses.astuple(WHOLE)
    assert (b"", "close", b"", "reset") == (CLOSED.raw, CLOSED.end, RESET.raw, RESET.end)


def test_a_delivery_is_frozen() -> None:
    """Responses share the module's deliveries."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Delivery().end = "close"  # type: ignore[misc]


@pytest.mark.parametrize("value", [Request("GET", "/", {}), Response(200)])
def test_requests_and_responses_have_no_other_attributes(value: Request | Response) -> None:
    with pytest.raises(AttributeError):
        value.note = "text"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "x"),
        ("X Y", "x"),
        ("X:", "x"),
        ("X\u00e9", "x"),
        (1, "x"),
        ("X", "a\r\nb"),
        ("X", "\0"),
        ("X", "\u20ac"),
        ("X", 1),
    ],
)
def test_check_header_refuses_invalid_headers(name: object, value: object) -> None:
    with pytest.raises(ValueError, match="header"):
        check_header(name, value)


def test_check_response_strips_header_values() -> None:
    """Spaces and tabs around a value are not part of the value."""
    checked = check_response(Response(200, {"X-A": " a\tb\t", "X-B": ""}, b"x", CLOSED))

    assert Response(200, {"X-A": "a\tb", "X-B": ""}, b"x", CLOSED) == checked


@pytest.mark.parametrize(
    ("target", "limit"), [("/segments", 10), ("/_mock", 160), ("/_mock/state", 160), ("/_mockery", 10)]
)
def test_the_body_limit_is_larger_for_the_control_plane(target: str, limit: int) -> None:
    assert limit == body_limit_for(target, 10)


def test_run_sync_runs_a_call_without_an_event_loop() -> None:
    """It calls a function for each pause; an exception of that function ends the call."""

    @coroutine
    def call() -> Generator[float, None, Response]:
        yield 1.5
        yield 2.5
        return Response(201)

    def raise_timeout(seconds: float) -> None:
        raise TimeoutError(seconds)

    pauses: list[float] = []
    assert (201, [1.5, 2.5]) == (run_sync(call(), pauses.append).status, pauses)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError, match=r"1\.5"):
        run_sync(call(), raise_timeout)  # type: ignore[arg-type]
    assert 204 == run_sync(Response(204), raise_timeout).status
