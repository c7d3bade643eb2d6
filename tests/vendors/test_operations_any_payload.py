"""Salsa: no payload causes an error 500, and every response fits its schema."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import fields

from segment_mock import SegmentMock
from segment_mock.core import ItemList
from segment_mock.vendors.salsa import VENDOR
from segment_mock.vendors.salsa.schemas import TYPES
from tests.vendors.people import CRM, OTHER, person, supporter_id

ROOT = "/api/integration/ext/v1"
OPERATIONS = [operation for operation in VENDOR.operations if operation.request is not None]
KEYS = [CRM, OTHER, supporter_id(100)]
DATA = {
    "salsa": {
        "segments": [{"segmentId": key, "name": kind, "type": kind} for key, kind in zip(KEYS, TYPES, strict=True)],
        "supporters": [person(0, externalSystemId="x"), person(1)],
        "members": [{"segment": key, "supporters": [supporter_id(0)]} for key in KEYS],
    }
}
POOL = st.sampled_from(
    [
        *KEYS, CRM.upper(), supporter_id(0), supporter_id(1).upper(), supporter_id(99), "x", "p0@example.org",
        "P1@EXAMPLE.ORG", "EMAIL", "OPT_IN", "SEGMENT_ID", "SUPPORTER_ID", "EXTERNAL_ID", "EMAIL_ADDRESS",
        "2018-01-01T00:00:00.000Z", "9999-12-31", "0001-01-01", 0, 1, 20, 21, -1, 10**40, 1.5, 1e300, "20",
        "", " ", "\ud800", "\0", True, False, None,
    ]
)  # fmt: skip
JUNK = st.recursive(POOL, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


def plausible_values(field):
    """Return a strategy for values of *field*: mostly of a suitable form, else any JSON."""
    if isinstance(field, ItemList):
        right = st.lists(objects_of(field.schema), max_size=3)
    elif isinstance(field, fields.Nested):
        right = objects_of(field.schema)
    elif isinstance(field, fields.List):
        right = st.lists(plausible_values(field.inner), max_size=4)
    else:
        right = POOL
    return st.one_of(right, right, right, JUNK)


def objects_of(schema):
    """Return a strategy for objects that have members of *schema*."""
    return st.fixed_dictionaries(
        {}, optional={name: plausible_values(field) for name, field in schema.load_fields.items()}
    )


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_payload_breaks_an_operation(operation):
    """Each call is refused or performed, its response fits the schema, and the state can be exported and loaded."""
    payloads = objects_of(operation.request.load_fields["payload"].schema) | JUNK

    @settings(max_examples=12, deadline=None)
    @given(payloads, st.sampled_from(["http-405", "result"]))
    def check(payload, non_crm):
        with SegmentMock(data=DATA, salsa_non_crm=non_crm) as mock, mock.session() as session:
            request_body = json.dumps({"header": {"refId": payload}, "payload": payload})
            url = ROOT + operation.paths[0]
            response = session.request(operation.method, url, data=request_body, headers={"authToken": "t"})
            body, state = response.json(), mock.state()

            assert response.status_code in (200, 400, 405, 429)
            if response.status_code == 200:
                assert {} == operation.response.validate(body)
            else:
                assert ["id", "timestamp", "header", "errors"] == list(body)
            mock.load(state)
            assert state == mock.state()

    check()
