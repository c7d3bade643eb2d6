"""What a red test prints of its mock, and what `segment-mock replay` makes of the capsule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.plugin.suite import CLIENT, RUN

from segment_mock.cli import main

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
            "  rule 1 disconnect after on salsa.[*]: fired 1 times; armed by test_a.py:21",
            "replay: segment-mock replay *test_red-*.json",
            "*_ test_long _*",
            "25 calls, the last 20 shown; *",
        ]
    )
    printed = result.stdout.str()
    assert printed.count("- segment-mock -") == 3
    files = {path.name.rpartition("-")[0]: path for path in Path("kept").iterdir()}
    assert {"test_long", "test_red", "test_setup"} == files.keys()
    assert "secret-of-mine" not in printed + files["test_red"].read_text()
    replays(files["test_red"])


def replays(file: Path) -> None:
    """Replay a capsule as it is, and one whose answer has been changed, from the command line."""
    same = CliRunner().invoke(main, ["replay", str(file)])
    told = json.loads(file.read_text())
    told["calls"][1]["answer"]["body"]["json"]["payload"]["segments"][0]["result"] = "UPDATED"
    file.write_text(json.dumps(told))
    other = CliRunner().invoke(main, ["replay", str(file)])

    assert (0, 1) == (same.exit_code, other.exit_code)
    assert "test_a.py::test_red: 2 calls, seed 7\n  #1    salsa.upsert_segments            same\n" in same.output
    assert "payload.segments[0].result: expected 'UPDATED', got 'VALIDATION_ERROR'" in other.output
    assert "1 of 2 calls came out otherwise" in other.output


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
    files = sorted(Path("tmp/segment-mock").iterdir())
    assert len(files) == 4
    assert all(f"replay: segment-mock replay {Path.cwd() / file}" in result.stdout.str() for file in files)
    assert [0] * 4 == [CliRunner().invoke(main, ["replay", str(file)]).exit_code for file in files]
    assert [1, 1, 2, 2] == sorted(len(json.loads(file.read_text())["calls"]) for file in files)
