"""Strict checks fail a test or warn: unused faults and stubs, unknown calls, real credentials, ignored fields."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys

import pytest

from tests.plugin.suite import CLIENT, RUN

FAULTS = (
    CLIENT
    + """
def test_never_matched(segment_mock):
    segment_mock.faults.add(faults.Disconnect(), "salsa.delete_segments", times=1)
    upsert(segment_mock.session())

def test_skipped(segment_mock_server):
    with segment_mock_server.mock.faults.injected(faults.Error(), skip=3):
        upsert(segment_mock_server.mock.session())

def test_cleared(segment_mock):
    segment_mock.faults.add(faults.Hang(), "segmenter.*")
    upsert(segment_mock.session())
    segment_mock.faults.clear()

def test_hidden(segment_mock):
    segment_mock.faults.add(faults.Error(status=503), "salsa.*")
    segment_mock.faults.add(faults.Hang(), "salsa.upsert_segments")
    segment_mock.faults.add(faults.Hang(), "segmenter.*")
    with pytest.raises(requests.HTTPError):
        upsert(segment_mock.session())

@pytest.mark.segment_mock(faults=[{"kind": "hang"}])
def test_marked(segment_mock):
    pass

@pytest.mark.segment_mock(scenario="segmenter.down")
def test_scenario(segment_mock):
    pass

@pytest.mark.segment_mock(strict=False)
class TestOptedOut:
    def test_a(self, segment_mock):
        segment_mock.faults.add(faults.Hang())

    @pytest.mark.segment_mock(strict=["operations"])
    def test_b(self, segment_mock):
        segment_mock.faults.add(faults.Hang())

def test_fired(segment_mock):
    segment_mock.faults.add(faults.Error(status=503), times=2)
    with pytest.raises(requests.HTTPError):
        upsert(segment_mock.session())

def test_red_by_itself(segment_mock):
    segment_mock.faults.add(faults.Hang())
    assert False, "its own reason"
"""
)


def test_a_fault_that_never_fired_fails_the_test_with_the_reason(pytester: pytest.Pytester) -> None:
    """The report shows the line that armed the fault. A marker turns the check off; a failed test keeps its error."""
    pytester.makepyfile(test_a=FAULTS)

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(passed=3, failed=7)
    result.stdout.fnmatch_lines(
        [
            "*_ test_never_matched _*",
            "segment-mock: A fault was armed and never fired*",
            "  rule 1 disconnect on salsa.delete_segments: the one call did not match",
            "    armed by test_a.py:16",
            '    > segment_mock.faults.add(faults.Disconnect(), "salsa.delete_segments", times=1)',
            "  (@pytest.mark.segment_mock(strict=[[]'operations', 'stubs', 'network']), or *",
            "*_ test_skipped _*",
            "  rule 1 error on *: matched once, but: 1 skipped",
            "    > with segment_mock_server.mock.faults.injected(faults.Error(), skip=3):",
            "*_ test_cleared _*",
            "  rule 1 hang on segmenter.*: the one call did not match",
            "*_ test_hidden _*",
            "  rule 2 hang on salsa.upsert_segments: rule 1 error answered 1 of its calls first",
            "  rule 3 hang on segmenter.*: no call reached it",
            "*_ test_marked _*",
            "    armed by the settings of test_a.py:35",
            "*_ test_scenario _*",
            "  scenario segmenter.down: rule 1 *: no call reached it*",
            "*_ test_red_by_itself _*",
            "E   *its own reason",
        ]
    )
    assert (
        "was armed" not in result.stdout.str().partition("_ test_red_by_itself _")[2].partition("short test summary")[0]
    )


SHARED = (
    CLIENT
    + """
@pytest.fixture(scope="module")
def shared(segment_mock_factory):
    with segment_mock_factory(block_network=True, faults=[{"kind": "hang", "operation": "segmenter.*"}]) as mock:
        upsert(requests)
        mock.stub("GET", "/of/the/fixture")
        yield mock

def test_first(shared):
    requests.get("https://api.salsalabs.org/nowhere", headers={"authToken": "t"}, timeout=5)

def test_second(shared):
    shared.faults.add(faults.Error(), "salsa.delete_segments")
    shared.stub("GET", "/of/the/test")

def test_after_a_reset(shared):
    shared.reset()
    with shared.faults.injected(faults.Disconnect(), "salsa.*"):
        pass

@pytest.mark.segment_mock(strict=["operations"])
def test_opted_out(shared):
    shared.faults.add(faults.Error(), "salsa.delete_segments")

@pytest.mark.segment_mock(strict=["fields"])
def test_ignored_field(shared):
    requests.put(SEGMENTS, json={"payload": {"segments": [{"nam": "A"}]}}, headers={"authToken": "t"}, timeout=5)

def test_refused(shared):
    try:
        requests.get("https://example.org/", timeout=5)
    except Exception:
        pass

def test_swallowed(shared):
    with shared.faults.injected(faults.Hang(), "salsa.*"):
        try:
            requests.put(SEGMENTS, json={"payload": {"segments": []}}, headers={"authToken": "t"})
        except Exception:
            pass

def test_of_its_own(segment_mock_factory):
    with segment_mock_factory(faults=[{"kind": "disconnect"}]):
        pass

def test_last(shared):
    upsert(requests)
"""
)


def test_a_mock_of_the_factory_is_checked_for_what_each_test_does_to_it(pytester: pytest.Pytester) -> None:
    """What a fixture did to the mock before the test, and what earlier tests did, does not count."""
    pytester.makepyfile(test_a=SHARED)

    result = pytester.runpytest(*RUN, "-W", "default", "-W", "ignore:Module already imported")

    result.stdout.fnmatch_lines(
        [
            "*_ test_first _*",
            "segment-mock: A call matched no operation of any vendor:",
            "  #2 GET /nowhere*",
            "*_ test_second _*",
            "segment-mock: A fault was armed and never fired*",
            "  rule 2 error on salsa.delete_segments: no call reached it",
            "A stub answered no call*",
            "  stub GET /of/the/test answered no call",
            "*_ test_after_a_reset _*",
            "  rule * disconnect on salsa.*: no call reached it",
            "*_ test_ignored_field _*",
            "*payload.segments*nam*",
            "*_ test_swallowed _*",
            "segment-mock: A call would have hung without end*",
            "*_ test_of_its_own _*",
            "  rule 1 disconnect *: no call reached it",
            "    armed by the arguments of segment_mock_factory",
            "*RefusedCallWarning*",
        ]
    )
    result.assert_outcomes(passed=3, failed=6, warnings=1)
    assert "/of/the/fixture" not in result.stdout.str()


OPERATIONS_AND_CREDENTIALS = (
    CLIENT
    + """
TOKEN = "TOKEN_HERE"

def test_unknown_path(segment_mock):
    segment_mock.session().put(SEGMENTS + "x", headers={"authToken": "t"})

def test_unknown_verb(segment_mock):
    segment_mock.session().patch(SEGMENTS, headers={"authToken": "t"})

@pytest.mark.segment_mock(strict=["faults"])
def test_meant(segment_mock):
    assert segment_mock.session().patch(SEGMENTS, headers={"authToken": "t"}).status_code == 405

def test_warned(segment_mock):
    upsert(segment_mock.session(), token=TOKEN)

@pytest.mark.segment_mock(strict=True)
def test_refused(segment_mock):
    upsert(segment_mock.session(), token=TOKEN)

@pytest.mark.segment_mock(strict=False)
def test_let_pass(segment_mock):
    upsert(segment_mock.session(), token=TOKEN)

@pytest.mark.segment_mock(strict=True)
def test_made_up(segment_mock):
    upsert(segment_mock.session(), token="token-of-the-test-" * 9)
"""
)


def test_unknown_operations_fail_and_real_credentials_warn(pytester: pytest.Pytester) -> None:
    token = secrets.token_urlsafe(90)
    pytester.makepyfile(test_a=OPERATIONS_AND_CREDENTIALS.replace("TOKEN_HERE", token))

    result = pytester.runpytest(*RUN, "-W", "default", "-W", "ignore:Module already imported")

    result.assert_outcomes(passed=4, failed=3)
    result.stdout.fnmatch_lines(
        [
            "*_ test_unknown_path _*",
            "segment-mock: A call matched no operation of any vendor:",
            "  #1 PUT /api/integration/ext/v1/segmentsx (called at test_a.py:18): "
            "unknown path; the nearest operations are PUT *",
            "*_ test_unknown_verb _*",
            "  #* PATCH /api/integration/ext/v1/segments *",
            "*_ test_refused _*",
            "segment-mock: A credential looks like a real one; tests should use an invented one:",
            "  #* PUT /api/integration/ext/v1/segments: authtoken (redacted in reports and capsules)",
            "  (@pytest.mark.segment_mock(strict=[[]'faults', 'operations', 'stubs', 'fields', 'network'])*",
            "*= warnings summary =*",
            "test_a.py::test_warned",
            "  *CredentialWarning: A credential looks like a real one*",
        ]
    )
    sections = result.stdout.str().split("- segment-mock -")[1:]
    assert not any(token in section.partition("_ test")[0] for section in sections)


@pytest.mark.parametrize(("ini", "passed"), [("false", 3), ("operations, credentials", 1), ("fualts", None)])
def test_the_ini_key_selects_the_strict_checks(pytester: pytest.Pytester, ini: str, passed: int | None) -> None:
    """Its value is true, false or names of checks. An unknown name ends the run before any test."""
    token = secrets.token_urlsafe(90)
    pytester.makeini(f"[pytest]\nsegment_mock_strict = {ini}\nfilterwarnings = ignore")
    pytester.makepyfile(
        CLIENT
        + f"""
def test_a(segment_mock):
    segment_mock.faults.add(faults.Hang(), "segmenter.*")

def test_b(segment_mock):
    segment_mock.session().put("/nowhere")

def test_c(segment_mock):
    upsert(segment_mock.session(), token={token!r})
"""
    )

    result = pytester.runpytest(*RUN)

    if passed is None:
        result.stderr.fnmatch_lines(["*segment_mock_strict: unknown name 'fualts' (did you mean 'faults'?)*"])
    else:
        result.assert_outcomes(passed=passed, failed=3 - passed)


FIELDS = (
    CLIENT
    + """
def push(mail="mail"):
    person = {"externalId": "1", mail: "ada@example.org"}
    body = {"broadcastMediumId": "1", "name": "VIP", "persons": [person, {**person, "externalId": "2"}], "nam": "VIP"}
    requests.post("https://segmenter.instaleap.io/segments", json=body, headers={"x-api-key": "k"})

def test_warned(segment_mock):
    push()
    push()

@pytest.mark.segment_mock(strict=True)
def test_failed(segment_mock):
    push()

@pytest.mark.segment_mock(strict=False)
def test_let_pass(segment_mock):
    push()
"""
)


def test_ignored_request_fields_are_reported_with_the_nearest_name(pytester: pytest.Pytester) -> None:
    """By default they cause a warning. A path occurs once, with ``[*]`` for all items of a list."""
    pytester.makepyfile(test_a=FIELDS)

    result = pytester.runpytest(*RUN, "-W", "default")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ test_failed _*",
            "segment-mock: The test sent a field that the API ignores:",
            "  #1 segmenter.create_segment: persons[[]*[]].mail (did you mean 'email'?) (called at test_a.py:18)",
            "  #1 segmenter.create_segment: nam (did you mean 'name'?) (called at test_a.py:18)",
            "*IgnoredFieldWarning: The test sent a field that the API ignores:",
            "*persons[[]*[]].mail (did you mean 'email'?) (called at test_a.py:18), and in 1 more call",
        ]
    )


NETWORK = (
    CLIENT
    + """
import threading

URL = "https://api.salsalabs.org/api/integration/ext/v1/segments"

def swallow(url=URL):
    try:
        requests.get(url, timeout=2)
    except Exception:
        pass

def test_swallowed():
    swallow()

def test_thread():
    thread = threading.Thread(target=swallow)
    thread.start()
    thread.join()

@pytest.mark.segment_mock(strict=["faults"])
def test_expected():
    swallow()

@pytest.mark.segment_mock(block_network=True)
def test_blocked(segment_mock):
    swallow("https://example.org/")
    assert segment_mock.refused == {"example.org": 1}

@pytest.mark.segment_mock(block_network=True, strict=["network"])
def test_blocked_strictly(segment_mock):
    swallow("https://example.org/")

def test_nothing(segment_mock):
    upsert(requests)
"""
)


def test_refused_calls_are_reported_if_the_code_ignores_the_exception(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nsegment_mock_guard = true")
    pytester.makepyfile(test_a=NETWORK)

    result = pytester.runpytest(*RUN, "-W", "default")

    result.assert_outcomes(passed=3, failed=3)
    line = "  api.salsalabs.org was called at test_a.py:21, and refused by segment_mock_guard"
    result.stdout.fnmatch_lines(
        [
            "*_ test_swallowed _*",
            "segment-mock: A call was refused:",
            line,
            "*_ test_thread _*",
            line,
            "*_ test_blocked_strictly _*",
            "  example.org was called at test_a.py:21, and refused by block_network",
            "*RefusedCallWarning: A call was refused:",
        ]
    )


def test_an_unused_stub_fails_the_test(pytester: pytest.Pytester) -> None:
    """Stubs of the test and its marker have to be used; stubs of segment_mock_config need not."""
    pytester.makepyfile(
        test_a=CLIENT
        + """
@pytest.fixture
def segment_mock_config():
    return {"stubs": {"method": "GET", "path": "/config"}}

def test_unused(segment_mock):
    segment_mock.stub("GET", "/own")

@pytest.mark.segment_mock(stubs=[{"method": "GET", "path": "/marked"}])
def test_marked(segment_mock):
    pass

def test_used(segment_mock):
    segment_mock.stub("GET", SEGMENTS + "/x", json=[])
    assert requests.get(SEGMENTS + "/x", timeout=5).json() == []
"""
    )

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "segment-mock: A stub answered no call, *",
            "  stub GET /own answered no call",
            "    added at test_a.py:20",
            '    > segment_mock.stub("GET", "/own")',
            "  stub GET /marked answered no call",
        ]
    )


@pytest.mark.slow
def test_calls_that_the_proxy_of_exec_refuses_are_reported(pytester: pytest.Pytester) -> None:
    """The proxy is in another process, so the plugin asks it for refused hosts at the end of each test."""
    pytester.makepyfile(
        test_a=NETWORK.partition("def test_swallowed")[0]
        + """
def test_warned():
    swallow("https://example.org/")

@pytest.mark.segment_mock(strict=["network"])
def test_failed():
    swallow("https://example.org/")

def test_vendor():
    assert upsert(requests, "A") == "ADDED"
"""
    )
    words = [sys.executable, "-m", "segment_mock", "exec", "--", sys.executable, "-m", "pytest", *RUN, "-W", "default"]

    output = subprocess.run(words, capture_output=True, text=True, check=False).stdout

    assert re.search(r"1 failed, 2 passed, \d+ warning", output)
    # The message of the failure is in the short summary too, if pytest runs in CI.
    assert 2 <= output.count("  example.org was called, and refused by the proxy of segment-mock exec")


HANGING = (
    CLIENT
    + """
import asyncio
import httpx
from segment_mock import WouldHangForever, create_app

def swallow():
    for _ in range(2):
        try:
            requests.put(SEGMENTS)
        except Exception:
            pass

def test_swallowed(segment_mock):
    segment_mock.faults.add("hang")
    swallow()

def test_swallowed_by_a_task(segment_mock):
    async def put():
        async with httpx.AsyncClient(timeout=None) as client:
            try:
                await client.put(SEGMENTS)
            except Exception:
                pass
    segment_mock.faults.add("hang")
    asyncio.run(put())

def test_swallowed_by_a_test_client(segment_mock):
    client = create_app().test_client()
    client.post("/_mock/faults", json={"kind": "hang"})
    requests.put(SEGMENTS)
    try:
        client.put("/api/integration/ext/v1/segments?a=1")
    except Exception:
        pass

@pytest.mark.segment_mock_sweep(faults=[{"kind": "hang", "after": False}])
def test_sweep(segment_mock):
    swallow()

def test_expected(segment_mock):
    segment_mock.faults.add("hang")
    with pytest.raises(WouldHangForever):
        requests.put(SEGMENTS)

@pytest.mark.segment_mock(strict=["operations"])
def test_allowed(segment_mock):
    segment_mock.faults.add("hang")
    swallow()
"""
)


def test_a_call_that_hangs_fails_the_test_also_if_the_error_is_swallowed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a=HANGING)

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(passed=3, failed=5)
    result.stdout.fnmatch_lines(
        [
            "*_ test_swallowed _*",
            "segment-mock: A call would have hung without end, and the test did not fail:",
            "  PUT /api/integration/ext/v1/segments: the fault 'hang' on *, and the client has no timeout; set one",
            "  (@pytest.mark.segment_mock(strict=[[]'operations', 'stubs', 'network']), or *",
            "*_ test_swallowed_by_a_task _*",
            "*_ test_swallowed_by_a_test_client _*",
            "  PUT /api/integration/ext/v1/segments[?]a=1: the fault 'hang' on *; a test client can't have one",
            "*FAILED with hang before",
        ]
    )


EXPECTED = (
    CLIENT
    + """
import asyncio
import functools
import unittest
import httpx
import segment_mock as package
from hypothesis import HealthCheck, given, settings, strategies
from segment_mock import NetworkBlocked, WouldHangForever
from segment_mock import NetworkBlocked as Refusal
from unittest import mock

GROUPS = (WouldHangForever, OSError)
URL = "https://example.org/"

@pytest.fixture(autouse=True)
def hang(segment_mock):
    segment_mock.faults.add("hang")

def expect_hang():
    with pytest.raises(WouldHangForever):
        requests.put(SEGMENTS)

def indirectly():
    expect_hang()

def decorator(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

def test_nested():
    async def main():
        async with httpx.AsyncClient(timeout=None) as client:
            with pytest.raises(WouldHangForever):
                await client.put(SEGMENTS)
    asyncio.run(main())

def test_nested_twice():
    class Client:
        def put(self):
            (lambda: expect(package.WouldHangForever))()
    def expect(error):
        with pytest.raises(error):
            requests.put(SEGMENTS)
    Client().put()

def test_base_class():
    with pytest.raises(RuntimeError):
        requests.put(SEGMENTS)

@pytest.mark.parametrize("error", [WouldHangForever, RuntimeError, (OSError, WouldHangForever)])
def test_parameter(error):
    with pytest.raises(error):
        requests.put(SEGMENTS)

@pytest.mark.parametrize("expectation", [pytest.raises(WouldHangForever)])
def test_context(expectation):
    with expectation:
        requests.put(SEGMENTS)

def test_constant():
    with pytest.raises(GROUPS):
        requests.put(SEGMENTS)

def test_helper():
    indirectly()

@decorator
@mock.patch("os.getcwd")
def test_decorated(_):
    with pytest.raises(WouldHangForever):
        requests.put(SEGMENTS)

@settings(max_examples=2, database=None, suppress_health_check=list(HealthCheck))
@given(name=strategies.integers())
def test_property(name):
    with pytest.raises(WouldHangForever):
        requests.put(SEGMENTS)

class TestMethods:
    def test_method(self):
        self.expect()

    def expect(self):
        with pytest.raises(WouldHangForever):
            requests.put(SEGMENTS)

class TestCase(unittest.TestCase):
    def test_case(self):
        with self.assertRaises(WouldHangForever):
            requests.put(SEGMENTS)

@pytest.mark.segment_mock(block_network=True)
def test_network():
    def get():
        with pytest.raises(NetworkBlocked):
            requests.get(URL, timeout=2)
    get()
    with pytest.raises(WouldHangForever):
        requests.put(SEGMENTS)

@pytest.mark.segment_mock(block_network=True)
@pytest.mark.parametrize("error", [Refusal])
def test_network_parameter(error):
    with pytest.raises(error):
        requests.get(URL, timeout=2)
    expect_hang()
"""
)


def test_a_test_that_expects_the_error_passes_however_it_names_it(pytester: pytest.Pytester) -> None:
    """In a nested function, by a base class, as a parameter, in a constant or in a helper."""
    pytester.makepyfile(test_a=EXPECTED)

    result = pytester.runpytest(*RUN, "-W", "error::pytest_segment_mock.RefusedCallWarning")

    result.assert_outcomes(passed=15)


HELPERS = """
import pytest
import requests
from segment_mock import WouldHangForever

SEGMENTS = "https://api.salsalabs.org/api/integration/ext/v1/segments"
HANGS = (WouldHangForever,)

class Base:
    def expect(self):
        with pytest.raises(WouldHangForever):
            requests.put(SEGMENTS)

def expect_hang():
    Base().expect()
    expect(WouldHangForever)

def expect(error):
    with pytest.raises(error):
        requests.put(SEGMENTS)

def swallow():
    try:
        requests.put(SEGMENTS)
    except RuntimeError:
        pass
"""


def test_a_helper_in_another_module_may_name_the_error_but_not_a_base_class(pytester: pytest.Pytester) -> None:
    """Code under test may catch a RuntimeError, which is what the check is for."""
    pytester.makepyfile(
        helpers=HELPERS,
        test_a="""
import pytest
import helpers
from helpers import Base, expect_hang

@pytest.fixture(autouse=True)
def hang(segment_mock):
    segment_mock.faults.add("hang")

def test_imported():
    expect_hang()

def test_of_the_module():
    helpers.expect_hang()

def test_constant_of_the_module():
    helpers.expect(helpers.HANGS)

class TestInherited(Base):
    def test_method(self):
        self.expect()

def test_swallowed():
    helpers.swallow()
""",
    )

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines("*_ test_swallowed _*")


@pytest.mark.parametrize("error", ["Exception", "OSError", "KeyError"])
def test_a_test_that_names_another_error_does_not_expect_a_call_that_hangs(
    pytester: pytest.Pytester, error: str
) -> None:
    pytester.makepyfile(
        test_a=CLIENT
        + f"""
@pytest.mark.parametrize("error", [{error}, 1, [], None])
def test_swallowed(segment_mock, error):
    segment_mock.faults.add("hang")
    try:
        requests.put(SEGMENTS)
    except Exception as caught:
        assert not isinstance(caught, OSError)
"""
    )

    pytester.runpytest(*RUN).assert_outcomes(failed=4)
