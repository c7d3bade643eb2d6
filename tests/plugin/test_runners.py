"""The plugin with xdist, pytest-asyncio, pytest-randomly and unittest; invalid markers; several transports."""

from __future__ import annotations

import pytest

from tests.plugin.suite import CLIENT, RUN

PLUGINS = ("xdist", "pytest_randomly", "pytest_asyncio.plugin", "pytest_segment_mock")
SUITE = (
    CLIENT
    + """
import asyncio
import unittest

@pytest.mark.parametrize("turn", range(4))
def test_live(segment_mock_server, turn):
    segment_mock_server.mock.salsa.add_segment(f"A{turn}")
    segments = requests.put(
        segment_mock_server.url + SEGMENTS.partition(".org")[2],
        json={"payload": {"segments": [{"name": f"B{turn}"}]}}, headers={"authToken": "t"}, timeout=60,
    )
    assert [group["name"] for group in segment_mock_server.mock.salsa.segments] == [f"A{turn}", f"B{turn}"]

@pytest.mark.asyncio
async def test_async_green(segment_mock):
    await asyncio.sleep(0)
    upsert(segment_mock.session())

@pytest.mark.asyncio
async def test_async_strict(segment_mock):
    segment_mock.faults.add(faults.Hang(), "segmenter.*")
    await asyncio.sleep(0)

class TestCase(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _mock(self, segment_mock):
        self.mock = segment_mock

    def test_green(self):
        upsert(self.mock.session())

    def test_strict(self):
        self.mock.faults.add(faults.Hang(), "segmenter.*")

    def test_red(self):
        self.mock.faults.add(faults.Hang(), "segmenter.*")
        self.fail("its own reason")

    def test_skipped(self):
        self.mock.faults.add(faults.Hang(), "segmenter.*")
        self.skipTest("not today")

    @pytest.mark.segment_mock_sweep(faults=["disconnect"])
    def test_swept(self):
        for _ in range(2):
            with self.mock.session() as session:
                try:
                    upsert(session)
                    break
                except requests.ConnectionError:
                    pass

class TestSweep:
    @pytest.mark.asyncio
    @pytest.mark.segment_mock_sweep(faults=["disconnect"])
    async def test_swept(self, segment_mock):
        with segment_mock.session() as session:
            upsert(session)
"""
)


@pytest.mark.slow
def test_plugin_works_with_xdist_asyncio_randomly_and_unittest(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strict checks, reports and sweeps work in two workers, in random order, in coroutines and in TestCases."""
    monkeypatch.delenv("PYTEST_ADDOPTS")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # importing other plugins in three processes is slow
    plugins = [word for name in PLUGINS for word in ("-p", name)]
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(test_a=SUITE)

    result = pytester.runpytest_subprocess(*plugins, "-n", "2", "-v")

    result.assert_outcomes(passed=4 + 1 + 1 + 3 + 1, failed=1 + 2 + 2, skipped=1)
    output = result.stdout.str()
    assert output.partition("short test summary")[0].count("segment-mock: A fault was armed and never fired") == 2
    assert output.count("- segment-mock -") == 5
    assert "test_a.py::TestCase::test_swept: 1 call, 2 cases, none failed" in output
    assert "test_a.py::TestSweep::test_swept: 1 call, 2 cases, 2 failed" in output
    assert "PASSED test_a.py::TestCase::test_swept[call 1 salsa.upsert_segments, disconnect after]" in output


def test_invalid_markers_are_collection_errors(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_a="""
import pytest

@pytest.mark.segment_mock(sede=1)
def test_a(segment_mock): pass

@pytest.mark.segment_mock("demo")
@pytest.mark.segment_mock(strict="fault")
def test_b(segment_mock): pass

@pytest.mark.segment_mock_sweep(operation="salsa.*", faults=["disconect"])
def test_c(segment_mock): pass
""",
        test_c="""
import unittest
import pytest

class TestCase(unittest.TestCase):
    @pytest.mark.segment_mock(slepe=True)
    def test_d(self): pass
""",
        test_b="def test_fine(segment_mock): pass",
    )

    result = pytester.runpytest(*RUN, "--continue-on-collection-errors")

    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*ERROR collecting test_a.py*",
            "test_a.py::test_a: segment_mock: unknown setting 'sede' (did you mean 'seed'?)",
            "test_a.py::test_b: segment_mock: strict: unknown name 'fault' (did you mean 'faults'?)*",
            "test_a.py::test_b: segment_mock: expected only keyword arguments, such as*",
            "test_a.py::test_c: segment_mock_sweep: unknown setting 'operation' (did you mean 'operations'?); *",
            "test_a.py::test_c: segment_mock_sweep: unknown fault kind 'disconect' (did you mean 'disconnect'?)*",
        ]
    )
    assert "unknown setting 'slepe' (did you mean 'sleep'?)" in result.stdout.str()


def test_tests_of_a_test_case_run_once_per_transport(pytester: pytest.Pytester) -> None:
    """pytest can't parametrize them, so the plugin adds a test per transport, with the transport in its id."""
    pytester.makepyfile(
        test_a=CLIENT
        + """
import unittest

class TestCase(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _mock(self, segment_mock):
        self.mock = segment_mock

    def setUp(self):
        self.names = []

    def test_a(self):
        self.names.append("A")
        assert self.names == ["A"]
        upsert(requests)
        assert len(self.mock.journal) == 1

    @pytest.mark.segment_mock_sweep(faults=["error"])
    def test_swept(self):
        try:
            upsert(requests)
        except requests.HTTPError:
            pass

    @pytest.mark.segment_mock(transport="live")
    def test_own(self):
        upsert(requests)

def test_function(segment_mock):
    upsert(requests)
"""
    )

    result = pytester.runpytest(*RUN, "--segment-mock-transport=inprocess,live", "-v")

    result.assert_outcomes(passed=2 + 2 * 3 + 1 + 2)
    for name in ("test_a[inprocess]", "test_a[live]", "test_swept[live]", "test_own", "test_swept[live, call 1"):
        assert f"test_a.py::TestCase::{name}" in result.stdout.str()
    assert "%]" in result.stdout.lines[-3] or "100%" in result.stdout.str()


def test_an_interception_can_decorate_a_test_case(pytester: pytest.Pytester) -> None:
    """The interception includes setUp and tearDown. A test can also call ``start`` and ``stop``."""
    pytester.makepyfile(
        CLIENT
        + """
import unittest
from segment_mock import SegmentMock

MOCK = SegmentMock()

@MOCK.intercept()
class TestDecorated(unittest.TestCase):
    def setUp(self):
        MOCK.reset()
        upsert(requests)

    def test_a(self):
        assert len(MOCK.journal) == 1

class TestStarted(unittest.TestCase):
    def setUp(self):
        MOCK.reset()
        interception = MOCK.intercept().start()
        self.addCleanup(interception.stop)

    def test_b(self):
        upsert(requests)
        assert len(MOCK.journal) == 1
"""
    )

    pytester.runpytest(*RUN).assert_outcomes(passed=2)
