"""Salsa: assigning supporters to groups, and removing them."""

from tests.vendors.people import CRM, OTHER, assign, delete, find, groups, members, person, remove, supporter_id


def make_api(salsa, people=2, joined=()):
    return salsa(
        [{"segmentId": CRM, "name": "crm"}, {"segmentId": OTHER, "name": "other"}],
        supporters=[person(n) for n in range(people)],
        members=[{"segment": CRM, "supporters": [supporter_id(n) for n in joined]}],
    )


def member_ids(api, segment=CRM):
    return [item["supporterId"] for item in members(api, segment)["supporters"]]


def counts(api):
    return [segment["totalMembers"] for segment in api.search()["segments"]]


def test_assigning_returns_a_result_for_each_supporter(salsa):
    """Results come in the order of the request, with the recorded members and no others."""
    api = make_api(salsa)

    expected = [{"readOnly": False, "supporterId": supporter_id(n), "result": "ADDED"} for n in (1, 0)]
    assert expected == assign(api, supporter_id(1), supporter_id(0))
    assert ["readOnly", "supporterId", "result"] == list(assign(api, supporter_id(1))[0])
    assert [supporter_id(1), supporter_id(0)] == member_ids(api)


def test_removing_returns_a_result_for_each_supporter(salsa):
    """The other members stay in the group."""
    api = make_api(salsa, people=3, joined=(0, 1, 2))

    expected = [{"readOnly": False, "supporterId": supporter_id(n), "result": "DELETED"} for n in (2, 0)]
    assert expected == remove(api, supporter_id(2), supporter_id(0))
    assert [supporter_id(1)] == member_ids(api)
    assert 3 == len(api.mock.salsa.supporters)


def test_results_have_the_read_only_flag_of_the_supporter(salsa):
    api = salsa([{"segmentId": CRM, "name": "crm"}], supporters=[person(0, readOnly=True)])

    assert [True, True] == [action(api, supporter_id(0))[0]["readOnly"] for action in (assign, remove)]


def test_assigning_a_member_again_is_added_and_changes_nothing(salsa):
    """The date of joining and the position in the group stay."""
    api = make_api(salsa, joined=(0, 1))
    before = api.mock.salsa.members
    api.mock.clock.advance(60)

    assert ["ADDED"] == [item["result"] for item in assign(api, supporter_id(0))]
    assert before == api.mock.salsa.members
    assert () == api.mock.journal.entries()[-1].changes


def test_a_supporter_twice_in_a_call_is_added_twice_and_removed_once(salsa):
    """Items of a batch are performed in sequence."""
    api = make_api(salsa)

    assert ["ADDED", "ADDED"] == [item["result"] for item in assign(api, supporter_id(0), supporter_id(0))]
    assert 1 == members(api)["total"]
    assert ["DELETED", "NOT_FOUND"] == [item["result"] for item in remove(api, supporter_id(0), supporter_id(0))]


def test_ids_are_case_insensitive(salsa):
    """Ids of groups and supporters match in upper case; responses have them in lower case."""
    api = make_api(salsa)

    assert [supporter_id(0)] == [
        item["supporterId"] for item in assign(api, supporter_id(0).upper(), segment=CRM.upper())
    ]
    supporters = members(api, CRM.upper(), supporterIds=[supporter_id(0).upper()])["supporters"]
    assert [(supporter_id(0), "FOUND")] == [(item["supporterId"], item["result"]) for item in supporters]
    assert [{"segmentId": CRM, "supporterId": supporter_id(0)}] == [
        {name: row[name] for name in ("segmentId", "supporterId")} for row in api.mock.salsa.members
    ]
    assert ["DELETED"] == [item["result"] for item in remove(api, supporter_id(0).upper(), segment=CRM.upper())]


def test_total_members_follows_each_change(salsa):
    """The test assigns and removes members, and deletes a supporter and a group."""
    api = make_api(salsa, people=3, joined=(0,))
    seen = [counts(api)]
    for action in (
        lambda: assign(api, supporter_id(1), supporter_id(2)),
        lambda: assign(api, supporter_id(1), segment=OTHER),
        lambda: remove(api, supporter_id(0)),
        lambda: delete(api, supporter_id(1)),
        lambda: api.delete(OTHER),
    ):
        action()
        seen.append(counts(api))

    assert [[1, 0], [3, 0], [3, 1], [2, 1], [1, 0], [1]] == seen


def test_deleting_a_group_deletes_its_memberships(salsa):
    """Its supporters stay in their other groups, and a group that is revived under the id has no members."""
    api = make_api(salsa, joined=(0, 1))
    assign(api, supporter_id(0), segment=OTHER)
    api.delete(CRM)

    assert [OTHER] == [row["segmentId"] for row in api.mock.salsa.members]
    assert 2 == find(api, "SUPPORTER_ID", supporter_id(0), supporter_id(1))["count"]
    (result,) = groups(api, "SUPPORTER_ID", supporter_id(0))["results"]
    assert [OTHER] == [segment["segmentId"] for segment in result["segments"]]
    api.upsert({"segmentId": CRM, "name": "crm again"})
    assert [] == member_ids(api)


def test_deleting_a_supporter_deletes_the_memberships(salsa):
    """Each of the groups keeps its other members."""
    api = make_api(salsa, joined=(0, 1))
    assign(api, supporter_id(0), segment=OTHER)
    delete(api, supporter_id(0))

    assert [(CRM, supporter_id(1))] == [(row["segmentId"], row["supporterId"]) for row in api.mock.salsa.members]
    assert ([supporter_id(1)], []) == (member_ids(api), member_ids(api, OTHER))
