"""Salsa: supporters are assigned to groups and removed from them."""

from tests.vendors.people import CRM, OTHER, assign, delete, find, groups, members, person, remove, sid


def world(salsa, people=2, joined=()):
    return salsa(
        [{"segmentId": CRM, "name": "crm"}, {"segmentId": OTHER, "name": "other"}],
        supporters=[person(n) for n in range(people)],
        members=[{"segment": CRM, "supporters": [sid(n) for n in joined]}],
    )


def who(api, segment=CRM):
    return [item["supporterId"] for item in members(api, segment)["supporters"]]


def counts(api):
    return [segment["totalMembers"] for segment in api.search()["segments"]]


def test_assigning(salsa):
    """Each supporter's result comes back in the order sent, with the recorded members and no others."""
    api = world(salsa)

    expected = [{"readOnly": False, "supporterId": sid(n), "result": "ADDED"} for n in (1, 0)]
    assert expected == assign(api, sid(1), sid(0))
    assert ["readOnly", "supporterId", "result"] == list(assign(api, sid(1))[0])
    assert [sid(1), sid(0)] == who(api)


def test_removing(salsa):
    """Each supporter's result comes back; the others stay."""
    api = world(salsa, people=3, joined=(0, 1, 2))

    expected = [{"readOnly": False, "supporterId": sid(n), "result": "DELETED"} for n in (2, 0)]
    assert expected == remove(api, sid(2), sid(0))
    assert [sid(1)] == who(api)
    assert 3 == len(api.mock.salsa.supporters)


def test_read_only_is_the_supporters_own(salsa):
    api = salsa([{"segmentId": CRM, "name": "crm"}], supporters=[person(0, readOnly=True)])

    assert [True, True] == [action(api, sid(0))[0]["readOnly"] for action in (assign, remove)]


def test_existing_member_stays_a_member(salsa):
    """Assigning again is ADDED again; when and in which place they joined does not change."""
    api = world(salsa, joined=(0, 1))
    before = api.mock.salsa.members
    api.mock.clock.advance(60)

    assert ["ADDED"] == [item["result"] for item in assign(api, sid(0))]
    assert before == api.mock.salsa.members
    assert () == api.mock.journal.entries()[-1].changes


def test_one_supporter_twice_in_a_call(salsa):
    """A batch is performed in sequence: added twice, removed once."""
    api = world(salsa)

    assert ["ADDED", "ADDED"] == [item["result"] for item in assign(api, sid(0), sid(0))]
    assert 1 == members(api)["total"]
    assert ["DELETED", "NOT_FOUND"] == [item["result"] for item in remove(api, sid(0), sid(0))]


def test_ids_match_in_any_case(salsa):
    """Upper-case ids of group and supporter are the same ids; responses have them in lower case."""
    api = world(salsa)

    assert [sid(0)] == [item["supporterId"] for item in assign(api, sid(0).upper(), segment=CRM.upper())]
    supporters = members(api, CRM.upper(), supporterIds=[sid(0).upper()])["supporters"]
    assert [(sid(0), "FOUND")] == [(item["supporterId"], item["result"]) for item in supporters]
    assert [{"segmentId": CRM, "supporterId": sid(0)}] == [
        {name: row[name] for name in ("segmentId", "supporterId")} for row in api.mock.salsa.members
    ]
    assert ["DELETED"] == [item["result"] for item in remove(api, sid(0).upper(), segment=CRM.upper())]


def test_the_count_of_members_follows(salsa):
    """totalMembers is right after every assignment, removal and deletion."""
    api = world(salsa, people=3, joined=(0,))
    seen = [counts(api)]
    for action in (
        lambda: assign(api, sid(1), sid(2)),
        lambda: assign(api, sid(1), segment=OTHER),
        lambda: remove(api, sid(0)),
        lambda: delete(api, sid(1)),
        lambda: api.delete(OTHER),
    ):
        action()
        seen.append(counts(api))

    assert [[1, 0], [3, 0], [3, 1], [2, 1], [1, 0], [1]] == seen


def test_deleting_a_group_deletes_its_memberships(salsa):
    """Its supporters stay, in their other groups; a group revived under the id begins empty."""
    api = world(salsa, joined=(0, 1))
    assign(api, sid(0), segment=OTHER)
    api.delete(CRM)

    assert [OTHER] == [row["segmentId"] for row in api.mock.salsa.members]
    assert 2 == find(api, "SUPPORTER_ID", sid(0), sid(1))["count"]
    (result,) = groups(api, "SUPPORTER_ID", sid(0))["results"]
    assert [OTHER] == [segment["segmentId"] for segment in result["segments"]]
    api.upsert({"segmentId": CRM, "name": "crm again"})
    assert [] == who(api)


def test_deleting_a_supporter_deletes_the_memberships(salsa):
    """Every group lists the others only."""
    api = world(salsa, joined=(0, 1))
    assign(api, sid(0), segment=OTHER)
    delete(api, sid(0))

    assert [(CRM, sid(1))] == [(row["segmentId"], row["supporterId"]) for row in api.mock.salsa.members]
    assert ([sid(1)], []) == (who(api), who(api, OTHER))
