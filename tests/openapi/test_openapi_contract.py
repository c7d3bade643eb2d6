"""The OpenAPI documents compared with the WSGI application, in short; ``contract.py`` does it at length."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from segment_mock import SegmentMock, create_app
from segment_mock.core import fields_of
from segment_mock.vendors.salsa import VENDOR

schemathesis = pytest.importorskip("schemathesis", minversion="4")
TOKENS = [f"token-{number}" for number in range(20)]
SHORT = settings(
    max_examples=2,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def statuses_of_calls(schema: Any, mode: Any) -> set[int]:
    """Call every operation of *schema* with bodies that fit it or do not, with all checks; return the statuses."""
    tokens, statuses = cycle(TOKENS), []
    for result in schema.get_all_operations():
        operation = result.ok()
        if mode is schemathesis.generation.GenerationMode.NEGATIVE and not operation.body:
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

        assert {200} <= statuses_of_calls(schema, schemathesis.generation.GenerationMode.POSITIVE)
        assert {400} <= statuses_of_calls(schema, schemathesis.generation.GenerationMode.NEGATIVE)


def test_a_response_that_breaks_its_schema_is_found() -> None:
    """The checks can fail: they find a string where the document has a Boolean."""
    app = create_app()

    def drifted(environ: Any, start_response: Any) -> list[bytes]:
        return [part.replace(b'"success":false', b'"success":"no!"') for part in app(environ, start_response)]

    schema = schemathesis.openapi.from_wsgi("/_mock/openapi/segmenter.json", drifted)
    case = schema["/segments"]["PUT"].Case(
        body={"id": "none"}, headers={"x-api-key": "k"}, media_type="application/json"
    )

    with pytest.raises(schemathesis.core.failures.FailureGroup, match="Response violates schema"):
        case.call_and_validate()


def test_reading_a_body_does_not_change_it() -> None:
    """A person's phoneNumber is read as the phone; a fault rule still matches the body as sent."""
    person = {"externalId": "1", "phoneNumber": "5"}
    seen = []

    async def look(call: Any, proceed: Any) -> Any:
        response = await proceed()
        seen.append(call.json["tagId"])
        return response

    mock = SegmentMock(data={"segmenter": {"segments": [{"id": "a", "name": "A"}]}})
    mock.faults.add(look)
    body = {"id": "a", "tagId": "7", "persons": [person]}
    mock.session().put("/segments", json=body, headers={"x-api-key": "k"})

    assert ["7"] == seen
    assert ("7", "5") == (mock.segmenter.segments[0]["TagId"], mock.segmenter.persons[0]["phone"])


def test_the_response_about_an_unknown_supporter_fits_its_schema() -> None:
    """Each member of the result for an unknown external id is in the schema."""
    body = {"payload": {"identifierType": "EXTERNAL_ID", "identifiers": ["x"]}}
    path = "/api/integration/ext/v1/supporters/groups"
    reply = SegmentMock().session().post(path, json=body, headers={"authToken": "t"})
    schema = next(row.response for row in VENDOR.operations if row.name == "search_supporter_groups")
    members_of_schema = {steps[-1] for steps, _ in fields_of(schema)}

    assert {"externalSystemId": "x", "result": "NOT_FOUND"} == reply.json()["payload"]["results"][0]
    assert reply.json()["payload"]["results"][0].keys() <= members_of_schema
