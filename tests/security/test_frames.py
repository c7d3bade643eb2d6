"""No page of the control plane can be framed, and each page runs only scripts that the server itself serves."""

from __future__ import annotations

import re

import pytest

from segment_mock import SegmentMock

PATHS = ("docs", "docs/swagger-ui.css", "health", "state", "faults", "vendors", "journal", "openapi.json", "nothing",
         "journal?x=1")  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_framed(path: str) -> None:
    """Pages, data, files and refusals say so in both ways that browsers know, and what type they are."""
    with SegmentMock() as mock, mock.session() as client:
        headers = client.get(f"/_mock/{path}").headers

    assert ("DENY", "nosniff") == (headers["X-Frame-Options"], headers["X-Content-Type-Options"])
    assert re.search(r"frame-ancestors 'none'(;|$)", headers["Content-Security-Policy"])


@pytest.mark.parametrize("path", ["state", "faults", "nothing"])
def test_data_run_nothing(path: str) -> None:
    with SegmentMock() as mock, mock.session() as client:
        assert client.get(f"/_mock/{path}").headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/favicon.ico", "/robots.txt", "/apple-touch-icon.png", "/.well-known/x"])
def test_what_browsers_ask_for(path: str) -> None:
    """It is no call to a vendor: not in the journal, not in the vendor's words."""
    with SegmentMock() as mock, mock.session() as client:
        reply = client.get(path)

        assert (404, 0) == (reply.status_code, len(mock.journal))


def test_a_vendor_reply_has_no_such_header() -> None:
    """The vendors' replies are theirs."""
    with SegmentMock() as mock, mock.session() as client:
        assert "X-Frame-Options" not in client.post("/segments", json={}, headers={"x-api-key": "k"}).headers
