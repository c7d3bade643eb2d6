"""Reading and editing records over the control plane, as the page does."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from segment_mock import create_app

SEGMENTS = "/_mock/records/salsa/segments"
GROUPS = [f"00000000-0000-4000-8000-{n:012}" for n in range(5)]
PEOPLE = [f"00000000-0000-4000-9000-{n:012}" for n in range(3)]
GROUP, PERSON = GROUPS[1], PEOPLE[1]
ADA = {"id": "p", "externalId": "1", "firstName": "Ada"}
DATA = {
    "salsa": {
        "segments": [{"segmentId": id_, "name": f"Group {n}"} for n, id_ in enumerate(GROUPS)],
        "supporters": [{"supporterId": id_, "firstName": f"Person {n}"} for n, id_ in enumerate(PEOPLE)],
        "members": [{"segment": "Group 1", "supporters": PEOPLE[:2]}],
    },
    "segmenter": {"segments": [{"id": "vip", "name": "VIP", "persons": [ADA]}]},
}


@pytest.fixture
def client() -> FlaskClient:
    return create_app(data=DATA).test_client()


def post_change(client: FlaskClient, path: str, before: Any, after: Any, **query: str) -> Any:
    """Replace the record *before* with *after* (None adds or deletes) and return the response; a server error fails."""
    response = client.post(path, json={"before": before, "after": after}, query_string=query)
    assert response.status_code < 500, response.text
    return response


def names(client: FlaskClient, path: str = SEGMENTS) -> list[str]:
    return [record.get("name") or record["firstName"] for record in client.get(path).json["records"]]


def test_tables_are_read_page_by_page(client: FlaskClient) -> None:
    page = client.get(f"{SEGMENTS}?offset=1&limit=2").json

    assert (["Group 1", "Group 2"], 5, 5) == (
        [row["name"] for row in page["records"]],
        page["total"],
        page["matching"],
    )


def test_search_is_case_insensitive_and_covers_every_value(client: FlaskClient) -> None:
    page = client.get(f"{SEGMENTS}?search=gROUP%203").json
    by_id = client.get("/_mock/records/salsa/members", query_string={"search": GROUP}).json

    assert (["Group 3"], 5, 1) == ([row["name"] for row in page["records"]], page["total"], page["matching"])
    assert 2 == by_id["matching"]


def test_organizations_list_their_tables_with_counts(client: FlaskClient) -> None:
    (one,) = client.get("/_mock/organizations").json["organizations"]

    assert "" == one["name"]
    assert {"vendor": "salsa", "table": "segments", "records": 5} in one["tables"]


def test_an_organization_can_be_selected_by_name_or_credential() -> None:
    client = create_app(data=DATA, credentials="isolated").test_client()
    client.get("/api/integration/ext/v1/metrics", headers={"authToken": "t"})
    name = client.get("/_mock/organizations").json["organizations"][1]["name"]
    record = client.get(SEGMENTS).json["records"][0]

    post_change(client, SEGMENTS, record, None, organization=name)

    assert 4 == client.get(f"{SEGMENTS}?organization=t").json["total"]
    assert 5 == client.get(SEGMENTS).json["total"]


def test_an_added_record_gets_an_id(client: FlaskClient) -> None:
    response = post_change(client, SEGMENTS, None, {"name": "New"})

    (change,) = response.json["changes"]
    assert ("salsa", "segments", None, "New") == (
        change["vendor"],
        change["table"],
        change["before"],
        change["after"]["name"],
    )
    assert "New" == names(client)[-1]


def test_an_edited_record_keeps_its_position_and_is_validated(client: FlaskClient) -> None:
    record = client.get(SEGMENTS).json["records"][2]

    response = post_change(client, SEGMENTS, record, {**record, "name": "Renamed"})
    refused = post_change(client, SEGMENTS, {**record, "name": "Renamed"}, {**record, "name": "x" * 65})

    assert 1 == response.json["total"]
    assert ["Group 0", "Group 1", "Renamed", "Group 3", "Group 4"] == names(client)
    assert (400, True) == (refused.status_code, "name" in refused.json["detail"])


def test_deleting_a_group_deletes_its_memberships_but_no_supporters(client: FlaskClient) -> None:
    record = client.get(SEGMENTS).json["records"][1]

    post_change(client, SEGMENTS, record, None)

    state = client.get("/_mock/state").json["salsa"]
    assert (4, 3, []) == (len(state["segments"]), len(state["supporters"]), state["members"])


def test_deleting_a_person_of_the_segmenter_removes_them_from_segments(client: FlaskClient) -> None:
    (person,) = client.get("/_mock/records/segmenter/persons").json["records"]

    post_change(client, "/_mock/records/segmenter/persons", person, None)

    assert [] == client.get("/_mock/state").json["segmenter"]["segments"][0]["persons"]


def test_related_lists_the_records_that_belong_to_a_record(client: FlaskClient) -> None:
    def related(path: str, key: str) -> dict[str, list[str]]:
        rows = client.get(f"/_mock/related/{path}", query_string={"key": key}).json["related"]
        return {row["table"]: [one.get("name") or one["firstName"] for one in row["records"]] for row in rows}

    assert {"supporters": ["Person 0", "Person 1"]} == related("salsa/segments", GROUP)
    assert {"segments": ["Group 1"]} == related("salsa/supporters", PERSON)
    assert {"persons": ["Ada"]} == related("segmenter/segments", "vip")
    assert {"segments": ["VIP"]} == related("segmenter/persons", "p")


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ({"segmentId": GROUP, "name": "old"}, None, 409),
        ({"segmentId": "gone"}, None, 409),
        ({}, None, 400),
        ({"segmentId": []}, None, 400),
        (None, {"nmae": "x"}, 400),
        (None, {"name": "x", "segmentId": GROUP}, 400),
        (None, {"name": 5}, 400),
        (None, [], 400),
        (None, None, 200),
    ],
)
def test_an_invalid_change_changes_nothing(client: FlaskClient, before: Any, after: Any, status: int) -> None:
    state = client.get("/_mock/state").json

    assert status == post_change(client, SEGMENTS, before, after).status_code
    assert state == client.get("/_mock/state").json


@pytest.mark.parametrize("after", [{"name": 5}, {"name": None}, {"name": "x", "segmentId": "other"}, {"nmae": "x"}])
def test_an_invalid_edit_changes_nothing(client: FlaskClient, after: Any) -> None:
    record, state = client.get(SEGMENTS).json["records"][0], client.get("/_mock/state").json

    response = post_change(client, SEGMENTS, record, {"segmentId": record["segmentId"], **after})

    assert (400, state) == (response.status_code, client.get("/_mock/state").json)


def test_restoring_a_snapshot_undoes_an_edit(client: FlaskClient) -> None:
    state = client.get("/_mock/state").json
    client.post("/_mock/snapshots/before")
    post_change(client, SEGMENTS, client.get(SEGMENTS).json["records"][1], None)
    since = client.get("/_mock/snapshots/before/changes").json["changes"]
    client.post("/_mock/snapshots/before/restore")

    assert ["before"] == [row["name"] for row in client.get("/_mock/snapshots").json["snapshots"]]
    assert {"salsa.segments": 1, "salsa.members": 2} == {table: len(rows) for table, rows in since.items()}
    assert state == client.get("/_mock/state").json


def test_a_journal_entry_lists_the_changes_since_its_call(client: FlaskClient) -> None:
    headers = {"authToken": "t"}
    for name in "AB":
        body = {"payload": {"segments": [{"name": name}]}}
        client.put("/api/integration/ext/v1/segments", json=body, headers=headers)

    after_first = client.get("/_mock/journal/1/changes").json["changes"]
    client.put("/_mock/state", json={})
    replaced = client.get("/_mock/journal/2/changes").json["changes"]

    assert ["B"] == [row["after"]["name"] for row in after_first["salsa.segments"]]
    assert 7 == len(replaced["salsa.segments"])
    assert "segmenter.persons" in replaced


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/_mock/journal/9/changes", 404),
        ("/_mock/records/salsa/segment", 404),
        ("/_mock/records/sals/segments", 404),
        (f"{SEGMENTS}?limit=-1", 400),
        (f"{SEGMENTS}?offset=99999999999", 400),
        ("/_mock/related/salsa/segments?key=x", 404),
    ],
)
def test_invalid_paths_and_queries_are_problem_json(client: FlaskClient, path: str, status: int) -> None:
    response = client.get(path)

    assert (status, "application/problem+json") == (response.status_code, response.content_type)


def test_ten_thousand_records_can_be_paged_and_edited(client: FlaskClient) -> None:
    client.put("/_mock/state", json={"salsa": {"segments": [{"name": f"Group {n}"} for n in range(10_000)]}})
    page = client.get(f"{SEGMENTS}?offset=9990&limit=100").json

    response = post_change(client, SEGMENTS, page["records"][0], {**page["records"][0], "name": "Renamed"})

    assert (10, 10_000, 1) == (len(page["records"]), page["total"], response.json["total"])


def test_fault_kinds_have_settings_operations_and_conditions(client: FlaskClient) -> None:
    response = client.get("/_mock/fault-kinds").json
    kinds = {kind["name"]: kind for kind in response["kinds"]}

    assert {"latency", "disconnect", "item"} <= kinds.keys()
    assert "seconds" in [row["name"] for row in kinds["latency"]["settings"]]
    assert all(row["help"] and row["type"] for kind in kinds.values() for row in kind["settings"])
    assert "salsa.get_metrics" not in kinds["item"]["operations"]
    assert ["skip", "times", "every"] == [row["name"] for row in response["conditions"]][:3]


def test_shipped_examples_have_a_complete_request(client: FlaskClient) -> None:
    examples = client.get("/_mock/examples").json["examples"]

    assert [] == [one["title"] for one in examples if not {"method", "path"} <= one["request"].keys()]
    assert {one["request"]["method"] for one in examples if "body" not in one["request"]} <= {"GET", "DELETE"}
    assert all(one["mark"] in ("documented", "recorded", "assumed") and one["title"] for one in examples)
