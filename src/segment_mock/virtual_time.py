"""Virtual time, which passes without waiting: for an event loop with in-process calls, or for a whole process.

Two parts jump instead of sleeping:

* `wait` suspends an asyncio task for some seconds of a mock's clock. The loop's time jumps to its next timer as long as
  nothing but a timer could wake the loop, so concurrent waits, deadlines and client timeouts keep their order.
* `VirtualTime` (``clock.patch_sleep()``) makes ``time.sleep``, ``asyncio.sleep``, ``time.time``, ``time.monotonic``,
  ``time.perf_counter`` and the loop's time share one offset that every sleep moves.

The wait is real if something real could wake the loop: a socket, a thread, a subprocess, or a job of an executor.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol, cast
from weakref import WeakKeyDictionary, ref

from .forking import new_rlock

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

SLEEP_LIMIT = 10_000
"""How many sleeps one `VirtualTime` skips at most; a loop that reads an unpatched clock would never end."""

_REAL_PACKAGES = frozenset(
    (
        "_pytest", "anyio", "asyncio", "concurrent", "coverage", "execnet", "freezegun", "hypothesis", "logging",
        "multiprocessing", "pluggy", "pytest", "queue", "segment_mock", "selectors", "socket", "ssl", "subprocess",
        "threading", "time_machine", "xdist",
    )
)  # fmt: skip
"""The standard library, pytest and its plugins, whose own waiting stays real."""
_LIBRARY = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 - a string is compared
_POLL = 0.05
"""Poll interval, in seconds, for the end of a thread that prevents a jump."""
_GRAIN = 0.01
_TOLERANCE = 0.002


class MovableClock(Protocol):
    """The clock of a mock, in epoch seconds."""

    def now(self) -> float:
        """Return the current time."""

    def advance(self, by: float) -> None:
        """Move forward by *by* seconds."""

    def move_to(self, moment: float) -> None:
        """Move forward to *moment*, unless it has passed."""


class EndlessSleep(RuntimeError):
    """Code sleeps again and again, because it waits for a clock that virtual time can't move.

    It is not an OSError, so that clients do not retry the call.
    """


class LoopTime:
    """The time of one event loop, which may run ahead of the real one but never backwards.

    The offset stays on a loop that outlives its last wait.
    """

    # A class attribute, as freezegun replaces module globals. If time is frozen during this import, freezegun has it.
    _genuine: Callable[[], float] = getattr(sys.modules.get("freezegun.api"), "real_monotonic", time.monotonic)
    monotonic = staticmethod(_genuine)

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.offset = loop.time() - self.monotonic()
        self.waiting = 0
        self.jobs = 0
        self.stuck: dict[Future[None], Callable[[], Exception]] = {}
        self.woke_at = -math.inf
        """The loop's time when it last stopped waiting; if a timer ended the wait, the time that was set for it."""
        self._loop = ref(loop)
        self._select: Callable[..., Any] | None = None
        loop.time = self.time  # type: ignore[method-assign]

    def time(self) -> float:
        """Return the loop's time in seconds."""
        return self.monotonic() + self.offset + VIRTUAL.shared_offset(self)

    def watch(self) -> None:
        """Make the loop jump to its next timer instead of waiting, until `unwatch`."""
        loop: Any = self._loop()
        if self._select is None and loop is not None:
            selector = loop._selector
            self._select = selector.select
            selector.select = self._jump
            loop.run_in_executor = self._counted(loop.run_in_executor)

    def unwatch(self) -> None:
        """Make the loop wait for its next timer again."""
        loop: Any = self._loop()
        if self._select is not None and loop is not None:
            del loop.run_in_executor
            if loop._selector is not None:
                del loop._selector.select
        self._select = None

    def _counted(self, run_in_executor: Callable[..., Any]) -> Callable[..., Any]:
        def counted(executor: Any, function: Any, *arguments: Any) -> Any:
            job = run_in_executor(executor, function, *arguments)
            self.jobs += 1
            job.add_done_callback(done)
            return job

        def done(_: Any) -> None:
            self.jobs -= 1

        return counted

    def _jump(self, timeout: float | None = None) -> Any:
        select = self._select
        assert select is not None
        if timeout is not None and timeout <= 0:
            if self._next_timer() <= self.time():
                self.woke_at = max(self.woke_at, self._next_timer())
            return select(timeout)
        events = select(0)
        if not events:
            if not (self.waiting or self.stuck or VIRTUAL.in_force) or self._has_other_descriptors():
                events = select(timeout)
            elif self.jobs or VIRTUAL.busy_threads():
                events = select(_POLL if timeout is None else min(timeout, _POLL))
            elif timeout is not None:
                VIRTUAL.jumped(self, timeout)
            elif not self.stuck:
                events = select(timeout)
            else:
                for future, error in self.stuck.items():
                    if not future.done():
                        future.set_exception(error())
        self.woke_at = self.time() if events else min(self.time(), self._next_timer())
        return events

    def elapsed(self, start: float) -> float:
        """Return the seconds from *start*, a time of the loop, until the loop last stopped waiting, in hundredths.

        The running time of the callbacks since then does not count.
        """
        return rounded(self.woke_at - start)

    def _next_timer(self) -> float:
        timers = cast("Any", self._loop())._scheduled
        return timers[0].when() if timers else math.inf

    def _has_other_descriptors(self) -> bool:
        loop: Any = self._loop()
        own = loop._ssock.fileno()  # by which other threads and signals wake the loop
        return any(key.fd != own for key in loop._selector.get_map().values())


class VirtualTime:
    """One offset for all clocks of this process, while at least one `patch_sleep` is active."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._clocks: list[MovableClock] = []
        self._sleeps = 0
        self._restore: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None
        self._loops: WeakKeyDictionary[AbstractEventLoop, LoopTime] = WeakKeyDictionary()
        self._bystanders: list[threading.Thread] = []
        self._watchers = 0
        self._traveller: Any = None
        self._lock = new_rlock()

    @property
    def in_force(self) -> bool:
        """Whether sleeping currently takes no real time."""
        return bool(self._clocks)

    def shared_offset(self, loop_time: LoopTime) -> float:
        """Return the offset that the virtual time of the process adds to a loop's own time."""
        return self.offset if self._clocks else 0.0

    def loop_time(self, loop: AbstractEventLoop) -> LoopTime | None:
        """Return the time of *loop*, or None for a loop whose time can't be moved (uvloop, Proactor)."""
        loop_time = self._loops.get(loop)
        if loop_time is None:
            if not _can_jump(loop):
                return None
            loop_time = self._loops[loop] = LoopTime(loop)
            loop_time.offset -= self.shared_offset(loop_time)
        return loop_time

    def jumped(self, loop_time: LoopTime, seconds: float) -> None:
        """Move a loop's time, and with it the virtual time of the process, by *seconds*."""
        if not self._clocks:
            loop_time.offset += seconds
            return
        self._move(seconds)
        whole_grains = math.floor((seconds + _TOLERANCE) / _GRAIN) * _GRAIN
        for clock in self._clocks:
            clock.advance(whole_grains)

    def passed(self, clock: MovableClock, seconds: float) -> None:
        """Move *clock* and virtual time forward by *seconds*, in place of a wait in synchronous code."""
        clock.advance(seconds)
        if clock in self._clocks:
            self._move(seconds)

    def watch_threads(self) -> None:
        """Ignore the threads that work now, until `unwatch_threads`: only others prevent a jump.

        An idle worker of a pool is not ignored, as its next job may belong to what follows.
        """
        with self._lock:
            self._watchers += 1
            if self._watchers == 1:
                self._bystanders = []
                if threading.active_count() > 1:
                    self._bystanders = self.busy_threads()

    def unwatch_threads(self) -> None:
        """End `watch_threads`. In nested pairs, only the outermost pair has an effect."""
        with self._lock:
            self._watchers -= 1
            if not self._watchers:
                self._bystanders.clear()

    def busy_threads(self) -> list[threading.Thread]:
        """Return the other threads that work, but not with what they did at `watch_threads`."""
        current = threading.current_thread()
        threads = [
            thread
            for thread in threading.enumerate()
            if thread is not current and not thread.name.startswith("segment-mock")
        ]
        if not threads:
            return []
        frames = sys._current_frames()
        busy = [thread for thread in threads if not _is_idle_worker(thread, frames)]
        frames.clear()  # ends a cycle of references, which would keep the caller's objects alive
        # A worker that has completed its job is a bystander no more.
        self._bystanders = [thread for thread in self._bystanders if thread in busy]
        return [thread for thread in busy if thread not in self._bystanders]

    @contextmanager
    def patched(self, clock: MovableClock) -> Iterator[None]:
        """Make sleeping move *clock* and the process's virtual time instead of waiting, within a ``with`` block.

        Blocks may nest and may end in any order; the last one that ends restores the original functions.
        """
        self.watch_threads()
        with self._lock:
            self._clocks.append(clock)
            if len(self._clocks) == 1:
                self._start()
        try:
            yield
        finally:
            with self._lock:
                self._clocks.remove(clock)
                if not self._clocks:
                    self._stop()
            self.unwatch_threads()

    def sleep(self, seconds: float, caller: FrameType) -> None:
        """Skip a sleep of *seconds*; raises `EndlessSleep` at the sleep after `SLEEP_LIMIT`."""
        with self._lock:
            self._sleeps += 1
            if self._sleeps > SLEEP_LIMIT:
                raise EndlessSleep(_endless(caller))
            for clock in self._clocks:
                clock.advance(seconds)
            self._move(seconds)

    def _move(self, seconds: float) -> None:
        self.offset += seconds
        if self._traveller is not None:
            self._traveller.shift(float(seconds))

    def _start(self) -> None:
        import asyncio

        self.offset, self._thread = 0.0, threading.current_thread()
        self._sleeps = 0
        self._start_traveller()
        real_sleep = time.sleep
        self._replace(time, "sleep", self._sleeping(real_sleep))
        for name in ("time", "monotonic", "perf_counter"):
            self._replace(time, name, self._reading(getattr(time, name), 1, name))
            self._replace(time, f"{name}_ns", self._reading(getattr(time, f"{name}_ns"), 1_000_000_000, name))
        self._replace(asyncio, "sleep", self._async_sleeping(asyncio.sleep), also=asyncio.tasks)
        self._replace(asyncio.BaseEventLoop, "run_forever", self._running(asyncio.BaseEventLoop.run_forever))
        self._replace(threading.Event, "wait", self._waiting(threading.Event.wait, threading.Event.is_set))
        self._replace(threading.Condition, "wait", self._waiting(threading.Condition.wait))
        if requests := sys.modules.get("requests.sessions"):  # bound there by name, for response.elapsed
            self._replace(requests, "preferred_clock", time.perf_counter)
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            return
        if loop_time := self.loop_time(running):
            loop_time.watch()

    def _stop(self) -> None:
        while self._restore:
            self._restore.pop()()
        if self._traveller is not None:
            traveller, self._traveller = self._traveller, None
            traveller.travel.stop()
        for loop_time in [*self._loops.values()]:
            loop_time.offset += self.offset
            if not loop_time.waiting:
                loop_time.unwatch()

    def _start_traveller(self) -> None:
        """Let time-machine, if installed, move ``datetime.now()`` and clock functions that were imported by name."""
        if "freezegun" in sys.modules and sys.modules["freezegun"].api.freeze_factories:
            return  # time-machine and freezegun refuse to work together
        try:
            import time_machine
        except ImportError:
            return
        if not time_machine.traveller_stack:
            travel = time_machine.travel(time.time(), tick=True)
            self._traveller = travel.start()
            self._traveller.travel = travel

    def _replace(self, owner: Any, name: str, replacement: Any, *, also: Any = None) -> None:
        for place in filter(None, (owner, also)):
            original = getattr(place, name)
            setattr(place, name, replacement)
            self._restore.append(self._restoring(place, name, replacement, original))

    @staticmethod
    def _restoring(owner: Any, name: str, replacement: Any, original: Any) -> Callable[[], None]:
        def restore() -> None:
            if getattr(owner, name) is replacement:  # otherwise another library patched it too, and restores it later
                setattr(owner, name, original)

        return restore

    def _sleeping(self, original: Callable[[float], None]) -> Callable[[float], None]:
        @wraps(original)
        def sleep(seconds: float) -> None:
            caller = sys._getframe(1)
            if not self._clocks or _sees_real_time(caller) or not 0 <= seconds < math.inf:
                original(seconds)
                return
            self.sleep(seconds, caller)
            if self.busy_threads():
                original(0.001)  # gives the other threads time to do what the sleeper waits for

        return sleep

    def _async_sleeping(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        async def sleep(delay: float, result: Any = None) -> Any:
            if not self._clocks or not delay > 0:
                return await original(delay, result)
            clocks = [(clock, clock.now()) for clock in self._clocks]
            import asyncio

            loop = asyncio.get_running_loop()
            loop_time = self.loop_time(loop)
            if loop_time:
                loop_time.watch()
            start = loop.time()
            elapsed = delay
            try:
                return await original(delay, result)
            except BaseException:
                elapsed = loop_time.elapsed(start) if loop_time else rounded(loop.time() - start)
                raise
            finally:
                for clock, began in clocks:
                    clock.move_to(began + elapsed)

        return sleep

    def _reading(self, original: Callable[[], Any], scale: int, name: str) -> Callable[[], Any]:
        moved_below = name == "time" and self._traveller is not None

        @wraps(original)
        def now() -> Any:
            offset = self.offset if self._clocks else 0.0
            if _sees_real_time(sys._getframe(1)):
                offset = -offset if moved_below else 0.0
            elif moved_below:
                offset = 0.0
            return original() + (offset if scale == 1 else round(offset * scale))

        return now

    def _running(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def run_forever(loop: AbstractEventLoop) -> Any:
            if self._clocks and (loop_time := self.loop_time(loop)):
                loop_time.watch()
            return original(loop)

        return run_forever

    def _waiting(self, original: Callable[..., bool], is_set: Callable[[Any], bool] | None = None) -> Any:
        @wraps(original)
        def wait(waited: Any, timeout: float | None = None) -> bool:
            caller = sys._getframe(1)
            real = not self._clocks or timeout is None or threading.current_thread() is not self._thread
            if real or _sees_real_time(caller) or self.busy_threads():
                return original(waited, timeout)
            assert timeout is not None
            if is_set is not None and is_set(waited):
                return True
            self.sleep(max(0.0, timeout), caller)
            return False

        return wait


VIRTUAL = VirtualTime()
"""The virtual time of this process."""


async def wait(clock: MovableClock, seconds: float, end: float, never: Callable[[], Exception]) -> None:
    """Suspend the running task of asyncio or trio for *seconds*, which may be infinite, and then move *clock* to *end*.

    Under asyncio, it takes no real time while only timers could wake the loop. If the wait is cancelled, the clock
    moves by the time that passed in the loop, in hundredths of a second. If the wait is infinite and nothing could ever
    end it, raises the exception that *never* returns.
    """
    trio = sys.modules.get("trio")
    if trio is not None and _runs(trio):
        if math.isinf(seconds) and math.isinf(trio.current_effective_deadline()):
            raise never()
        loop_time, loop_now, sleeping = None, trio.current_time, trio.sleep(seconds)
    else:
        import asyncio

        loop = asyncio.get_running_loop()
        loop_time = VIRTUAL.loop_time(loop)  # sets loop.time
        loop_now, sleeping = loop.time, _sleep(loop, loop_time, seconds, never)
    began, start = clock.now(), loop_now()
    try:
        await sleeping
    except BaseException:
        end = began + (loop_time.elapsed(start) if loop_time else rounded(loop_now() - start))
        raise
    finally:
        clock.move_to(end)


def _runs(trio: Any) -> bool:
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True


async def _sleep(
    loop: AbstractEventLoop, loop_time: LoopTime | None, seconds: float, never: Callable[[], Exception]
) -> None:
    future = loop.create_future()
    timer = None if math.isinf(seconds) else loop.call_later(seconds, _resolve, future)
    VIRTUAL.watch_threads()
    if loop_time:
        loop_time.waiting += 1
        loop_time.watch()
        if timer is None:
            loop_time.stuck[future] = never
    try:
        await future
    finally:
        if timer is not None:
            timer.cancel()
        if loop_time:
            loop_time.waiting -= 1
            loop_time.stuck.pop(future, None)
            if not loop_time.waiting and not VIRTUAL.in_force:
                loop_time.unwatch()
        VIRTUAL.unwatch_threads()


def _endless(caller: FrameType) -> str:
    user: FrameType | None = caller
    while user is not None and _is_library(user):
        user = user.f_back
    by = f", called from {user.f_code.co_filename}:{user.f_lineno}" if user and user is not caller else ""
    return (
        f"{caller.f_code.co_filename}:{caller.f_lineno}{by} slept {SLEEP_LIMIT:,} times in virtual time and goes on; "
        "it reads a clock that virtual time does not move, such as datetime.now() or a name imported before the test "
        "('from time import monotonic'). Install time-machine, which moves datetime.now(), or set sleep=False"
    )


def _is_library(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return "site-packages" in file or "dist-packages" in file or file.startswith((_LIBRARY, "<"))


def _resolve(future: Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def rounded(seconds: float) -> float:
    """Return *seconds* rounded to hundredths, so that the running time of the loop itself does not count."""
    return max(0.0, round(seconds / _GRAIN) * _GRAIN)


def _sees_real_time(caller: FrameType) -> bool:
    package = str(caller.f_globals.get("__name__", "")).partition(".")[0]
    return package in _REAL_PACKAGES or package.startswith("pytest_")


def _can_jump(loop: Any) -> bool:
    """Return whether *loop* is asyncio's selector loop with its standard time source."""
    import asyncio

    return isinstance(loop, asyncio.SelectorEventLoop) and type(loop).time is asyncio.BaseEventLoop.time


def _is_idle_worker(thread: Any, frames: Mapping[int, FrameType]) -> bool:
    if hasattr(thread, "idle_workers"):  # anyio's worker threads
        return thread in thread.idle_workers
    frame = frames.get(thread.ident or 0)
    if frame is None:
        return False
    if frame.f_code.co_name == "_work" and frame.f_globals.get("__name__") == "trio._core._thread_cache":
        return getattr(frame.f_locals.get("self"), "_job", thread) is None  # trio keeps a worker for ten seconds
    if not _waits_for_job(frame):
        return False
    pool = frame.f_locals["executor_reference"]()
    if pool is None or sys.version_info < (3, 13):
        return True
    # Here a job that was submitted is neither in the queue nor in the worker's frame until the worker runs again.
    waiting = [worker for worker in [*pool._threads] if _waits_for_job(frames.get(worker.ident or 0))]
    return bool(pool._idle_semaphore._value >= len(waiting))


def _waits_for_job(frame: FrameType | None) -> bool:
    """Return whether the frame is that of a worker of concurrent.futures that has no job, with an empty queue."""
    if frame is None or frame.f_code.co_name != "_worker" or frame.f_globals["__name__"] != "concurrent.futures.thread":
        return False
    queue, job = frame.f_locals.get("work_queue"), frame.f_locals.get("work_item")
    return queue is not None and queue.empty() and job is None
