"""Invalid requests and data: the response has the vendor's format, and no change is applied partly."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segment_mock import SegmentMock, SettingError
from segment_mock.vendors import find_vendors

pytestmark = pytest.mark.usefixtures("no_collection")

HEADERS = {"authToken": "t", "x-api-key": "k"}
GROUP, BUILT_IN = "69afe9fc-dcde-4533-92d6-cbf069008c30", "1b7458d0-e747-40fe-8e1e-5d7fad4241cb"
PERSON = {"externalId": "1", "email": "a@x", "phone": "1", "substitutionTags": [{"tag": "t", "value": "v"}]}
GROUPS = [{"segmentId": GROUP, "name": "g"}, {"segmentId": BUILT_IN, "name": "b", "type": "DEFAULT"}]
DATA = {
    "salsa": {"segments": GROUPS},
    "segmenter": {"segments": [{"id": "s", "name": "n", "persons": [PERSON]}]},
}
SALSA = "/api/integration/ext/v1/segments"
ITEMS = [{"segmentId": GROUP, "name": "n", "description": "d", "externalSystemId": "x"}, {"name": "m"}]
BY_ID = {"identifierType": "SEGMENT_ID", "identifiers": [GROUP]}
SEGMENT = {"name": "n", "description": "d", "broadcastMediumId": "b", "segmentType": "t", "TagId": "t", "filters": [{}]}
VALID_CALLS = {
    "salsa.search_segments": ("POST", f"{SALSA}/search", {"payload": {"offset": 0, "count": 5}}),
    "salsa.search_segments by id": ("POST", f"{SALSA}/search", {"id": None, "header": {"refId": 1}, "payload": BY_ID}),
    "salsa.upsert_segments": ("PUT", SALSA, {"header": {"refId": "r"}, "payload": {"segments": ITEMS}}),
    "salsa.delete_segments": ("DELETE", SALSA, {"header": {}, "payload": {"segments": [{"segmentId": GROUP}]}}),
    "segmenter.create_segment": ("POST", "/segments", {**SEGMENT, "persons": [PERSON]}),
    "segmenter.update_segment": ("PUT", "/segments", {**SEGMENT, "id": "s", "persons": [PERSON]}),
    "segmenter.update_segment by path": ("PUT", "/segments/s", {"persons": [PERSON, PERSON]}),
}
STATUSES = {"salsa": {200, 400, 405, 429}, "segmenter": {200, 400, 404}}
operations = pytest.mark.parametrize("operation", VALID_CALLS)
quick = settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])

ATOMS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()), max_size=8)
    | st.sampled_from(["", " ", "\0", "\ud800", GROUP, GROUP.upper(), BUILT_IN, "x" * 300, 10**400, -1, 2**63, "s"])
)  # fmt: skip
VALUES = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


def paths_of_members(value, path=()):
    """Yield the path of every member and item of *value*, as a tuple of names and indexes."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from paths_of_members(value[key], (*path, key))


@st.composite
def with_damage(draw, body):
    """Draw a copy of *body* with one or two random changes: members replaced, removed or added."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 2))):
        *path, last = draw(st.sampled_from([*paths_of_members(body)] or [("x",)]))
        inner = body
        for step in path:
            inner = inner[step]
        if isinstance(inner, dict) and draw(st.booleans()):
            inner.pop(last, None)
        if isinstance(inner, list) or draw(st.booleans()):
            inner[last] = draw(VALUES)
        elif draw(st.booleans()):
            inner[draw(st.text(max_size=3))] = draw(VALUES)
    return body


def check_any_input(operation, body):
    """Send *body* to *operation*, and check the response, the journal and the state.

    A response with the status 200 fits its schema. For any other status, the error has the vendor's format and no
    record changes.
    """
    mock = SegmentMock(data=DATA)
    method, path, _ = VALID_CALLS[operation]
    name = operation.partition(" ")[0]
    before = mock.state()
    response = mock.session().request(method, path, data=body, headers=HEADERS)
    problem, entry = response.json(), mock.journal.entries()[0]

    assert (name, response.status_code) == (entry.operation, entry.status)
    assert response.status_code in STATUSES[entry.vendor], response.text
    if response.status_code == 200:
        assert {} == RESPONSES[name].validate(problem)
        mock.load(json.loads(json.dumps(mock.state())))
        return
    assert before == mock.state()
    assert () == entry.changes
    if entry.vendor == "salsa":
        assert ["id", "timestamp", "header", "errors"] == list(problem)
        assert [response.status_code] == [error["code"] for error in problem["errors"]]
    else:
        assert ["success", "message", "error"] == list(problem)


RESPONSES = {f"{vendor.name}.{row.name}": row.response for vendor in find_vendors() for row in vendor.operations}


@operations
@pytest.mark.parametrize("encode", [bytes, lambda body: (bytes([byte]) for byte in body)], ids=["whole", "chunked"])
def test_a_valid_body_is_accepted_whole_and_in_chunks(operation, encode):
    """The other tests change these bodies. The response fits the schema of the operation."""
    method, path, body = VALID_CALLS[operation]
    data = encode(json.dumps(body).encode())
    response = SegmentMock(data=DATA).session().request(method, path, data=data, headers=HEADERS)

    assert (200, {}) == (response.status_code, RESPONSES[operation.partition(" ")[0]].validate(response.json()))


@operations
@quick
@given(data=st.data())
def test_random_bytes_get_a_response_in_the_vendors_format(operation, data):
    check_any_input(operation, data.draw(st.binary()))


@operations
@quick
@given(data=st.data())
def test_random_json_gets_a_response_in_the_vendors_format(operation, data):
    check_any_input(operation, json.dumps(data.draw(VALUES)))


@operations
@quick
@given(data=st.data())
def test_a_damaged_body_is_performed_completely_or_not_at_all(operation, data):
    check_any_input(operation, json.dumps(data.draw(with_damage(VALID_CALLS[operation][2]))))


def nested(depth, template):
    """Return *template* as JSON, with each string "HERE" replaced by lists that are nested *depth* levels deep."""
    lists = "[" * depth + "]" * depth
    return json.dumps(template).replace('"HERE"', lists)


@operations
@pytest.mark.parametrize("depth", [90, 99, 100, 500, 900, 960, 980, 2000, 200_000])
def test_deep_nesting_gets_a_response_in_the_vendors_format(operation, depth):
    body = VALID_CALLS[operation][2]
    check_any_input(operation, nested(depth, {**body, "id": "HERE"}))
    check_any_input(operation, nested(depth, {**body, "header": {"refId": "HERE"}}))
    check_any_input(
        operation, nested(depth, {**body, "payload": {"segments": [{"segmentId": "HERE", "name": "HERE"}]}})
    )
    check_any_input(operation, nested(depth, {**body, "filters": ["HERE"], "persons": "HERE"}))
    check_any_input(operation, "[" * depth)


@operations
@pytest.mark.parametrize(
    ("encoding", "expected"), [("utf-8-sig", 200), ("utf-16", 400), ("utf-16-le", 400), ("utf-32", 400)]
)
def test_json_has_to_be_utf_8(operation, encoding, expected):
    """A byte order mark is allowed. Other encodings are refused, even if the Content-Type names them."""
    method, path, body = VALID_CALLS[operation]
    headers = {**HEADERS, "Content-Type": f"application/json; charset={encoding}"}
    data = json.dumps(body).encode(encoding)

    assert expected == SegmentMock(data=DATA).session().request(method, path, data=data, headers=headers).status_code


@pytest.mark.parametrize("headers", [{}, HEADERS])
@pytest.mark.parametrize(
    ("method", "path", "nearest"),
    [
        ("PUT", "/api/integration/ext/v2/segments", "PUT /api/integration/ext/v1/segments"),
        ("PUT", "/integration/ext/v1/segments", "PUT /api/integration/ext/v1/segments"),
        ("PUT", "/segment", "PUT /segments"),
        ("POST", "//Segments", "POST /segments"),
        ("OPTIONS", "/segment", "/segments"),
        ("FROB", "/~~~", "unknown path"),
    ],
)
def test_unmatched_path_is_a_problem_with_the_nearest_paths(method, path, nearest, headers):
    """Neither the host nor the path belongs to a vendor. The hint is in the body and in a header."""
    response = SegmentMock().session().request(method, path, data=b"{}", headers=headers)

    problem = response.json()
    assert (404, "application/problem+json") == (response.status_code, response.headers["Content-Type"])
    assert (404, "Not Found") == (problem["status"], problem["title"])
    assert f"{method} {path.replace('//', '/')}" in problem["detail"]
    assert problem["hint"] == response.headers["X-Segment-Mock-Hint"]
    assert nearest in problem["hint"]


@operations
def test_a_body_over_the_limit_gets_413_in_the_vendors_format(operation):
    """The body has a Content-Length or is sent in chunks. No record changes."""
    method, path, body = VALID_CALLS[operation]
    mock = SegmentMock(data=DATA, body_limit=40)
    before, text = mock.state(), json.dumps(body).encode().ljust(99)
    for chunks in (text, iter([text[:30], text[30:]])):
        response = mock.session().request(method, path, data=chunks, headers=HEADERS)

        assert 413 == response.status_code
        assert {"errors", "success"} & set(response.json())
    assert before == mock.state()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (
            {"segmenter": {"segments": [{"name": "A", "persons": [{"externalId": "1"}, {"mail": "x"}]}]}},
            "data.segmenter.segments[0].persons[1].mail: unknown member (did you mean 'email'?); expected one of ",
        ),
        (
            {"salsa": {"supporters": [{"contacts": [{"type": "EMAIL", "valeu": "x"}]}]}},
            "data.salsa.supporters[0].contacts[0].valeu: unknown member (did you mean 'value'?); expected one of ",
        ),
        (
            {"salsa": {"supporters": [{"address": {"cty": "x"}}]}},
            "data.salsa.supporters[0].address.cty: unknown member (did you mean 'city'?)",
        ),
        (
            {"salsa": {"supporters": [{"customFieldValues": [{"nam": "x"}]}]}},
            "data.salsa.supporters[0].customFieldValues[0].nam: unknown member (did you mean 'name'?)",
        ),
    ],
)
def test_error_of_a_misspelt_nested_member_has_its_path_and_the_nearest_name(data: Any, problem: str) -> None:
    with pytest.raises(SettingError) as error:
        SegmentMock(data=data)

    assert str(error.value).startswith(problem)


def test_vendor_methods_refuse_a_misspelt_nested_member() -> None:
    with SegmentMock() as mock, pytest.raises(SettingError, match=r"persons\[0\].mail: .*did you mean 'email'"):
        mock.segmenter.add_segment("A", persons=[{"mail": "x"}])
