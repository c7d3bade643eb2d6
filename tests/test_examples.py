"""Every shipped example, replayed on every transport."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, create_app
from segment_mock.conform import Example, examples, outcome

EXAMPLES = examples()


def replay_in_process(example: Example) -> tuple[int, Any, Any]:
    """Send the request of *example* to a session of a mock; return the status, the body and the new state."""
    with SegmentMock(**example.settings) as mock, mock.session() as session:
        request = example.request
        response = session.request(request["method"], request["path"], headers=request["headers"], data=request["body"])
        return response.status_code, response.json(), mock.state()


def replay_live(example: Example) -> tuple[int, Any, Any]:
    """Send the request of *example* to a live server; return the status, the body and the new state."""
    with SegmentMock(**example.settings) as mock, requests.Session() as session:
        request = example.request
        url = mock.serve().url + request["path"]
        response = session.request(request["method"], url, headers=request["headers"], data=request["body"])
        return response.status_code, response.json(), mock.state()


def replay_with_flask(example: Example) -> tuple[int, Any, Any]:
    """Send the request of *example* with Flask's test client; return the status, the body and the new state."""
    request = example.request
    client = create_app(**example.settings).test_client()
    response = client.open(request["path"], method=request["method"], headers=request["headers"], data=request["body"])
    return response.status_code, response.json, client.get("/_mock/state").json


@pytest.mark.parametrize("replay", [replay_in_process, replay_live, replay_with_flask])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_has_the_printed_response_and_records(example: Example, replay: Any) -> None:
    """The response has every printed member with its value."""
    assert [] == outcome(example, *replay(example))


def test_every_example_has_a_source_and_a_mark() -> None:
    """The mark is documented, recorded or assumed."""
    assert EXAMPLES
    assert [] == [example.name for example in EXAMPLES if not example.document["source"]]
    assert {example.document["mark"] for example in EXAMPLES} <= {"documented", "recorded", "assumed"}
