"""``children=True`` lets child processes call the mock: by marker, setting and factory; and mocks in forked tests."""

from __future__ import annotations

import os
from textwrap import dedent

import pytest

from tests.plugin.suite import RUN

pytestmark = pytest.mark.slow  # starts many processes

CLIENT = """
import subprocess, sys
import pytest
import requests

METRICS = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
SCRIPT = f"import requests; print(requests.get({METRICS!r}, headers={{'authToken': 'any'}}).status_code)"


def child():
    return subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True).stdout
"""
FORKING = """
import os, sys
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    if "forked" not in item.name:
        return None
    from _pytest.runner import runtestprotocol

    pid = os.fork()
    if pid == 0:
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        os._exit(0 if all(report.passed for report in reports) else 1)
    assert os.waitpid(pid, 0)[1] == 0, "the forked test failed"
    return True
"""


def test_children_can_be_set_by_marker_config_and_factory(pytester: pytest.Pytester) -> None:
    """The marker works without the fixture, too. The environment is restored after the test."""
    pytester.makepyfile(
        CLIENT
        + dedent("""
        import os

        @pytest.mark.segment_mock(children=True)
        def test_marker(segment_mock):
            assert child() == "200\\n"
            assert segment_mock.journal.assert_called("salsa.get_metrics")

        @pytest.mark.segment_mock(children=True)
        def test_marker_brings_the_fixture():
            assert "SEGMENT_MOCK_URL" in os.environ
            assert child() == "200\\n"

        def test_afterwards(segment_mock):
            assert "SEGMENT_MOCK_URL" not in os.environ
            assert requests.get(METRICS, headers={"authToken": "t"}).ok

        @pytest.mark.segment_mock(children=True)
        def test_server(segment_mock_server):
            assert child() == "200\\n"
            assert segment_mock_server.mock.journal.assert_called("salsa.get_metrics")

        def test_factory(segment_mock_factory):
            with segment_mock_factory(children=True) as mock:
                assert child() == "200\\n"
                assert mock.journal.assert_called("salsa.get_metrics")

        class TestSetting:
            @pytest.fixture
            def segment_mock_config(self):
                return {"children": True}

            def test_one(self, segment_mock):
                assert child() == "200\\n"

            def test_two(self, segment_mock):
                assert not len(segment_mock.journal)
                assert child() == "200\\n"
        """)
    )

    pytester.runpytest_inprocess(*RUN).assert_outcomes(passed=7)


def test_children_of_another_type_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.segment_mock(children='yes')\ndef test_a():\n    pass")

    pytester.runpytest_inprocess(*RUN).stdout.fnmatch_lines(["*children: 'yes' is not True or False*"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forked_test_gets_a_clean_mock(pytester: pytest.Pytester) -> None:
    """The child does not use the mock of an earlier test in the parent process. pytest-forked forks in this way."""
    pytester.makeconftest(FORKING)
    pytester.makepyfile(
        CLIENT
        + dedent("""
        @pytest.mark.parametrize("name", ["here", "forked", "here again"])
        def test_call(segment_mock, name):
            assert requests.get(METRICS, headers={"authToken": "t"}).ok
            assert len(segment_mock.journal) == 1
        """)
    )

    pytester.runpytest_inprocess(*RUN).assert_outcomes(passed=2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_that_returns_from_the_test_reports_nothing(pytester: pytest.Pytester) -> None:
    """After the test, the copy of pytest in the child does not report the parent's mock."""
    pytester.makepyfile(
        CLIENT
        + dedent("""
        import os

        def test_fork(segment_mock):
            if os.fork() == 0:
                return
            assert os.wait()[1] == 0
        """)
    )

    result = pytester.runpytest_subprocess(*RUN)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    result.stdout.no_fnmatch_line("*error*")
    assert result.ret == 0
