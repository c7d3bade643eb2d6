"""The sweep runs a test once without faults, then once for each call and fault, and prints a table of failures."""

from __future__ import annotations

import pytest

from tests.plugin.suite import CLIENT, RUN

SYNC = (
    CLIENT
    + '''
def sync(session, names):
    """Upsert each group in up to three attempts; raise RuntimeError if a group is still neither added nor updated."""
    for name in names:
        for _ in range(3):
            try:
                if upsert(session, name) in ("ADDED", "UPDATED"):
                    break
            except (requests.ConnectionError, requests.HTTPError):
                continue
        else:
            raise RuntimeError(f"{name} did not arrive")


@pytest.fixture(scope="module")
def counted():
    calls = []
    yield calls
    print("torn down after", len(calls))
'''
)
SUITE = (
    SYNC
    + """
@pytest.mark.segment_mock_sweep(faults=["disconnect", {"kind": "error", "status": 503, "after": False}, "item"])
class TestSync:
    def test_arrives(self, segment_mock, tmp_path, counted):
        assert not hasattr(self, "seen")
        assert not list(tmp_path.iterdir())
        (tmp_path / "file").touch()
        self.seen = True  # an attribute of this run only
        counted.append(1)
        sync(requests, "AB")
        assert [group["name"] for group in segment_mock.salsa.segments] == ["A", "B"]
        requests.get("https://api.salsalabs.org/api/integration/ext/v1/metrics", headers={"authToken": "t"})

def test_after(segment_mock):
    assert len(segment_mock.faults) == 0
"""
)


def test_a_sweep_runs_a_case_for_each_call_and_fault(pytester: pytest.Pytester) -> None:
    """Each case has its own id and fixtures. The table names the pairs of call and fault that failed."""
    pytester.makepyfile(test_a=SUITE)

    result = pytester.runpytest(*RUN, "-v")

    result.assert_outcomes(passed=1 + 8 + 1, failed=4)
    result.stdout.fnmatch_lines(
        [
            "test_a.py::TestSync::test_arrives PASSED *[[]  7%]",
            "test_a.py::TestSync::test_arrives[[]call 1 salsa.upsert_segments, disconnect before] PASSED *[[] 14%]",
            "test_a.py::test_after PASSED *[[]100%]",
            "*_ TestSync.test_arrives[[]call 1 salsa.upsert_segments, disconnect after] _*",
            "*= segment-mock sweep =*",
            "test_a.py::TestSync::test_arrives: 3 calls, 12 cases, 4 failed",
            "    1 salsa.upsert_segments *FAILED with disconnect after; passed 3",
            "    2 salsa.upsert_segments *FAILED with disconnect after; passed 3",
            "    3 salsa.get_metrics *FAILED with disconnect before, disconnect after; *; nothing to change for item",
        ]
    )


def test_a_sweep_without_cases_fails_with_the_reason(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        SYNC
        + """
sweep = pytest.mark.segment_mock_sweep
RUNS = []

@sweep()
def test_no_mock():
    pass

@sweep()
def test_no_call(segment_mock):
    pass

@sweep(operations="segmenter.*")
def test_no_such_call(segment_mock):
    upsert(segment_mock.session())

@sweep(limit=7)
def test_too_many(segment_mock):
    upsert(segment_mock.session())

@sweep(faults=["drift"])
def test_only_once(segment_mock):
    RUNS.append(1)
    if len(RUNS) == 1:
        upsert(segment_mock.session())

@sweep()
def test_red(segment_mock):
    upsert(segment_mock.session())
    assert False, "red by itself"
"""
    )

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(passed=1, failed=6)
    result.stdout.fnmatch_lines(
        [
            "*sweep: the test uses no mock; add the fixture segment_mock or segment_mock_server",
            "*sweep: the test made no call to its mock, so there is no call to inject a fault into",
            "*sweep: the test made 1 call, but none matches operations='segmenter.[*]'",
            "*sweep: 1 call would make 8 cases, more than limit=7; name fewer faults or operations",
            "*sweep: this run made only 0 calls, so the fault at call 1 was not injected*",
            "*red by itself",
        ]
    )


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        ("limit='5'", "limit: '5' is not a whole number from 1"),
        ("limit=0", "limit: 0 is not a whole number from 1"),
        ("limit=True", "limit: True is not a whole number from 1"),
        ("operations=5", "operations: 5 is not a glob, such as 'salsa.*', or a list of them"),
        ("operations=[5]", "operations: [5] is not a glob, such as 'salsa.*', or a list of them"),
        ("operations=[]", "operations: [] is not a glob, such as 'salsa.*', or a list of them"),
        ("faults=[]", "faults: the list is empty, so there would be no case"),
    ],
)
def test_an_invalid_argument_of_a_sweep_is_a_collection_error(
    pytester: pytest.Pytester, argument: str, problem: str
) -> None:
    """The run does not end with an internal error."""
    pytester.makepyfile(
        f"import pytest\n@pytest.mark.segment_mock_sweep({argument})\ndef test_a(segment_mock): segment_mock.session()"
    )

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(errors=1)
    assert f"::test_a: segment_mock_sweep: {problem}" in result.stdout.str()


def test_a_sweep_stops_with_x_and_tears_down_shared_fixtures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        SYNC
        + """
@pytest.fixture(scope="module")
def shared():
    yield
    raise ValueError("on the way out")

@pytest.mark.segment_mock_sweep(faults=["disconnect"])
def test_a(segment_mock, shared):
    sync(requests, "AB")
"""
    )

    result = pytester.runpytest(*RUN, "-x")

    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*ValueError: on the way out", "*= 1 failed, 2 passed, 1 error in *"])


CARELESS = (
    CLIENT
    + """
@pytest.mark.segment_mock_sweep(faults=["disconnect", "truncate"])
@pytest.mark.parametrize("count", [2])
def test_careless(segment_mock, count):
    for name in "AB"[:count]:
        with segment_mock.session() as session:
            try:
                upsert(session, name)
            except requests.RequestException:
                if FIXED:
                    continue
                raise

def test_other(segment_mock):
    pass
"""
)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "1")])
def test_single_cases_can_be_selected_by_call_fault_or_id(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makepyfile(test_a="FIXED = True\n" + CARELESS)
    only = "--segment-mock-sweep-only"
    run = pytester.runpytest_subprocess if workers else pytester.runpytest

    by_pattern = run(*RUN, *workers, only, "call 2*disconnect after*", "-v")
    by_pattern.assert_outcomes(passed=3)
    assert "test_careless[2][call 2 salsa.upsert_segments, disconnect after]" in by_pattern.stdout.str()

    by_id = run(*RUN, *workers, only, "test_a.py::test_careless[2][call 1 salsa.upsert_segments, truncate]")
    by_id.assert_outcomes(passed=3)

    unmatched = run(*RUN, *workers, only, "call 9*")
    unmatched.assert_outcomes(passed=2)
    assert unmatched.ret != 0
    unmatched.stdout.fnmatch_lines(["no case matches --segment-mock-sweep-only 'call 9[*]'"])


def test_last_failed_runs_the_clean_run_and_the_failed_cases(pytester: pytest.Pytester) -> None:
    """``--lf`` repeats these cases until they pass."""
    run = [word for pair in zip(RUN[::2], RUN[1::2], strict=True) if pair[1] != "no:cacheprovider" for word in pair]
    pytester.makepyfile(test_a="FIXED = False\n" + CARELESS)
    pytester.runpytest(*run).assert_outcomes(passed=2, failed=6)

    last_failed = pytester.runpytest(*run, "--lf")
    last_failed.assert_outcomes(passed=1, failed=6)

    pytester.makepyfile(test_a="FIXED = True\n" + CARELESS)
    pytester.runpytest(*run, "--lf").assert_outcomes(passed=7)
    pytester.runpytest(*run, "--lf").assert_outcomes(passed=8)


def test_a_sweep_counts_xfailed_and_skipped_runs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        SYNC
        + """
@pytest.mark.xfail
@pytest.mark.segment_mock_sweep(faults=["disconnect"])
def test_fails(segment_mock):
    sync(requests, "A")
    assert not segment_mock.journal.entries(fault="disconnect")

@pytest.mark.segment_mock_sweep(faults=[{"kind": "disconnect", "after": False}])
def test_skips(segment_mock):
    sync(requests, "A")
    if segment_mock.journal.entries(fault="disconnect"):
        pytest.skip("not with a fault")
"""
    )

    result = pytester.runpytest(*RUN)

    result.stdout.fnmatch_lines(["*1 salsa.upsert_segments *xfailed 2", "*1 salsa.upsert_segments *skipped 1"])
    result.stdout.no_fnmatch_line("* salsa.upsert_segments *passed*")
