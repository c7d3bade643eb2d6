"""What a red test prints of its mock, and what `segment-mock replay` makes of the capsule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment_mock.cli import main
from tests.plugin.suite import CLIENT, RUN

RED = (
    CLIENT
    + """
SECRET = "secret-of-" "mine"

@pytest.mark.segment_mock(seed=7)
def test_red(segment_mock):
    segment_mock.clock.freeze("2026-01-01T00:00:00Z")
    segment_mock.salsa.add_segment("Zero")
    segment_mock.faults.add(faults.Disconnect(after=True), "salsa.*", times=1)
    with segment_mock.session() as session:
        with pytest.raises(requests.ConnectionError):
            upsert(session, "A", token=SECRET)
    segment_mock.clock.advance(30)
    with segment_mock.session() as session:
        assert upsert(session, "A") == "UPDATED"

def test_green(segment_mock):
    upsert(segment_mock.session())

def test_long(segment_mock):
    for number in range(25):
        upsert(segment_mock.session(), f"G{number}")
    assert False

@pytest.fixture
def broken(segment_mock):
    upsert(segment_mock.session())
    raise ValueError

def test_setup(broken):
    pass

@pytest.mark.xfail
def test_meant(segment_mock):
    upsert(segment_mock.session())
    assert False
"""
)


def test_a_red_test_tells_its_calls_changes_faults_and_how_to_replay_them(pytester: pytest.Pytester) -> None:
    """One section each, also if its setup failed; none for green or expected; no credential; the capsule replays."""
    pytester.makepyfile(test_a=RED)

    result = pytester.runpytest(*RUN, "--segment-mock-capsules", "kept", "-rN")

    result.assert_outcomes(passed=1, failed=2, errors=1, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "segment-mock: *, seed 0",
            "*_ ERROR at setup of test_setup _*",
            "1 call; seed 0; the mock's clock: *Z",
            "*_ test_red _*",
            "*- segment-mock -*",
            "2 calls; seed 7; the mock's clock: 2026-01-01T00:00:30.000Z (frozen)",
            "    #     after  operation                    answer      called at     what changed, fault, *",
            "    1    0.000s  salsa.upsert_segments        closed      test_a.py:11  +segments; fault 1 disconnect",
            "    2   30.000s  salsa.upsert_segments        200         test_a.py:11  VALIDATION_ERROR, *",
            "changes:",
            '  #1 segments added {"segmentId": "*", "type": "INTEGRATED", "name": "A", "externalSystemId": "A"}',
            "faults:",
            "  rule 1 disconnect after on salsa.[*]: fired once; armed by test_a.py:21",
            "replay: segment-mock replay *test_red-*.json",
            "*_ test_long _*",
            "25 calls, the last 20 shown; *",
        ]
    )
    printed = result.stdout.str()
    assert printed.count("- segment-mock -") == 3
    files = {path.name.rpartition("-")[0]: path for path in Path("kept").glob("*.json")}
    assert {"test_long", "test_red", "test_setup"} == files.keys()
    archive = files["test_red"].with_suffix(".har").read_text()
    assert [0, 200] == [entry["response"]["status"] for entry in json.loads(archive)["log"]["entries"]]
    assert "secret-of-mine" not in printed + archive + files["test_red"].read_text()
    replays(files["test_red"])


def replays(file: Path) -> None:
    """Replay a capsule as it is, and one whose answer has been changed, from the command line."""
    same = CliRunner().invoke(main, ["replay", str(file)])
    capsule = json.loads(file.read_text())
    capsule["calls"][1]["answer"]["body"]["json"]["payload"]["segments"][0]["result"] = "UPDATED"
    file.write_text(json.dumps(capsule))
    other = CliRunner().invoke(main, ["replay", str(file)])

    assert (0, 1) == (same.exit_code, other.exit_code)
    assert "test_a.py::test_red: 2 calls, seed 7\n  #1    salsa.upsert_segments            same\n" in same.output
    assert "payload.segments[0].result: expected 'UPDATED', got 'VALIDATION_ERROR'" in other.output
    assert "1 of 2 calls had another reply" in other.output


def test_capsules_go_to_pytests_own_folder_and_cases_of_a_sweep_have_theirs(pytester: pytest.Pytester) -> None:
    """Without the option they stand below the run's temporary folder; that of a sweep's case replays its strike."""
    pytester.makepyfile(
        CLIENT
        + """
@pytest.mark.segment_mock_sweep(faults=["disconnect"])
def test_careless(segment_mock):
    for name in "AB":
        with segment_mock.session() as session:
            upsert(session, name)
"""
    )

    result = pytester.runpytest(*RUN, "--basetemp=tmp")

    result.assert_outcomes(passed=1, failed=4)
    files = sorted(Path("tmp/segment-mock").glob("*.json"))
    assert len(files) == 4
    assert all(f"replay: segment-mock replay {Path.cwd() / file}" in result.stdout.str() for file in files)
    assert [0] * 4 == [CliRunner().invoke(main, ["replay", str(file)]).exit_code for file in files]
    assert [1, 1, 2, 2] == sorted(len(json.loads(file.read_text())["calls"]) for file in files)


BIG = (
    CLIENT
    + """
SUPPORTERS = "https://api.salsalabs.org/api/integration/ext/v1/supporters"
PERSONS = [{"externalId": str(n), "email": f"p{n}@example.org"} for n in range(3000)]
DATA = {"segmenter": {"segments": [{"id": "vip", "name": "VIP", "persons": PERSONS}]}}

@pytest.mark.segment_mock(limits="off")
def test_many(segment_mock):
    people = [{"contacts": [{"type": "EMAIL", "value": f"p{n}@example.org"}]} for n in range(300)]
    requests.put(SUPPORTERS, json={"payload": {"supporters": people}}, headers={"authToken": "t"})
    search = {"payload": {"offset": 20, "count": 20, "modifiedFrom": "2000-01-01T00:00:00.000Z"}}
    requests.post(SUPPORTERS + "/search", json=search, headers={"authToken": "t"})
    assert False

@pytest.mark.segment_mock(data=DATA)
def test_emptied(segment_mock):
    url = "https://segmenter.instaleap.io/segments"
    requests.put(url, json={"id": "vip", "persons": []}, headers={"x-api-key": "k"})
    assert False
"""
)


def test_the_report_is_bounded_and_groups_records(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a=BIG)

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*_ test_many _*",
            "    1 * salsa.upsert_supporters *test_a.py:22  +supporters x300",
            "    2 * salsa.search_supporters *test_a.py:24  offset 20 count 20 of 300; FOUND x20",
            "  #1 +300 supporters, first {*",
            "*_ test_emptied _*",
            "  #1 segments vip changed persons: 3,000 -> 0*",
        ]
    )
    sections = result.stdout.str().split("- segment-mock -")[1:]
    assert all(len(section.partition("replay:")[0]) < 3000 for section in sections)


ODD = (
    CLIENT
    + """
class Whatever:
    def __eq__(self, other):
        return True

    def __repr__(self):
        raise ValueError("no text for you")

class Bare(faults.Hang.__mro__[1]):
    kind = "bare"

    async def __call__(self, call, proceed):
        return await proceed()

async def function(call, proceed):
    return await proceed()

def test_matcher(segment_mock):
    segment_mock.faults.add(faults.Error(), match={"json": {"payload.segments[0].name": Whatever()}}, times=1)
    requests.put(SEGMENTS, json={"payload": {"segments": [{"name": "A"}]}}, headers={"authToken": "t"})
    assert False, "matcher"

def test_bare(segment_mock):
    segment_mock.faults.add(Bare())
    upsert(requests)
    assert False, "bare"

def test_function(segment_mock):
    segment_mock.faults.add(function)
    upsert(requests)
    assert False, "function"

def test_calendar(segment_mock):
    segment_mock.clock.freeze("9999-12-31T23:59:59.999Z")
    upsert(requests)
    assert False, "calendar"
"""
)


def test_a_hook_of_the_report_never_raises(pytester: pytest.Pytester) -> None:
    """Matchers, faults of the user's own, the end of the calendar, a capsules path that is a file: one line at most."""
    pytester.makepyfile(test_a=ODD)
    pytester.path.joinpath("file").touch()

    for options in ((), ("--segment-mock-capsules", "file"), ("--segment-mock-capsules", "kept")):
        result = pytester.runpytest(*RUN, *options)

        result.assert_outcomes(failed=4)
        printed = result.stdout.str()
        assert "INTERNALERROR" not in printed
        assert all(f"AssertionError: {name}" in printed for name in ("matcher", "bare", "function", "calendar"))
        assert ("no capsule: " in printed) == (options[-1:] == ("file",))
    for file in Path("kept").glob("*.json"):
        assert "Traceback" not in CliRunner().invoke(main, ["replay", str(file)]).output


def test_hints_speak_of_keywords_and_not_of_flags(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_a=CLIENT
        + """
def test_limits(segment_mock):
    rows = [{"name": f"G{number}"} for number in range(21)]
    requests.put(SEGMENTS, json={"payload": {"segments": rows}}, headers={"authToken": "t"})
    assert False

def test_path(segment_mock):
    requests.put(SEGMENTS + "x", headers={"authToken": "t"})
"""
    )

    printed = pytester.runpytest(*RUN).stdout.str()

    assert "limits='off' turns the vendor's limits off" in printed
    assert "--limits" not in printed
    assert "--salsa" not in printed


def test_replay_shows_bodies_and_differences(pytester: pytest.Pytester) -> None:
    """``-v`` shows each request and answer, ``--diff`` what of an answer is not as it was."""
    pytester.makepyfile(test_a=CLIENT + "\ndef test_red(segment_mock):\n    upsert(requests)\n    assert False\n")
    pytester.runpytest(*RUN, "--segment-mock-capsules", "kept").assert_outcomes(failed=1)
    (file,) = Path("kept").glob("*.json")
    capsule = json.loads(file.read_text())
    capsule["calls"][0]["answer"]["body"]["json"]["payload"]["segments"][0]["result"] = "UPDATED"
    file.write_text(json.dumps(capsule))

    verbose = CliRunner().invoke(main, ["replay", "-v", str(file)]).output
    diff = CliRunner().invoke(main, ["replay", "--diff", str(file)]).output

    assert "          PUT /api/integration/ext/v1/segments\n" in verbose
    assert '          >         "externalSystemId": "A"\n' in verbose
    assert '          <         "result": "ADDED",\n' in verbose
    assert [("-", '"result": "UPDATED",'), ("+", '"result": "ADDED",')] == [
        (line.strip()[0], line.strip()[1:].strip()) for line in diff.splitlines() if '"result"' in line
    ]


def test_a_refused_setting_shows_the_users_own_line(pytester: pytest.Pytester) -> None:
    """In a test and in the set-up; no frame of the library."""
    pytester.makepyfile(
        test_a=CLIENT
        + """
@pytest.fixture
def prepared(segment_mock):
    return segment_mock.salsa.add_segment("A", nam="B")

def test_setup(prepared):
    pass

def test_fault(segment_mock):
    segment_mock.faults.add("disconect")
"""
    )

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            '>       return segment_mock.salsa.add_segment("A", nam="B")',
            "E       *SettingError: data.salsa.segments[[]0[]].nam: *",
            '>       segment_mock.faults.add("disconect")',
            "E       *SettingError: unknown fault kind 'disconect' (did you mean 'disconnect'?)*",
        ]
    )
    assert "src/segment_mock" not in result.stdout.str()
