"""Each documented exchange, replayed through every door."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, create_app
from segment_mock.conform import Example, examples, outcome

EXAMPLES = examples()


def by_session(example: Example) -> tuple[int, Any, Any]:
    with SegmentMock(**example.settings) as mock, mock.session() as session:
        request = example.request
        reply = session.request(request["method"], request["path"], headers=request["headers"], data=request["body"])
        return reply.status_code, reply.json(), mock.state()


def by_socket(example: Example) -> tuple[int, Any, Any]:
    with SegmentMock(**example.settings) as mock, requests.Session() as session:
        request = example.request
        url = mock.serve().url + request["path"]
        reply = session.request(request["method"], url, headers=request["headers"], data=request["body"])
        return reply.status_code, reply.json(), mock.state()


def by_flask(example: Example) -> tuple[int, Any, Any]:
    request = example.request
    client = create_app(**example.settings).test_client()
    reply = client.open(request["path"], method=request["method"], headers=request["headers"], data=request["body"])
    return reply.status_code, reply.json, client.get("/_mock/state").json


@pytest.mark.parametrize("door", [by_session, by_socket, by_flask])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_answers_as_printed(example: Example, door: Any) -> None:
    """Every printed member of the response is there with its value, and the records are as expected afterwards."""
    assert [] == outcome(example, *door(example))


def test_every_example_tells_its_source() -> None:
    """No example stands without its source, and each is documented, recorded or assumed."""
    assert EXAMPLES
    assert [] == [example.name for example in EXAMPLES if not example.document["source"]]
    assert {example.document["mark"] for example in EXAMPLES} <= {"documented", "recorded", "assumed"}
