"""Requests that a WSGI server passes on although the client sent a wrong length or left."""

from __future__ import annotations

import json

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from segment_mock import create_app

KEYS = {"authToken": "t", "x-api-key": "k"}


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("PUT", "/segments/vip", {"success", "message", "error"}),
        ("DELETE", "/api/integration/ext/v1/segments", {"id", "timestamp", "header", "errors"}),
        ("PUT", "/_mock/state", {"type", "title", "status", "detail", "hint"}),
    ],
)
def test_an_incomplete_body_counts_as_empty(
    method: str, path: str, words: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(data="demo")
    before = app.test_client().get("/_mock/state").json
    environ = EnvironBuilder(path, method=method, data=b'{"name": "x"}', headers=KEYS).get_environ()
    chunks, status, *_ = run_wsgi_app(app, {**environ, "CONTENT_LENGTH": "99"}, buffered=True)

    assert ("400", words) == (status[:3], {*json.loads(b"".join(chunks))})
    assert before == app.test_client().get("/_mock/state").json
    assert [] == caplog.records
