"""A response names every assumption that it relied on, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

import segment_mock
from segment_mock import SegmentMock, create_app
from segment_mock.cli import main
from segment_mock.vendors import find_vendors

VENDORS = {vendor.name: vendor for vendor in find_vendors()}
NAMES = [(vendor.name, name) for vendor in VENDORS.values() for name in vendor.assumptions]
SOURCE = Path(segment_mock.__file__).parent
ROOT = "/api/integration/ext/v1"
HEADERS = {"authToken": "t", "x-api-key": "k"}
ASSUMED = "X-Segment-Mock-Assumed"
GROUP, OTHER, BUILT_IN, CUSTOM, UNKNOWN, ADA, BOB, CY = (
    f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abcdef12"
)
DATA: dict[str, Any] = {
    "salsa": {
        "segments": [
            {"segmentId": GROUP, "name": "Group", "description": "d", "externalSystemId": "g"},
            {"segmentId": OTHER, "name": "Other", "externalSystemId": "o"},
            {"segmentId": BUILT_IN, "name": "Built in", "type": "DEFAULT", "externalSystemId": "o"},
            {"segmentId": CUSTOM, "name": "Custom", "type": "CUSTOM"},
        ],
        "supporters": [
            {
                "supporterId": ADA,
                "lastName": "Example",
                "address": {"state": "IL"},
                "contacts": [{"type": "EMAIL", "value": "ada@example.org"}],
                "customFieldValues": [{"name": "Shirt", "value": "M"}],
            },
            {"supporterId": BOB, "contacts": [{"type": "EMAIL", "value": "bob@example.org"}]},
            {"supporterId": CY, "contacts": [{"type": "EMAIL", "value": "bob@example.org"}]},
        ],
        "members": [
            {"segment": GROUP, "supporters": [ADA, {"supporter": BOB, "joinedDate": "2020-01-02T00:00:00.000Z"}]}
        ],
    },
    "segmenter": {
        "segments": [
            {"id": "s", "name": "S", "persons": [{"externalId": "1", "email": "one@example.org", "firstName": "One"}]}
        ],
        "persons": [{"externalId": "2", "email": "two@example.org", "substitutionTags": [{"tag": "a", "value": "1"}]}],
    },
}

Call = tuple[str, str, Any]


def salsa(method: str, path: str, **payload: Any) -> Call:
    return method, f"{ROOT}/{path}", {"payload": payload}


ADDRESS, FRESH = ({"type": "EMAIL", "value": f"{name}@example.org"} for name in ("ada", "new"))
SHIRT, HAT = {"name": "Shirt", "value": "L"}, {"name": "Hat", "value": "L"}
MET = {"name": "Met", "type": "DATE", "value": "06/07/2016"}


def ada(**members: Any) -> Call:
    return salsa("PUT", "supporters", supporters=[{"supporterId": ADA, **members}])


def groups(**payload: Any) -> Call:
    return salsa("POST", "segments/search", **payload)


def members(**payload: Any) -> Call:
    return salsa("POST", "segments/members/search", **{"segmentId": GROUP, "offset": 0, "count": 20, **payload})


def supporters(**payload: Any) -> Call:
    return salsa("POST", "supporters/search", **payload)


def upsert(**item: Any) -> Call:
    return salsa("PUT", "segments", segments=[item])


def assign(*people: str, group: str = GROUP, method: str = "PUT") -> Call:
    return salsa(method, "segments/members", segmentId=group, supporterIds=[*people])


def remove(*people: str, group: str = GROUP) -> Call:
    return assign(*people, group=group, method="DELETE")


def delete(key: str) -> Call:
    return salsa("DELETE", "segments", segments=[{"segmentId": key}])


def update(*persons: Any, path: str = "/segments", **members: Any) -> Call:
    all_members = {"name": "S", "broadcastMediumId": "b", "segmentType": "t", "description": "d"}
    return "PUT", path, {"id": "s", **all_members, "persons": [*persons], **members}


def create(**members: Any) -> Call:
    return "POST", "/segments", members


METRICS: Call = ("GET", f"{ROOT}/metrics", None)
ALL = groups(offset=0, count=20)
ONE = {"externalId": "1", "email": "one@example.org", "firstName": "One"}
TWO = {"externalId": "2", "email": "two@example.org"}
NEW = {"externalId": "3", "email": "three@example.org"}
AT_BOB = "2020-01-02T00:00:00.000Z"


@dataclass
class Probe:
    """A call that relies on an assumption, a similar call that does not, and the calls to send before each."""

    relying: Call
    near: Call
    before: list[Call] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)


PROBES: dict[tuple[str, str], Probe] = {
    ("salsa", "trailing_slash"): Probe(("POST", f"{ROOT}/segments/search/", ALL[2]), ALL),
    ("salsa", "numeric_ids"): Probe(
        groups(identifiers=[98563, "g"], identifierType="EXTERNAL_ID"),
        groups(identifiers=["98563", "g"], identifierType="EXTERNAL_ID"),
    ),
    ("salsa", "page_size"): Probe(groups(), ALL),
    ("salsa", "empty_page"): Probe(groups(offset=9, count=5), ALL),
    ("salsa", "paging_beside_identifiers"): Probe(
        groups(identifiers=[GROUP, OTHER], identifierType="SEGMENT_ID", count=1),
        groups(identifiers=[GROUP, OTHER], identifierType="SEGMENT_ID", offset=0, count=2),
    ),
    ("salsa", "sort_order"): Probe(members(sortOrder="ASC"), members()),
    ("salsa", "duplicate_identifiers"): Probe(
        groups(identifiers=[GROUP, GROUP.upper()], identifierType="SEGMENT_ID"),
        groups(identifiers=["x", "X"], identifierType="EXTERNAL_ID"),
    ),
    ("salsa", "not_found_counted"): Probe(
        groups(identifiers=[GROUP, UNKNOWN], identifierType="SEGMENT_ID"),
        groups(identifiers=[GROUP], identifierType="SEGMENT_ID"),
    ),
    ("salsa", "unknown_id_echo"): Probe(
        groups(identifiers=[UNKNOWN.upper()], identifierType="SEGMENT_ID"),
        groups(identifiers=[UNKNOWN, GROUP.upper()], identifierType="SEGMENT_ID"),
    ),
    ("salsa", "unknown_email"): Probe(
        supporters(identifiers=["x@example.org"], identifierType="EMAIL_ADDRESS"),
        supporters(identifiers=["ada@example.org"], identifierType="EMAIL_ADDRESS"),
    ),
    ("salsa", "shared_external_id"): Probe(
        groups(identifiers=["o"], identifierType="EXTERNAL_ID"), groups(identifiers=["g"], identifierType="EXTERNAL_ID")
    ),
    ("salsa", "shared_email"): Probe(
        supporters(identifiers=["bob@example.org"], identifierType="EMAIL_ADDRESS"),
        supporters(identifiers=["ada@example.org"], identifierType="EMAIL_ADDRESS"),
    ),
    ("salsa", "email_case"): Probe(
        supporters(identifiers=["Ada@example.org"], identifierType="EMAIL_ADDRESS"),
        supporters(identifiers=["ada@example.org"], identifierType="EMAIL_ADDRESS"),
    ),
    ("salsa", "time_without_zone"): Probe(
        members(joinedSince="2019-01-01T00:00:00"), members(joinedSince="2019-01-01T00:00:00Z")
    ),
    ("salsa", "joined_since"): Probe(members(joinedSince=AT_BOB), members(joinedSince="2020-01-01T00:00:00Z")),
    ("salsa", "unknown_group_search"): Probe(members(segmentId=UNKNOWN), members()),
    ("salsa", "not_crm_group"): Probe(upsert(segmentId=CUSTOM, name="X"), upsert(segmentId=GROUP, name="X")),
    ("salsa", "name_comparison"): Probe(upsert(name="group"), upsert(name="Group")),
    ("salsa", "blank_name"): Probe(upsert(name="  "), upsert(name="")),
    ("salsa", "text_length"): Probe(upsert(name="\N{PARTY POPPER}" * 33), upsert(name="\N{PARTY POPPER}" * 32)),
    ("salsa", "omitted_members"): Probe(
        upsert(segmentId=GROUP, name="Group"),
        upsert(segmentId=GROUP, name="Group", description="e", externalSystemId="e"),
    ),
    ("salsa", "null_members"): Probe(
        upsert(segmentId=GROUP, name="Group", description=None), upsert(segmentId=OTHER, name="Other", description=None)
    ),
    ("salsa", "revived_id"): Probe(
        upsert(segmentId=GROUP, name="Again"), upsert(segmentId=UNKNOWN, name="Again"), [delete(GROUP)]
    ),
    ("salsa", "memberships_end"): Probe(delete(GROUP), delete(OTHER)),
    ("salsa", "unknown_group"): Probe(assign(ADA, group=UNKNOWN), assign(ADA, group=OTHER)),
    ("salsa", "custom_group_members"): Probe(assign(ADA, group=CUSTOM), assign(ADA, group=OTHER)),
    ("salsa", "unknown_supporter"): Probe(assign(UNKNOWN), assign(CY)),
    ("salsa", "assigned_twice"): Probe(assign(ADA), assign(CY)),
    ("salsa", "removed_non_member"): Probe(remove(CY), remove(ADA)),
    ("salsa", "address_update"): Probe(ada(address={"city": "Oslo"}), ada(address={"city": "Oslo"}, supporterId=BOB)),
    ("salsa", "update_without_email"): Probe(ada(title="Dr"), ada(title="Dr", contacts=[ADDRESS])),
    ("salsa", "update_reply"): Probe(ada(title="Dr"), ada(title="Dr", supporterId=UNKNOWN)),
    ("salsa", "supporter_lengths"): Probe(ada(title="x" * 256), ada(title="x" * 255)),
    ("salsa", "null_supporter_members"): Probe(ada(title=None), ada(title="Dr")),
    ("salsa", "cleared_name"): Probe(ada(lastName=""), ada(lastName="", supporterId=BOB)),
    ("salsa", "repeated_entry"): Probe(ada(contacts=[ADDRESS, ADDRESS]), ada(contacts=[ADDRESS, FRESH])),
    ("salsa", "contact_status"): Probe(ada(contacts=[FRESH]), ada(contacts=[{**FRESH, "status": "OPT_IN"}])),
    ("salsa", "custom_field_definition"): Probe(ada(customFieldValues=[HAT]), ada(customFieldValues=[SHIRT])),
    ("salsa", "custom_field_types"): Probe(
        ada(customFieldValues=[{**MET, "value": "x"}]), ada(customFieldValues=[{**MET, "value": "2016-06-07"}])
    ),
    ("salsa", "custom_field_dates"): Probe(
        ada(customFieldValues=[MET]), ada(customFieldValues=[{**MET, "value": "2016-06-07"}])
    ),
    ("salsa", "error_details"): Probe(ada(address={"city": 5}), ada(gender="x")),
    ("salsa", "calls_left"): Probe(METRICS, ALL),
    ("salsa", "no_call_yet"): Probe(METRICS, ALL),
    ("salsa", "failed_calls"): Probe(METRICS, ALL, [groups(count="x")]),
    ("salsa", "groups_counted"): Probe(
        salsa("POST", "supporters/groups", identifiers=[ADA], identifierType="SUPPORTER_ID"), ALL
    ),
    ("segmenter", "trailing_slash"): Probe(update(ONE, path="/segments/"), update(ONE)),
    ("segmenter", "numeric_ids"): Probe(update({**ONE, "externalId": 1}), update(ONE)),
    ("segmenter", "null_lists"): Probe(update(ONE, filters=None), update(ONE, filters=[])),
    ("segmenter", "omitted_members"): Probe(("PUT", "/segments", {"id": "s", "name": "S"}), update(ONE)),
    ("segmenter", "null_members"): Probe(update(ONE, description=None), update(ONE), [update(ONE)]),
    ("segmenter", "person_identity"): Probe(update(ONE), update(NEW)),
    ("segmenter", "leavers"): Probe(update(), update(ONE)),
    ("segmenter", "unsent_tags"): Probe(
        update(ONE, {**TWO, "substitutionTags": [{"tag": "b", "value": "2"}]}),
        update(ONE, {**TWO, "substitutionTags": [{"tag": "a", "value": "2"}]}),
    ),
    ("segmenter", "same_person_twice"): Probe(update(ONE, NEW, NEW), update(ONE, NEW)),
    ("segmenter", "id_in_path_and_body"): Probe(update(ONE, path="/segments/t"), update(ONE, path="/segments/s")),
    ("segmenter", "failure_shape"): Probe(update(ONE, id="none"), update(ONE)),
    ("segmenter", "create_failure_shape"): Probe(create(name=""), update(name="")),
}


def response_to(probe: Probe, call: Call, **settings: Any) -> requests.Response:
    """Return the response to *call* from a new mock, after the calls that the probe sends before it."""
    mock = SegmentMock(data=DATA, **{**probe.settings, **settings})
    mock.clock.freeze("2024-01-01T00:00:00Z")
    with mock.session() as session:
        for method, path, body in [*probe.before, call]:
            response = session.request(method, path, json=body, headers=HEADERS)
    return response


def assumptions_in(response: Any) -> list[str]:
    """Return the names of the assumptions that *reply* relied on."""
    return [part.partition(":")[0] for part in response.headers.get(ASSUMED, "").split("; ")]


def test_every_assumption_has_a_probe() -> None:
    assert [*PROBES] == NAMES, "PROBES needs a probe of each assumption, in this order"


@pytest.mark.parametrize("name", NAMES, ids=".".join)
def test_a_response_names_only_the_assumptions_that_it_relied_on(name: tuple[str, str]) -> None:
    """The header of the relying call has the assumption's name and choice; that of the similar call does not."""
    probe, row = PROBES[name], VENDORS[name[0]].assumptions[name[1]]
    relying, near = response_to(probe, probe.relying), response_to(probe, probe.near)

    assert f"{name[1]}: {row.value}" in relying.headers.get(ASSUMED, "").split("; ")
    assert name[1] not in assumptions_in(near)


def probe_calls(vendor: str) -> list[tuple[Probe, Call]]:
    """Return every call of every probe of *vendor*, with its probe."""
    probes = [probe for (name, _), probe in PROBES.items() if name == vendor]
    return [(probe, call) for probe in probes for call in (probe.relying, probe.near)]


@cache
def responses(vendor: str) -> list[requests.Response]:
    """Return the responses to `probe_calls` with the shipped assumptions."""
    return [response_to(probe, call) for probe, call in probe_calls(vendor)]


@pytest.mark.parametrize("name", NAMES, ids=".".join)
def test_a_response_that_depends_on_a_choice_names_it(name: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If the choice in a row changes, the only responses that change are those that name the row."""
    table, calls = VENDORS[name[0]].assumptions, probe_calls(name[0])
    before = responses(name[0])
    monkeypatch.setitem(
        table, name[1], replace(table[name[1]], value=7 if name[1] == "page_size" else "OTHERWISE", setting="")
    )
    after = [response_to(probe, call) for probe, call in calls]

    changed = [response for response, other in zip(before, after, strict=True) if response.content != other.content]
    assert [] == [response.request.body for response in changed if name[1] not in assumptions_in(response)]


@pytest.mark.parametrize("setting", ["not_crm_group", "failure_shape"])
def test_a_response_names_the_choice_that_a_setting_makes(setting: str) -> None:
    """The header has the setting's value instead of the row's default."""
    vendor, flag, value = {
        "not_crm_group": ("salsa", "salsa_non_crm", "result"),
        "failure_shape": ("segmenter", "segmenter_failures", "is-updated-false"),
    }[setting]
    probe = PROBES[vendor, setting]

    assert f"{setting}: {value}" in response_to(probe, probe.relying, **{flag: value}).headers[ASSUMED]


def test_a_not_found_response_names_no_assumption_about_lengths() -> None:
    """The name is too long, but the group is unknown, so lengths are not checked."""
    response = response_to(PROBES["salsa", "page_size"], upsert(segmentId=UNKNOWN, name="A" * 65))

    assert "NOT_FOUND" in response.text
    assert ASSUMED not in response.headers


def test_every_transport_names_the_same_assumption() -> None:
    """The transports are a session, an interception, a live server and Flask's test client."""
    method, path, body = PROBES["salsa", "assigned_twice"].relying
    with SegmentMock(data=DATA) as mock:
        local = mock.session().request(method, path, json=body, headers=HEADERS)
        live = requests.request(method, mock.serve().url + path, json=body, headers=HEADERS, timeout=60)
        with mock.intercept():
            intercepted = requests.request(
                method, f"https://api.salsalabs.org{path}", json=body, headers=HEADERS, timeout=60
            )
    flask = create_app(data=DATA).test_client().open(path, method=method, json=body, headers=HEADERS)

    assert {"assigned_twice: ADDED"} == {response.headers[ASSUMED] for response in (local, live, intercepted, flask)}


def syntax_trees(vendor: str) -> Iterator[tuple[Path, ast.AST]]:
    """Yield each source file of *vendor* with its syntax tree."""
    for file in sorted((SOURCE / "vendors" / vendor).rglob("*.py")):
        yield file, ast.parse(file.read_text(encoding="utf-8"))


def assumptions_in_code(vendor: str) -> set[str]:
    """Return the name of every assumption that the code of *vendor* passes to ``assume``."""
    names: set[str] = set()
    for _, tree in syntax_trees(vendor):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "assume":
                name = node.args[0]
                choices = [name.body, name.orelse] if isinstance(name, ast.IfExp) else [name]
                names |= {str(choice.value) for choice in choices if isinstance(choice, ast.Constant)}
    return names


@pytest.mark.parametrize("vendor", VENDORS)
def test_code_reads_the_setting_of_an_assumption_only_through_assume(vendor: str) -> None:
    """No code of a vendor reads such a setting from ``call.options``."""
    settings = {row.setting for row in VENDORS[vendor].assumptions.values() if row.setting}
    read = {
        (file.name, node.slice.value)
        for file, tree in syntax_trees(vendor)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
        if getattr(node.value, "attr", "") == "options"
    }

    assert [] == [place for place in read if place[1] in settings]
    assert settings <= {option.name for option in VENDORS[vendor].options}


@pytest.mark.parametrize("vendor", VENDORS)
def test_only_errors_read_a_choice_without_naming_the_assumption(vendor: str) -> None:
    """Only ``errors.py`` calls ``call.choice_of``, and no code reads ``assumptions`` directly."""
    for file, tree in syntax_trees(vendor):
        for node in ast.walk(tree):
            name = getattr(node, "attr", "")
            assert name != "choice_of" or file.name == "errors.py", file
            assert name != "assumptions", file
    assert assumptions_in_code(vendor) <= VENDORS[vendor].assumptions.keys()


@pytest.mark.parametrize(
    "call",
    [
        upsert(name="N", externalSystemId=1),
        salsa("DELETE", "segments", segments=[{"segmentId": 1}]),
        members(segmentId=1),
        salsa("PUT", "segments/members", segmentId=GROUP, supporterIds=[1]),
        salsa(
            "PUT",
            "supporters",
            supporters=[{"externalSystemId": 1, "contacts": [{"type": "EMAIL", "value": "n@b.org"}]}],
        ),
        update({**ONE, "externalId": 1}),
        update(ONE, broadcastMediumId=1),
    ],
)
def test_a_numeric_id_is_named_as_an_assumption_wherever_it_is_sent(call: Call) -> None:
    """The id is in a batch, in a list of ids, or in a field."""
    assert "numeric_ids" in assumptions_in(response_to(PROBES["salsa", "page_size"], call))


def test_counting_a_supporters_text_in_code_points_is_an_assumption() -> None:
    person = {"externalSystemId": "\N{PARTY POPPER}" * 60, "contacts": [{"type": "EMAIL", "value": "n@b.org"}]}

    assert "text_length" in assumptions_in(
        response_to(PROBES["salsa", "page_size"], salsa("PUT", "supporters", supporters=[person]))
    )


def test_the_command_lists_each_choice_and_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command shows the choices that the environment sets; the control plane shows those of its own mock."""
    monkeypatch.setenv("SEGMENT_MOCK_SALSA_NON_CRM", "result")
    printed = CliRunner().invoke(main, ["vendors", "--assumptions"]).stdout
    with SegmentMock(segmenter_failures="is-updated-false") as mock:
        served = mock.session().get("http://localhost/_mock/vendors").json()["vendors"]
    by_name = {(vendor["name"], row["name"]): row for vendor in served for row in vendor["assumptions"]}

    assert "\nnot_crm_group result A change of a non-CRM group" in re.sub(" +", " ", printed)
    assert "Changed by: --salsa-non-crm http-405|result." in printed
    assert [] == [name for _, name in NAMES if f"\n{name} " not in printed]
    assert NAMES == [*by_name]
    row = by_name["segmenter", "failure_shape"]
    assert ("is-updated-false", "--segmenter-failures") == (row["choice"], row["setting"])
    assert (["success-false", "is-updated-false"], None) == (row["choices"], by_name["salsa", "page_size"]["setting"])
