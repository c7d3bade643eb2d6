"""What the documents promise, tried in short on the WSGI application; ``dev.py contract`` does it at length."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode

from segment_mock import create_app

TOKENS = [f"token-{number}" for number in range(20)]
SHORT = settings(
    max_examples=2,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def tried(schema: Any, mode: Any) -> set[int]:
    """Call every operation of *schema* with what fits it or does not, and return the statuses; each check must hold."""
    tokens, statuses = cycle(TOKENS), []
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not operation.body:
            continue

        @SHORT
        @given(case=operation.as_strategy(generation_mode=mode))
        def hold(case: Any) -> None:
            token = next(tokens)
            statuses.append(case.call_and_validate(headers={"authToken": token, "x-api-key": token}).status_code)

        hold()
    return {*statuses}


def test_calls_that_fit_are_performed_and_others_refused() -> None:
    """Every check of Schemathesis holds: status, headers and body are as documented, and bad data is refused."""
    app = create_app(credentials="listed", salsa_token=TOKENS, segmenter_key=TOKENS)
    for name in ("salsa", "segmenter"):
        schema = schemathesis.openapi.from_wsgi(f"/_mock/openapi/{name}.json", app)

        assert {200} <= tried(schema, GenerationMode.POSITIVE)
        assert {400} <= tried(schema, GenerationMode.NEGATIVE)


def test_a_server_that_breaks_its_promise_is_caught() -> None:
    """The checks can fail: a text where the document has true or false is one failure too many."""
    app = create_app()

    def drifted(environ: Any, start_response: Any) -> list[bytes]:
        return [part.replace(b'"success":false', b'"success":"no!"') for part in app(environ, start_response)]

    schema = schemathesis.openapi.from_wsgi("/_mock/openapi/segmenter.json", drifted)
    case = schema["/segments"]["PUT"].Case(
        body={"id": "none"}, headers={"x-api-key": "k"}, media_type="application/json"
    )

    with pytest.raises(FailureGroup, match="Response violates schema"):
        case.call_and_validate()
