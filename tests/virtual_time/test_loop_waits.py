"""In-process waits in an asyncio loop take no real time, and keep the order of all other events of the loop."""

from __future__ import annotations

import asyncio
import math
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trio

from segment_mock.clock import Clock
from segment_mock.virtual_time import VIRTUAL, wait
from tests.virtual_time.stopped_time import stopped_time
from tests.waiting import PATIENCE, start_idle_worker

REAL_MONOTONIC = time.monotonic


class NeverEnds(RuntimeError):
    """The error that the tests pass for a wait that nothing can end."""


def run(main: Callable[[Clock], Awaitable[Any]], *, debug: bool = False) -> tuple[Any, float, float]:
    """Run *main* in a loop; return its result, the seconds that its frozen clock moved, and the real duration."""
    clock = Clock()
    clock.freeze(0)
    started_at = REAL_MONOTONIC()
    VIRTUAL.watch_threads()
    try:
        result = asyncio.run(_call(main, clock), debug=debug)
    finally:
        VIRTUAL.unwatch_threads()
    return result, clock.now(), REAL_MONOTONIC() - started_at


async def _call(main: Callable[[Clock], Awaitable[Any]], clock: Clock) -> Any:
    return await main(clock)


def pause(clock: Clock, seconds: float) -> Awaitable[None]:
    return wait(clock, seconds, clock.now() + seconds, NeverEnds)


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
def test_parallel_waits_take_as_long_as_the_longest(debug: bool) -> None:
    async def main(clock: Clock) -> None:
        await asyncio.gather(*(pause(clock, 500) for _ in range(4)))

    _, moved, wall = run(main, debug=debug)

    assert moved == 500
    assert wall < 200


def test_a_shorter_wait_ends_first() -> None:
    async def main(clock: Clock) -> list[str]:
        order: list[str] = []

        async def call(name: str, seconds: float) -> None:
            await pause(clock, seconds)
            order.append(f"{name} at {clock.now():g}")

        await asyncio.gather(call("slow", 70.5), call("fast", 1.25), call("middle", 30))
        return order

    assert run(main)[0] == ["fast at 1.25", "middle at 30", "slow at 70.5"]


def test_a_deadline_ends_a_longer_wait() -> None:
    async def main(clock: Clock) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(pause(clock, 300), 200)
        with anyio.move_on_after(100) as scope:
            await pause(clock, 300)
        assert scope.cancelled_caught
        with pytest.raises(TimeoutError), anyio.fail_after(50):
            await pause(clock, math.inf)

    with stopped_time():
        assert run(main)[1] == 350


def test_the_running_time_of_the_code_that_cancels_a_wait_does_not_count() -> None:
    async def main(clock: Clock) -> None:
        hanging = asyncio.ensure_future(pause(clock, 300))

        def cancel() -> None:
            real_time.advance(0.05)
            hanging.cancel()

        asyncio.get_running_loop().call_later(200, cancel)
        await asyncio.wait([hanging])

    with stopped_time() as real_time:
        assert run(main)[1] == 200


def test_a_wait_ends_before_a_later_deadline() -> None:
    async def main(clock: Clock) -> str:
        await asyncio.wait_for(pause(clock, 300), 301)
        return "done"

    with stopped_time():
        assert run(main)[:2] == ("done", 300)


def test_an_endless_wait_is_an_error() -> None:
    async def main(clock: Clock) -> None:
        with pytest.raises(NeverEnds):
            await pause(clock, math.inf)

    run(main)


def test_an_endless_wait_that_another_task_cancels_is_cancelled() -> None:
    async def main(clock: Clock) -> bool:
        hanging = asyncio.ensure_future(pause(clock, math.inf))
        await pause(clock, 60)
        hanging.cancel()
        await asyncio.wait([hanging])
        return hanging.cancelled()

    with stopped_time():
        assert run(main)[:2] == (True, 60)


def test_an_executor_job_runs_in_real_time() -> None:
    async def main(clock: Clock) -> str:
        waiting = asyncio.ensure_future(pause(clock, 0.3))
        answer = await asyncio.wait_for(asyncio.to_thread(slow_job), PATIENCE)
        await waiting
        return answer

    assert run(main)[0] == "worked"


def test_a_job_of_a_custom_executor_runs_in_real_time() -> None:
    async def main(clock: Clock) -> str:
        with ThreadPoolExecutor(1) as pool:
            waiting = asyncio.ensure_future(pause(clock, 0.3))
            answer = await asyncio.wait_for(asyncio.wrap_future(pool.submit(slow_job)), PATIENCE)
            await waiting
        return answer

    assert run(main)[0] == "worked"


def test_a_job_of_an_executor_that_was_used_before_runs_in_real_time() -> None:
    async def main(clock: Clock) -> str:
        waiting = asyncio.ensure_future(pause(clock, 300))
        await asyncio.sleep(0)  # the wait begins
        answer = await asyncio.wait_for(asyncio.wrap_future(pool.submit(slow_job)), PATIENCE)
        waiting.cancel()
        return answer

    with ThreadPoolExecutor(1) as pool:
        start_idle_worker(pool)
        assert run(main)[0] == "worked"


def test_a_job_of_an_anyio_worker_runs_in_real_time() -> None:
    async def main(clock: Clock) -> str:
        waiting = asyncio.ensure_future(pause(clock, 0.3))
        with anyio.fail_after(PATIENCE):
            answer = await anyio.to_thread.run_sync(slow_job)
        await waiting
        return answer

    assert run(main)[0] == "worked"


def slow_job() -> str:
    """Take a tenth of a second of real time: it has to pass, or a jump of the loop's time would not be noticed."""
    threading.Event().wait(0.1)
    return "worked"


def test_idle_worker_threads_do_not_prevent_virtual_time() -> None:
    async def main(clock: Clock) -> None:
        await asyncio.to_thread(str)
        await anyio.to_thread.run_sync(str)
        trio.run(trio.to_thread.run_sync, str)
        await pause(clock, 300)

    assert run(main)[2] < 200


def test_threads_that_the_interpreter_does_not_know_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with gevent, whose thread ids are those of greenlets."""

    async def main(clock: Clock) -> None:
        await pause(clock, 300)

    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    monkeypatch.setattr(sys, "_current_frames", dict)
    try:
        assert run(main)[1] == 300
    finally:
        end.set()
        thread.join()


def test_a_thread_can_wake_the_loop_before_a_deadline() -> None:
    async def main(clock: Clock) -> str:
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        threading.Timer(0.1, loop.call_soon_threadsafe, [event.set]).start()  # real time, as in `slow_job`
        waiting = asyncio.ensure_future(pause(clock, 0.3))
        await asyncio.wait_for(event.wait(), PATIENCE)
        await waiting
        return "woken"

    assert run(main)[0] == "woken"


def test_a_read_from_a_real_socket_waits_in_real_time() -> None:
    async def main(clock: Clock) -> bytes:
        listener = socket.create_server(("127.0.0.1", 0))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        peer, _ = listener.accept()
        waiting = asyncio.ensure_future(pause(clock, 0.3))
        threading.Timer(0.1, peer.sendall, [b"bytes"]).start()  # real time, as in `slow_job`
        answer = await asyncio.wait_for(reader.read(5), PATIENCE)
        await waiting
        writer.close()
        await writer.wait_closed()
        peer.close()
        listener.close()
        return answer

    assert run(main)[0] == b"bytes"


def test_a_subprocess_runs_in_real_time() -> None:
    async def main(clock: Clock) -> bytes:
        waiting = asyncio.ensure_future(pause(clock, 0.3))
        script = "import time; time.sleep(0.1); print('child')"  # real time, as in `slow_job`
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
        out, _ = await asyncio.wait_for(child.communicate(), PATIENCE)
        await waiting
        return out.strip()

    assert run(main)[0] == b"child"


def test_loop_time_never_runs_backwards() -> None:
    loop, clock = asyncio.new_event_loop(), Clock()
    before = loop.time()
    loop.run_until_complete(pause(clock, 100))
    between = loop.time()
    with clock.patch_sleep():
        loop.run_until_complete(asyncio.sleep(100))
        within = loop.time()
    after = loop.time()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    assert before + 100 <= between < before + 105
    assert between + 100 <= within <= after < between + 105


def test_a_loop_with_its_own_time_source_waits_in_real_time() -> None:
    class OwnTime(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return REAL_MONOTONIC()

    loop, clock = OwnTime(), Clock()
    started_at = REAL_MONOTONIC()
    loop.run_until_complete(pause(clock, 0.05))
    loop.close()

    assert REAL_MONOTONIC() - started_at >= 0.05


def test_a_wait_adds_only_a_time_attribute_to_the_loop() -> None:
    async def main(clock: Clock) -> tuple[set[str], set[str]]:
        loop: Any = asyncio.get_running_loop()
        before = {*vars(loop), *vars(loop._selector)}
        await pause(clock, 3)
        return before, {*vars(loop), *vars(loop._selector)}

    before, after = run(main)[0]

    assert after - before == {"time"}
