"""Requests and replies as plain values."""

from __future__ import annotations

import dataclasses

import pytest

from segment_mock.messages import CLOSED, RESET, WHOLE, Delivery, Request, Response, reason


@pytest.mark.parametrize(
    ("status", "expected"), [(200, "OK"), (404, "Not Found"), (429, "Too Many Requests"), (299, ""), (0, ""), (999, "")]
)
def test_reason(status: int, expected: str) -> None:
    """Statuses of the standard have a phrase; others are sent without one."""
    assert expected == reason(status)


def test_a_plain_reply() -> None:
    """Unless told otherwise it is whole, empty and leaves the connection open."""
    reply = Response(204)

    assert ({}, b"", WHOLE) == (reply.headers, reply.body, reply.delivery)
    assert (None, None, 0.0, None, "open") == dataclasses.astuple(WHOLE)
    assert (b"", "close", b"", "reset") == (CLOSED.raw, CLOSED.end, RESET.raw, RESET.end)


def test_delivery_is_frozen() -> None:
    """Replies share the deliveries of the module, so nothing may change them."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Delivery().end = "close"  # type: ignore[misc]


@pytest.mark.parametrize("value", [Request("GET", "/", {}), Response(200)])
def test_values_take_no_other_attributes(value: Request | Response) -> None:
    with pytest.raises(AttributeError):
        value.note = "text"  # type: ignore[union-attr]
