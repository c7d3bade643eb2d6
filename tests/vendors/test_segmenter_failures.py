"""The Segmenter: refusals, in both of the documented formats."""

import pytest

SEGMENT = {"id": "s", "name": "n"}
CREATE = {"name": "n", "broadcastMediumId": "b", "segmentType": "t"}
UPDATE = {"id": "s"}

INVALID_BODIES = [
    ("PUT", {}, "id"),
    ("PUT", {"id": ""}, "id"),
    ("PUT", {"id": None}, "id"),
    ("PUT", {"id": 5.5}, "id"),
    ("PUT", {"id": True}, "id"),
    ("PUT", {**UPDATE, "name": ""}, "name"),
    ("PUT", {**UPDATE, "name": None}, "name"),
    ("PUT", {**UPDATE, "broadcastMediumId": " "}, "broadcastMediumId"),
    ("PUT", {**UPDATE, "segmentType": []}, "segmentType"),
    ("PUT", {**UPDATE, "description": 1}, "description"),
    ("PUT", {**UPDATE, "persons": {}}, "persons"),
    ("PUT", {**UPDATE, "persons": "x"}, "persons"),
    ("PUT", {**UPDATE, "persons": [{"externalId": "1"}, None]}, "persons[1]"),
    ("PUT", {**UPDATE, "persons": ["x"]}, "persons[0]"),
    ("PUT", {**UPDATE, "persons": [{"firstName": "x"}]}, "persons[0].externalId"),
    ("PUT", {**UPDATE, "persons": [{"externalId": "", "email": ""}]}, "persons[0].externalId"),
    ("PUT", {**UPDATE, "persons": [{"externalId": [7]}]}, "persons[0].externalId"),
    ("PUT", {**UPDATE, "persons": [{"externalId": "1", "email": True}]}, "persons[0].email"),
    ("PUT", {**UPDATE, "persons": [{"externalId": "1", "substitutionTags": {}}]}, "persons[0].substitutionTags"),
    (
        "PUT",
        {**UPDATE, "persons": [{"externalId": "1", "substitutionTags": [{"tag": "t"}]}]},
        "persons[0].substitutionTags[0].value",
    ),
    (
        "PUT",
        {**UPDATE, "persons": [{"externalId": "1", "substitutionTags": [{"tag": "", "value": "v"}]}]},
        "persons[0].substitutionTags[0].tag",
    ),
    ("POST", {**CREATE, "name": None}, "name"),
    ("POST", {**CREATE, "filters": "x"}, "filters"),
    ("POST", {**CREATE, "TagId": {}}, "TagId"),
    ("POST", {**CREATE, "persons": [[]]}, "persons[0]"),
    *(("POST", {k: v for k, v in CREATE.items() if k != name}, name) for name in CREATE),
]


@pytest.mark.parametrize(("method", "body", "field"), INVALID_BODIES)
def test_an_invalid_field_is_400_and_is_named(segmenter, method, body, field):
    """The message begins with the path of the field; neither the segment nor a person is stored."""
    api = segmenter([SEGMENT])
    before = api.mock.state()
    response = api.send(method, "", body)

    assert (400, ["success", "message", "error"]) == (response.status_code, list(response.json()))
    assert (False, "Bad Request") == (response.json()["success"], response.json()["error"])
    assert response.json()["message"].startswith(f"{field}: ")
    assert before == api.mock.state()


def test_an_unknown_id_is_404_and_is_named(segmenter):
    """Persons of the request are not stored."""
    api = segmenter([SEGMENT])
    response = api.send("PUT", "", {"id": "other", "persons": [{"externalId": "1"}]})

    expected = {"success": False, "message": "id: no segment has the id 'other'", "error": "Not Found"}
    assert (404, expected) == (response.status_code, response.json())
    assert [] == api.mock.segmenter.persons


def test_different_ids_in_path_and_body_are_400(segmenter):
    """The message names both."""
    response = segmenter([SEGMENT]).send("PUT", "/s", {"id": "other"})

    assert (400, "id: 'other' in the body is not 's' in the path.") == (
        response.status_code,
        response.json()["message"],
    )


@pytest.mark.parametrize(
    ("body", "phrase"),
    [(b"", "no body"), (b"{", "not JSON"), (b"\xff", "not UTF-8"), (b"[]", "an array"), (b"null", "null")],
)
def test_the_body_must_be_a_json_object(segmenter, body, phrase):
    """Otherwise the response is 400, and its message says what is wrong."""
    response = segmenter([SEGMENT]).send("PUT", "", body)

    assert 400 == response.status_code
    assert phrase in response.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "phrase"),
    [("PUT", "", {"id": "other"}, "'other'"), ("PUT", "/s", {"name": 5}, "name: "), ("POST", "", {}, "name: ")],
)
def test_a_setting_selects_the_other_documented_format(segmenter, method, path, body, phrase):
    """The response is 200 with isUpdated false and an errorMessage; the hint of the default format names the flag."""
    settings = {"segmenter_failures": "is-updated-false"}
    response = segmenter([SEGMENT], settings=settings).send(method, path, body)

    assert (200, ["data", "errorMessage"]) == (response.status_code, list(response.json()))
    assert {"isUpdated": False} == response.json()["data"]
    assert phrase in response.json()["errorMessage"]
    hint = segmenter([SEGMENT]).send(method, path, body).headers["X-Segment-Mock-Hint"]
    assert "--segmenter-failures is-updated-false" in hint


@pytest.mark.parametrize("settings", [{}, {"segmenter_failures": "is-updated-false"}])
@pytest.mark.parametrize("key", [None, ""])
def test_a_key_is_required(segmenter, key, settings):
    """A missing key is 403 with a message only, in either format of failures."""
    response = segmenter([SEGMENT], settings=settings).send("PUT", "", {"id": "s"}, x_api_key=key)

    expected = {"message": "Access forbidden. Please provide a valid API token"}
    assert (403, expected) == (response.status_code, response.json())
    assert "x-api-key" in response.headers["X-Segment-Mock-Hint"]


def test_with_listed_credentials_only_these_keys_are_accepted(segmenter):
    api = segmenter([SEGMENT], settings={"credentials": "listed", "segmenter_key": "key"})
    other = api.send("PUT", "", {"id": "s"}, x_api_key="other")

    assert 200 == api.send("PUT", "", {"id": "s"}).status_code
    assert 403 == other.status_code
    assert "--segmenter-key" in other.headers["X-Segment-Mock-Hint"]


def test_salsas_token_header_is_not_accepted_as_a_key(segmenter):
    assert 403 == segmenter([SEGMENT]).send("PUT", "", {"id": "s"}, x_api_key=None, authToken="key").status_code


def test_calls_are_not_limited(segmenter):
    """The vendor's documents mention no limit."""
    api = segmenter([SEGMENT])

    assert {200} == {api.send("PUT", "", {"id": "s"}).status_code for _ in range(301)}
