"""Virtual time together with plugins of pytest, freezegun and time-machine, in process and with a live server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import freezegun
import httpx
import pytest
import requests
import time_machine

from segment_mock import SegmentMock, faults

METRICS = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
KEY = {"authToken": "any"}
FREEZERS = pytest.mark.parametrize(
    "freeze",
    [lambda: freezegun.freeze_time("2026-01-01"), lambda: time_machine.travel("2026-01-01T00:00Z", tick=False)],
    ids=["freezegun", "time-machine"],
)


@FREEZERS
@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
def test_a_delay_ends_while_another_library_freezes_time(freeze: Any, transport: Any) -> None:
    """The server starts before or after the freeze; in process, the mock's clock advances from the frozen time."""
    mock = SegmentMock(faults=[faults.Latency(seconds=0.02)])
    with mock.intercept(transport=transport):
        requests.get(METRICS, headers=KEY, timeout=60)
        with freeze():
            before = mock.clock.now()
            requests.get(METRICS, headers=KEY, timeout=60)
            moved = mock.clock.now() - before
    with freeze(), mock.intercept(transport=transport):
        requests.get(METRICS, headers=KEY, timeout=60)
    mock.close()

    assert moved == pytest.approx(0.02 if transport == "inprocess" else 0, abs=1e-6)


@FREEZERS
def test_a_delay_in_a_loop_ends_while_another_library_freezes_time(freeze: Any) -> None:
    async def main() -> int:
        async with httpx.AsyncClient(timeout=None) as client:
            return (await client.get(METRICS, headers=KEY)).status_code

    mock = SegmentMock(faults=[faults.Latency(seconds=300)])
    with freeze(), mock.intercept():
        assert asyncio.run(main()) == 200
        assert mock.clock.iso() == "2026-01-01T00:05:00.000Z"


FIRST_CALL = """
import asyncio, freezegun, httpx
from segment_mock import SegmentMock, faults

async def main():
    async with httpx.AsyncClient(timeout=None) as client:
        return (await client.get("https://api.salsalabs.org/api/integration/ext/v1/metrics")).status_code

with freezegun.freeze_time("2026-01-01"), SegmentMock(faults=[faults.Latency(seconds=300)]).intercept():
    print(asyncio.run(main()))
"""


def test_the_first_call_of_a_process_may_be_made_while_time_is_frozen() -> None:
    """Our modules are imported meanwhile."""
    result = subprocess.run(
        [sys.executable, "-c", FIRST_CALL], capture_output=True, text=True, check=False, timeout=120
    )

    assert "401\n" == result.stdout, result.stderr


SUITE = """
    import time

    import pytest

    @pytest.mark.segment_mock(sleep=True)
    @pytest.mark.timeout(30)
    def test_long_sleep(segment_mock):
        time.sleep(3600)
"""


@pytest.mark.parametrize("method", ["thread", "signal"])
def test_timeouts_and_durations_of_pytest_use_real_time(pytester: pytest.Pytester, method: str) -> None:
    pytester.makepyfile(SUITE)

    result = pytester.runpytest(
        "-p", "pytest_timeout", f"--timeout-method={method}", "--durations=1", "--durations-min=60", "-vv"
    )

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*s call *test_long_sleep")
    assert result.duration < 60


@pytest.mark.slow
def test_xdist_workers_use_real_time(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)

    result = pytester.runpytest("-p", "xdist", "-n", "1")

    result.assert_outcomes(passed=1)
    assert result.duration < 60
