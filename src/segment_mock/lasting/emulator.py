"""An emulator whose state is in a store: every call is written there before its response is sent."""

from __future__ import annotations

import json
import logging
import os
import weakref
from collections.abc import Generator, Mapping
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from types import coroutine
from typing import Any

from ..clock import Clock
from ..core.call import hint_header
from ..emulator import Emulator, garbage_collection_paused, limit_of_organizations
from ..faults import FaultRules
from ..forking import call_after_fork, new_rlock
from ..journal import Journal
from ..messages import Admission, ConnectFailure, Pending, Request, Response
from ..persistence import StoreError, StoreInUse, StoreUnavailable, open_log
from ..settings import SettingError
from .plain import decode, encode
from .recorders import LastingFaultRules, RecordedJournal, RecordedLimitedWorld, RecordedWindow, RecordedWorld
from .state import State

_log = logging.getLogger("segment_mock")
_SMALLEST = 16 * 2**20
"""Compact the log only after at least this many bytes were appended."""
_SOURCES = ("data", "stubs")
"""The settings that initial data and stubs are read from."""
_LOOKS = 0.25
"""Poll interval of a standby for the store, in seconds."""
_READINGS = 1000
"""After this many readings, a call that is still waiting counts as undone."""
_AGAIN = "segment-mock answers again as soon as its store (--store) does"
_MEANWHILE = "the store was unavailable meanwhile"
_PROBLEM = {"Content-Type": "application/problem+json", "Retry-After": "1"}


class LastingEmulator(Emulator):
    """An emulator that continues from the state in its store, and saves the changes of each call before its response.

    If saving fails, the response is a problem with status 503. The state is then read again as soon as the store
    answers. So a refused call has changed nothing, unless another thread had saved its changes.
    """

    def _new_world(self) -> RecordedWorld:
        limit = limit_of_organizations(self.settings)
        if limit is not None:
            return RecordedLimitedWorld(self.settings["seed"], limit=limit)
        return RecordedWorld(self.settings["seed"], isolated=self.settings["credentials"] == "isolated")

    def _new_journal(self) -> Journal:
        self._journal = RecordedJournal(self.settings["journal_size"], self.settings["journal_bytes"])
        return self._journal

    def _new_fault_rules(self, newest: Any) -> FaultRules:
        return LastingFaultRules(self.world, self.routes.operations(), newest)

    def _new_window(self, calls: int, seconds: float) -> RecordedWindow:
        return RecordedWindow(calls, seconds)

    def _begin(self) -> None:
        self._outage, self.readings, self._saving = "", 0, new_rlock()
        self._size = self._compact_at = self._postponed = 0
        self._saved_closings: dict[int, int] = {}  # by the number of readings
        self._is_replaced = self._is_closed = False
        self.admission = _SavedAdmission(self, self.admission)
        self._store = open_log(self.settings["store"])
        self._process = os.getpid()
        call_after_fork(self)
        weakref.finalize(self, self._store.close)  # an application of Flask is never closed
        self._state = State(self, self._policy.windows, self._put, self._store.blob)
        self.tally = self._state.tally
        while not self._is_open():
            Clock().wait(_LOOKS)

    def _is_open(self) -> bool:
        """Open the store, and return whether that succeeded; if not, a standby may try again."""
        self._acquire()
        try:
            self._open()
        except StoreUnavailable as error:
            self._store.close()
            if not self.settings["standby"]:
                raise StoreError(f"store: {error}") from None
            super().reset()
            self.stubs.forget()
            self.world.forget_initial_data()
            return False
        except BaseException:
            self._store.close()
            raise
        return True

    def _acquire(self) -> None:
        is_logged = False
        while True:
            try:
                self._store.acquire()
            except (StoreInUse, StoreUnavailable) as error:
                if not self.settings["standby"]:
                    raise error if isinstance(error, StoreInUse) else StoreError(str(error)) from None
                if not is_logged:
                    _log.warning("standing by: %s", error)
                    is_logged = True
                Clock().wait(_LOOKS)
            else:
                break

    def _open(self) -> None:
        document = self._read()
        if document is None:
            self._start()  # refuses data that is not JSON, with its place
            self._sources = _fingerprint(self._settings_at_start, self.vendors)
            self._compact()
            return
        self._read_scenarios()
        self._sources = document["sources"]
        if any(self.settings[name] for name in _SOURCES) and self._sources != _fingerprint(
            self._settings_at_start, self.vendors
        ):
            self._exchange_sources()
        elif self._size > self._compact_at:
            self._compact()
        if document.get("dropped", {}).get("limit") != self.settings["max_organizations"]:
            with self.world.lock:
                self.world.drop_beyond_limit()
            self._compact()

    def _exchange_sources(self) -> None:
        """Replace the initial data and stubs in the store, to which a reset returns, by those of the settings."""
        self.world.organization()  # create it now: it keeps the initial data of the store
        stubs = self.stubs.rows()
        self.stubs.forget()
        self.world.exchange_initial_data(lambda: self._loaded(self.settings["data"]))
        self._load_stubs()
        self.stubs.restore(stubs)
        self._sources = _fingerprint(self._settings_at_start, self.vendors)
        _log.warning(
            "the settings data or stubs have changed since the store was created: its records stay as they are, and a "
            "reset returns to the new data and stubs"
        )
        self._compact()

    def _read(self) -> Any:
        """Read the state from the store and return its document, or None if the store is empty."""
        self._size, document = 0, None
        with garbage_collection_paused(), closing(self._store.entries()) as entries:
            for entry in entries:
                self._size += len(entry)
                try:
                    changes = decode(entry)
                    if document is None:
                        document = changes
                        self._state.restore(document)
                        self._compact_at = max(_SMALLEST, 3 * len(entry), self._postponed)
                    else:
                        self._state.repeat(changes)
                except (LookupError, TypeError, AttributeError, ValueError) as error:
                    if isinstance(error, SettingError):
                        raise
                    reason = f"{type(error).__name__}: {error}"
                    raise StoreError(
                        f"store: {self._store.url} has a state that this version can't read ({reason})"
                    ) from error
        self._state.note()
        return document

    def _settle(self) -> None:
        """Compact the log if it is due; if that fails, everything has been saved nevertheless."""
        if self._size > self._compact_at:
            try:
                self._compact()
            except StoreUnavailable as error:
                self._postponed = 2 * self._size
                self._suspend(f"the log can't be compacted: {error}")

    # Calls.

    def answer(self, request: Request) -> Response | Pending:
        """Return the response to *request* once the changes of the call are saved, or a problem if saving fails."""
        if self.outage:
            return self._problem()
        readings = self.readings
        response = super().answer(request)
        if isinstance(response, Response):
            return self._saved(response, readings)
        return self._answer_later(response, readings)

    async def _answer_later(self, pending: Pending, readings: int) -> Response:
        try:
            response = await self._saved_at_pauses(pending)
        except StoreUnavailable:
            return self._problem()
        return self._saved(response, readings)

    @coroutine
    def _saved_at_pauses(self, pending: Pending) -> Generator[Any, Any, Response]:
        """Run *pending* to its end, and save before each pause, because the response may never be sent."""
        try:
            pause = pending.send(None)
            while True:
                if self._state.has_writes:
                    self.save()
                try:
                    value = yield pause
                except GeneratorExit:
                    raise
                except BaseException as error:
                    pause = pending.throw(error)
                else:
                    pause = pending.send(value)
        except StopIteration as end:
            response: Response = end.value
            return response
        finally:
            pending.close()

    def _saved(self, response: Response, readings: int) -> Response:
        try:
            self._save(readings, self._journal.own_closing)
        except StoreUnavailable:
            return self._problem()
        return response

    def save(self, since: int | None = None) -> None:
        """Save all changes. If that fails, raises `StoreUnavailable`, and answers no call from then on."""
        self._save(since)

    def _save(self, since: int | None, closing: int | None = None) -> None:
        """Save all changes, if the call with the number *closing* is not saved yet."""
        with self._saving:
            if closing is not None and closing <= self._saved_closings.get(since or 0, 0):
                return  # another thread has saved it
            if self._outage:
                raise StoreUnavailable(self._outage)
            if since not in (None, self.readings):  # checked under the lock, or another thread could still read
                raise StoreUnavailable(_MEANWHILE)
            try:
                with self.world.lock:
                    if self._is_replaced or self._state.is_replaced:
                        self._compact()
                    elif changes := self._state.changes():
                        entry = encode(changes)
                        self._store.append(entry)
                        self._size += len(entry)
                    self._saved_closings[self.readings] = self._state.closings
                    self._settle()
            except StoreUnavailable as error:
                self._suspend(str(error))
                raise
            except Exception as error:
                _log.exception("the state could not be saved")
                self._suspend(f"the state can't be saved: {type(error).__name__}: {error}")
                raise StoreUnavailable(self._outage) from error

    def _compact(self) -> None:
        entry = encode({"sources": self._sources, **self._state.document()})
        self._store.compact(entry, self._state.blobs)
        self._size, self._compact_at, self._postponed = 0, max(_SMALLEST, 2 * len(entry)), 0
        self._is_replaced = False

    def _put(self, name: str, content: bytes) -> None:
        self._store.put(name, content)
        self._size += len(content)

    # Outages.

    @property
    def outage(self) -> str:
        """The reason why no call can be answered at the moment, or ``""``. Each use asks the store again."""
        if self._outage:
            self._resume()
        return self._outage

    def _suspend(self, reason: str) -> None:
        with self._saving:
            if not self._outage:
                _log.error("%s; calls are answered with status 503 until it can be used again", reason)
            self._outage = reason

    def _resume(self) -> None:
        with self._saving:
            if not self._outage or self._is_closed:
                return
            try:
                self._store.resume()
                for interrupt in self.on_reset:
                    interrupt()
                with self.world.lock:
                    self.readings += 1
                    if len(self._saved_closings) > _READINGS:
                        del self._saved_closings[next(iter(self._saved_closings))]
                    document = self._read()
                    if document is None:  # an engine that forgot everything
                        _log.error("the store is empty; starting again with the initial data")
                        super().reset()
                        self._state.forget_blobs()
                        self._compact()
                    else:
                        self._sources = document["sources"]
            except StoreUnavailable as error:
                self._outage = str(error)
            except StoreError as error:
                if self._outage != str(error):
                    _log.error("%s", error)
                self._outage = str(error)
            else:
                self._outage, self._is_replaced = "", False
                _log.warning("the store can be used again")

    def _problem(self) -> Response:
        reason = self._outage or _MEANWHILE
        document = {
            "type": "about:blank",
            "title": "Store unavailable",
            "status": 503,
            "detail": f"{reason}. The call was not acknowledged, and most likely not performed.",
            "hint": _AGAIN if not self._is_closed else "segment-mock can't use its store (--store) from this process",
        }
        return Response(503, {**_PROBLEM, **hint_header(f"segment-mock: {reason}")}, json.dumps(document).encode())

    # The whole mock.

    def reset(self) -> None:
        """Return to the initial data."""
        super().reset()
        self._is_replaced = True

    def reload(self) -> None:
        """Read the files of data, faults, stubs and scenarios again, reset to their contents, and save that.

        Raises `SettingError`, and changes nothing, if a file is invalid or saving fails.
        """
        if outage := self.outage:
            raise SettingError(f"store: {outage}")
        readings = self.readings
        super().reload()
        with self._saving:
            self._sources, self._is_replaced = _fingerprint(self._settings_at_start, self.vendors), True
            try:
                self.save(readings)
            except StoreUnavailable as error:
                raise SettingError(f"store: {error}") from None

    def after_fork(self) -> None:
        """Refuse every call in a forked child, because only the parent may write to the store."""
        self._is_closed = True
        self._outage = (
            f"this process was forked from process {self._process}, which opened the store and keeps it. Open it after "
            "the fork (gunicorn without --preload, and -w 1), or let every worker forward to one `segment-mock serve`: "
            "create_app(upstream=URL)"
        )

    def close(self) -> None:
        """Save the changes and release the store. Later calls are refused."""
        with self._saving:
            if self._is_closed:
                return
            try:
                self.save()
            except StoreUnavailable as error:
                _log.error("the latest changes were not saved: %s", error)
            self._is_closed, self._outage = True, "the mock was closed"
            self._store.close()


class _SavedAdmission(Admission):
    """Saves what the rules count when they prevent a connection."""

    def __init__(self, core: LastingEmulator, admission: Admission) -> None:
        self._core, self._admission = core, admission

    @property
    def armed(self) -> int:
        """The number of ``connect`` faults that were armed so far."""
        return self._admission.armed

    def __call__(self, host: str) -> ConnectFailure | None:
        """Return how a new connection to *host* fails, or None if it is established."""
        failure = self._admission(host)
        if failure is not None:
            try:
                self._core.save()
            except StoreUnavailable:
                return None  # the call itself reports the outage
        return failure


def _fingerprint(settings: Mapping[str, Any], vendors: Mapping[str, Any]) -> str:
    """Return a digest of the settings from which the initial data and stubs are read."""
    digest = blake2b(repr(sorted(vendors)).encode(), digest_size=16)
    for source in (*settings["data"], "/", *settings["stubs"]):
        if isinstance(source, str) and Path(source).is_file():
            with Path(source).open("rb") as file:
                while block := file.read(2**20):
                    digest.update(block)
        else:
            digest.update(encode(source))
    return digest.hexdigest()
