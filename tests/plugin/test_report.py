"""The report that a failed test prints, and `segment-mock replay` with the capsule that the test writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment_mock.cli import main
from tests.plugin.suite import CLIENT, RUN

FAILING_TESTS = (
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


def test_a_failed_test_reports_calls_changes_faults_and_replay_command(pytester: pytest.Pytester) -> None:
    """Failures in a fixture are reported too; passed tests and expected failures are not. No credential is printed."""
    pytester.makepyfile(test_a=FAILING_TESTS)

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
            "    #     after  operation                    response    called at     changes, faults, results, *",
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
    output = result.stdout.str()
    assert output.count("- segment-mock -") == 3
    files = {path.name.rpartition("-")[0]: path for path in Path("kept").glob("*.json")}
    assert {"test_long", "test_red", "test_setup"} == files.keys()
    archive = files["test_red"].with_suffix(".har").read_text()
    assert [0, 200] == [entry["response"]["status"] for entry in json.loads(archive)["log"]["entries"]]
    assert "secret-of-mine" not in output + archive + files["test_red"].read_text()
    check_replay(files["test_red"])


def check_replay(file: Path) -> None:
    """Check that the capsule *file* replays without differences, and that a changed response is reported."""
    same = CliRunner().invoke(main, ["replay", str(file)])
    capsule = json.loads(file.read_text())
    capsule["calls"][1]["answer"]["body"]["json"]["payload"]["segments"][0]["result"] = "UPDATED"
    file.write_text(json.dumps(capsule))
    other = CliRunner().invoke(main, ["replay", str(file)])

    assert (0, 1) == (same.exit_code, other.exit_code)
    assert "test_a.py::test_red: 2 calls, seed 7\n  #1    salsa.upsert_segments            same\n" in same.output
    assert "payload.segments[0].result: expected 'UPDATED', got 'VALIDATION_ERROR'" in other.output
    assert "1 of 2 calls had another response" in other.output


def test_capsules_are_in_the_temporary_folder_of_the_run_by_default(pytester: pytest.Pytester) -> None:
    """Each failed case of a sweep has its own capsule, which replays the fault of the case."""
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


LARGE_CHANGES = (
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


def test_the_report_of_large_changes_is_short(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a=LARGE_CHANGES)

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


UNUSUAL_OBJECTS = (
    CLIENT
    + """
class BrokenMatcher:
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
    segment_mock.faults.add(faults.Error(), match={"json": {"payload.segments[0].name": BrokenMatcher()}}, times=1)
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


def test_the_report_never_raises(pytester: pytest.Pytester) -> None:
    """The cases are a matcher that raises, custom faults, the end of the year 9999, and an unusable capsule path."""
    pytester.makepyfile(test_a=UNUSUAL_OBJECTS)
    pytester.path.joinpath("file").touch()

    for options in ((), ("--segment-mock-capsules", "file"), ("--segment-mock-capsules", "kept")):
        result = pytester.runpytest(*RUN, *options)

        result.assert_outcomes(failed=4)
        output = result.stdout.str()
        assert "INTERNALERROR" not in output
        assert all(f"AssertionError: {name}" in output for name in ("matcher", "bare", "function", "calendar"))
        assert ("no capsule: " in output) == (options[-1:] == ("file",))
    for file in Path("kept").glob("*.json"):
        assert "Traceback" not in CliRunner().invoke(main, ["replay", str(file)]).output


def test_hints_in_the_report_name_python_settings_not_flags(pytester: pytest.Pytester) -> None:
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

    output = pytester.runpytest(*RUN).stdout.str()

    assert "limits='off' turns the vendor's limits off" in output
    assert "--limits" not in output
    assert "--salsa" not in output


def test_replay_prints_bodies_with_v_and_differences_with_diff(pytester: pytest.Pytester) -> None:
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


def test_traceback_of_a_setting_error_ends_at_the_users_line(pytester: pytest.Pytester) -> None:
    """The error occurs in a fixture and in a test; the traceback has no frame of the library."""
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
            "E       *SettingError: salsa.segments[[]0[]].nam: *",
            '>       segment_mock.faults.add("disconect")',
            "E       *SettingError: unknown fault kind 'disconect' (did you mean 'disconnect'?)*",
        ]
    )
    assert "src/segment_mock" not in result.stdout.str()


@pytest.mark.parametrize("around", ["nothing", "the guard", "a mock of the run"])
def test_the_report_names_a_call_of_a_thread_that_an_earlier_test_has_started(
    pytester: pytest.Pytester, around: str
) -> None:
    """A thread of the test itself is not named, nor one of a wider scope, and a later test has no call to name."""
    if around == "the guard":
        pytester.makeini("[pytest]\nsegment_mock_guard = true")
    if around == "a mock of the run":
        pytester.makeconftest(
            """
import threading

import pytest
import test_a

@pytest.fixture(scope="session", autouse=True)
def mock_of_the_run(segment_mock_factory):
    with segment_mock_factory():
        threading.Thread(target=test_a.poll, args=[threading.Event()], name="of the run", daemon=True).start()
        yield
"""
        )
    pytester.makepyfile(
        test_a="""
import threading

import requests

begin, end = threading.Event(), threading.Event()

def poll(event):
    begin.wait(60)
    requests.get("https://api.salsalabs.org/api/integration/ext/v1/metrics", headers={"authToken": "t"})
    event.set()

def test_first(segment_mock):
    threading.Thread(target=poll, args=[end], name="poller", daemon=True).start()

def test_second(segment_mock):
    own = threading.Event()
    threading.Thread(target=poll, args=[own], name="own", daemon=True).start()
    begin.set()
    assert end.wait(60) and own.wait(60)
    for thread in threading.enumerate():
        if thread.name == "of the run":
            thread.join()
    assert len(segment_mock.journal) == 0

def test_third(segment_mock):
    assert False
"""
    )

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(passed=1, failed=2)
    (line,) = {line for line in result.outlines if "earlier interception" in line}
    assert line.startswith(
        "thread 'poller', which was started in an earlier interception, called api.salsalabs.org at test_a.py:9"
    )


def test_the_report_does_not_name_a_call_of_a_worker_that_was_idle_between_tests(pytester: pytest.Pytester) -> None:
    """Executors and trio run jobs of later tests in the same threads."""
    pytester.makepyfile(
        test_a="""
from concurrent.futures import ThreadPoolExecutor
from threading import current_thread

import pytest
import requests
import trio

from segment_mock.virtual_time import VIRTUAL

POOL = ThreadPoolExecutor(1)

def call():
    requests.get("https://api.salsalabs.org/api/integration/ext/v1/metrics", headers={"authToken": "t"})
    return current_thread()

@pytest.mark.parametrize("passes", [True, False])
def test_calls(segment_mock, passes):
    workers = {POOL.submit(call).result(), trio.run(trio.to_thread.run_sync, call)}
    while not workers.isdisjoint(VIRTUAL.busy_threads()):
        pass
    assert passes
"""
    )

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["2 calls; *"])
    result.stdout.no_fnmatch_line("*earlier interception*")
