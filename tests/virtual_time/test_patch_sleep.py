"""``patch_sleep``: sleeping advances virtual time, and code that is not the user's sees real time."""

from __future__ import annotations

import asyncio
import datetime
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
import backoff
import freezegun
import pytest
import ratelimit
import requests
import tenacity
import time_machine
from google.api_core.retry import Retry as GoogleRetry
from urllib3.util import Retry

from segment_mock import SegmentMock
from segment_mock.clock import Clock
from segment_mock.virtual_time import EndlessSleep
from tests.virtual_time.stopped_time import stopped_time
from tests.waiting import start_idle_worker

REAL_MONOTONIC = time.monotonic
METRICS = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
THROTTLED = {"kind": "refuse", "refusal": "throttled", "operation": "salsa.*"}


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.freeze(0)
    return clock


def readings() -> list[float]:
    """Return the time in seconds according to each clock function of the time module."""
    nanoseconds = (time.time_ns, time.monotonic_ns, time.perf_counter_ns)
    return [time.time(), time.monotonic(), time.perf_counter(), *(read() / 1e9 for read in nanoseconds)]


def test_sleep_moves_every_clock(clock: Clock) -> None:
    with clock.patch_sleep():
        before = readings()
        time.sleep(100)
        moved = [after - start for start, after in zip(before, readings(), strict=True)]

    assert all(100 <= seconds < 105 for seconds in moved), moved
    assert clock.now() == 100


def test_sleep_in_a_loop_moves_every_clock_and_the_time_of_the_loop(clock: Clock) -> None:
    async def nap() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        before = [loop.time(), *readings()]
        answer = await asyncio.sleep(40, "rested")
        time.sleep(20)
        moved = [after - start for start, after in zip(before, [loop.time(), *readings()], strict=True)]
        assert all(60 <= seconds < 65 for seconds in moved), moved
        return answer, clock.now()

    with clock.patch_sleep():
        assert asyncio.run(nap()) == ("rested", 60)


def test_a_deadline_ends_a_longer_sleep(clock: Clock) -> None:
    async def nap() -> float:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(100), 1)
        with anyio.move_on_after(3):
            await anyio.sleep(100)
        return asyncio.get_running_loop().time()

    with stopped_time(), clock.patch_sleep():
        asyncio.run(nap())

    assert clock.now() == pytest.approx(4)


def test_leaving_the_block_restores_every_patched_function(clock: Clock) -> None:
    def patched() -> list[object]:
        loop = asyncio.BaseEventLoop
        names = [getattr(time, name) for name in dir(time)]
        return [*names, asyncio.sleep, asyncio.tasks.sleep, loop.run_forever, loop.time, threading.Event.wait,
                threading.Condition.wait, requests.sessions.preferred_clock]  # fmt: skip

    before = patched()
    with pytest.raises(ZeroDivisionError), clock.patch_sleep():
        _ = 1 / 0

    assert patched() == before


def test_overlapping_blocks_may_end_in_any_order(clock: Clock) -> None:
    before, other = (time.sleep, asyncio.sleep), Clock()
    other.freeze(0)
    first, second = clock.patch_sleep(), other.patch_sleep()
    first.__enter__()
    second.__enter__()
    time.sleep(1)
    first.__exit__(None, None, None)
    time.sleep(1)
    second.__exit__(None, None, None)

    assert (time.sleep, asyncio.sleep) == before
    assert (clock.now(), other.now()) == (1, 2)


def test_a_later_patch_of_another_library_is_kept(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps, real_sleeps = list[float](), list[float]()
    with pytest.MonkeyPatch.context() as real:
        real.setattr(time, "sleep", real_sleeps.append)  # our patch stays in place below, and has to call this
        with clock.patch_sleep():
            monkeypatch.setattr(time, "sleep", sleeps.append)
        time.sleep(5)
        monkeypatch.undo()
        before = clock.now()
        time.sleep(10)

        assert ([5], [10], before) == (sleeps, real_sleeps, clock.now())


def retry_with_tenacity(call: Callable[[], None]) -> None:
    tenacity.retry(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(7), reraise=True)(call)()


def retry_with_google_api_core(call: Callable[[], None]) -> None:
    GoogleRetry(predicate=lambda _: True, initial=1, maximum=30, timeout=120)(call)()


def retry_with_monotonic_deadline(call: Callable[[], None]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            call()
        except requests.HTTPError:
            time.sleep(10)
    raise TimeoutError("gave up after 90 s")


@pytest.mark.parametrize(
    ("client", "least", "most"),
    [(retry_with_tenacity, 53, 70), (retry_with_google_api_core, 80, 125), (retry_with_monotonic_deadline, 90, 101)],
    ids=["tenacity", "google-api-core", "a loop over time.monotonic"],
)
def test_retries_end_at_their_deadline_in_virtual_time(client: Callable[..., None], least: float, most: float) -> None:
    with SegmentMock(faults=[THROTTLED]) as mock, mock.intercept(), mock.clock.patch_sleep():
        mock.clock.freeze(0)
        session = requests.Session()

        def call() -> None:
            session.get(METRICS, headers={"authToken": "any"}).raise_for_status()

        with pytest.raises(Exception, match=r"429|gave up|Timeout"):
            client(call)

        assert least <= mock.clock.now() <= most
        assert len(mock.journal) >= 5


def test_backoff_of_urllib3_takes_no_real_time() -> None:
    retry = Retry(total=3, backoff_factor=20, status_forcelist=[429], raise_on_status=False)
    started_at = REAL_MONOTONIC()
    with SegmentMock(faults=[THROTTLED]) as mock, mock.clock.patch_sleep():
        mock.clock.freeze(0)
        response = mock.session(max_retries=retry).get(METRICS, headers={"authToken": "any"})

        assert response.status_code == 429
        assert mock.clock.now() in (120, 140)  # newer versions of urllib3 do not wait before the first retry
    assert REAL_MONOTONIC() - started_at < 60


def test_elapsed_of_requests_is_virtual() -> None:
    with SegmentMock(faults=[{"kind": "latency", "seconds": 300}]) as mock, mock.clock.patch_sleep():
        response = mock.session().get(METRICS, headers={"authToken": "any"})

    assert 300 <= response.elapsed.total_seconds() < 500


def test_the_standard_library_sees_real_time(clock: Clock) -> None:
    ended = threading.Event()
    with clock.patch_sleep():
        threading.Timer(0.05, ended.set).start()  # real time is what is tested, here and below
        assert ended.wait(10)

        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(timeout=0.05)
        child.communicate(b"end\n")
        with pytest.raises(queue.Empty):
            queue.Queue[int]().get(timeout=0.01)

    assert clock.now() < 1


def test_waiting_for_an_event_that_no_thread_can_set_takes_virtual_time(clock: Clock) -> None:
    started_at = REAL_MONOTONIC()
    with clock.patch_sleep():
        assert not threading.Event().wait(300)
        condition = threading.Condition()
        with condition:
            assert not condition.wait(300)

    assert clock.now() == 600
    assert REAL_MONOTONIC() - started_at < 90


def test_waiting_for_an_event_that_is_set_takes_no_time(clock: Clock) -> None:
    event = threading.Event()
    event.set()
    with clock.patch_sleep():
        assert event.wait(300)

    assert clock.now() == 0


def test_sleeping_lets_other_threads_run(clock: Clock) -> None:
    ended: list[bool] = []
    with clock.patch_sleep():
        worker = threading.Thread(target=lambda: ended.append(True))
        worker.start()
        while not ended:
            time.sleep(1)
        worker.join()

    assert ended


def test_a_worker_that_was_used_before_can_set_the_event_that_is_waited_for(clock: Clock) -> None:
    """While it is idle, waiting takes no time."""
    event = threading.Event()

    def slow_job() -> None:
        threading.Event().wait(0.1)  # real time, as this is another thread
        event.set()

    with ThreadPoolExecutor(1) as pool:
        start_idle_worker(pool)
        with clock.patch_sleep():
            assert not event.wait(300)
            pool.submit(slow_job)
            assert event.wait(60)

    assert clock.now() == 300


def test_a_negative_sleep_is_a_value_error(clock: Clock) -> None:
    with clock.patch_sleep(), pytest.raises(ValueError, match="non-negative"):
        time.sleep(-1)


def endless_ratelimit() -> None:
    """Call a function beyond its rate limit; the library bound the original clock, so it sleeps without end."""

    @ratelimit.sleep_and_retry
    @ratelimit.limits(calls=1, period=60)
    def call() -> None: ...

    call()
    call()


def test_endless_sleeps_are_an_error_that_names_the_caller(clock: Clock) -> None:
    with clock.patch_sleep(), pytest.raises(EndlessSleep, match=r"ratelimit.*decorators\.py.*test_patch_sleep\.py"):
        endless_ratelimit()


@pytest.fixture
def no_time_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ``import time_machine`` fail."""
    monkeypatch.setitem(sys.modules, "time_machine", None)


def retry_with_backoff(max_time: float) -> None:
    """Retry a failing call until *max_time* seconds have passed according to ``datetime.now()``."""

    @backoff.on_exception(backoff.constant, OSError, interval=5, jitter=None, max_time=max_time)
    def call() -> None:
        raise OSError("down")

    call()


def test_datetime_moves_with_time_machine(clock: Clock) -> None:
    with clock.patch_sleep(), pytest.raises(OSError, match="down"):
        retry_with_backoff(60)

    assert 55 <= clock.now() <= 65
    assert abs(datetime.datetime.now().timestamp() - time.time()) < 5


@pytest.mark.usefixtures("no_time_machine")
def test_datetime_does_not_move_without_time_machine(clock: Clock) -> None:
    with clock.patch_sleep(), pytest.raises(EndlessSleep, match="time-machine"):
        retry_with_backoff(60)


@pytest.mark.usefixtures("no_time_machine")
def test_sleep_moves_every_clock_without_time_machine(clock: Clock) -> None:
    test_sleep_moves_every_clock(clock)


def test_time_frozen_by_freezegun_advances_only_by_sleeping() -> None:
    clock = Clock()
    with freezegun.freeze_time("2026-01-01"), clock.patch_sleep():
        assert clock.iso() == "2026-01-01T00:00:00.000Z"
        time.sleep(60)

        assert clock.iso() == "2026-01-01T00:01:00.000Z"
        assert time.time() == pytest.approx(1767225660)


def test_freezegun_inside_the_block_replaces_virtual_time(clock: Clock) -> None:
    with clock.patch_sleep():
        with freezegun.freeze_time("2026-01-01"):
            assert datetime.datetime.now().year == 2026
        time.sleep(5)

    assert clock.now() == 5


@pytest.mark.parametrize("tick", [False, True])
def test_time_of_time_machine_advances_by_sleeping(tick: bool) -> None:
    clock, started_at = Clock(), REAL_MONOTONIC()
    with time_machine.travel("2026-01-01T00:00Z", tick=tick), clock.patch_sleep():
        time.sleep(60)
        moments = [clock.now(), time.time()]
    passed = REAL_MONOTONIC() - started_at if tick else 0

    assert all(-0.001 <= moment - 1767225660 <= passed + 0.001 for moment in moments), moments
