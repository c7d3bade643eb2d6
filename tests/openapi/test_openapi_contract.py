"""A short comparison of the OpenAPI documents with the WSGI application; ``contract.py`` runs the complete one."""

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
FEW_EXAMPLES = settings(
    max_examples=2,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def statuses_of_calls(schema: Any, mode: Any) -> set[int]:
    """Call every operation of *schema* with valid or invalid bodies, run all checks, and return the statuses."""
    tokens, statuses = cycle(TOKENS), []
    for result in schema.get_all_operations():
        operation = result.ok()
        if mode is schemathesis.generation.GenerationMode.NEGATIVE and not operation.body:
            continue

        @FEW_EXAMPLES
        @given(case=operation.as_strategy(generation_mode=mode))
        def check_case(case: Any) -> None:
            token = next(tokens)
            statuses.append(case.call_and_validate(headers={"authToken": token, "x-api-key": token}).status_code)

        check_case()
    return {*statuses}


def test_valid_calls_are_performed_and_invalid_calls_refused() -> None:
    """Every check of Schemathesis passes: status, headers and body are as documented."""
    app = create_app(credentials="listed", salsa_token=TOKENS, segmenter_key=TOKENS)
    for name in ("salsa", "segmenter"):
        schema = schemathesis.openapi.from_wsgi(f"/_mock/openapi/{name}.json", app)

        assert {200} <= statuses_of_calls(schema, schemathesis.generation.GenerationMode.POSITIVE)
        assert {400} <= statuses_of_calls(schema, schemathesis.generation.GenerationMode.NEGATIVE)


def test_a_response_that_does_not_fit_its_schema_fails_the_checks() -> None:
    """The response has a string where the document has a Boolean."""
    app = create_app()

    def changed_app(environ: Any, start_response: Any) -> list[bytes]:
        return [part.replace(b'"success":false', b'"success":"no!"') for part in app(environ, start_response)]

    schema = schemathesis.openapi.from_wsgi("/_mock/openapi/segmenter.json", changed_app)
    case = schema["/segments"]["PUT"].Case(
        body={"id": "none"}, headers={"x-api-key": "k"}, media_type="application/json"
    )

    with pytest.raises(schemathesis.core.failures.FailureGroup, match="Response violates schema"):
        case.call_and_validate()


def test_decoding_a_body_does_not_change_it() -> None:
    """phoneNumber is read as phone, and tagId as TagId; a fault function still gets the body as sent."""
    person = {"externalId": "1", "phoneNumber": "5"}
    tag_ids = []

    async def record_tag_id(call: Any, proceed: Any) -> Any:
        response = await proceed()
        tag_ids.append(call.json["tagId"])
        return response

    mock = SegmentMock(data={"segmenter": {"segments": [{"id": "a", "name": "A"}]}})
    mock.faults.add(record_tag_id)
    body = {"id": "a", "tagId": "7", "persons": [person]}
    mock.session().put("/segments", json=body, headers={"x-api-key": "k"})

    assert ["7"] == tag_ids
    assert ("7", "5") == (mock.segmenter.segments[0]["TagId"], mock.segmenter.persons[0]["phone"])


def test_the_response_about_an_unknown_supporter_fits_its_schema() -> None:
    body = {"payload": {"identifierType": "EXTERNAL_ID", "identifiers": ["x"]}}
    path = "/api/integration/ext/v1/supporters/groups"
    response = SegmentMock().session().post(path, json=body, headers={"authToken": "t"})
    schema = next(row.response for row in VENDOR.operations if row.name == "search_supporter_groups")
    members_of_schema = {steps[-1] for steps, _ in fields_of(schema)}

    assert {"externalSystemId": "x", "result": "NOT_FOUND"} == response.json()["payload"]["results"][0]
    assert response.json()["payload"]["results"][0].keys() <= members_of_schema
