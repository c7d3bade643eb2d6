"""A plugin of pytest with which the mocks of tests keep their state in a store, and come back from it as they were.

``pytest -p tests.lasting.any_store --any-store redis tests/store`` gives each mock that a test makes a store of its
own, unless the test says which. After each test, and whenever a mock is closed, a copy of what the store has, as if the
process had been killed, is opened as another mock. That one must show all that the first one does.

A test that can't mean anything with a store is marked ``memory_only(reason)``. One that arms a function as a fault is
skipped without a mark, because a mock with a store refuses that.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest

import segment_mock.mock
import segment_mock.web.app
from segment_mock import lasting
from segment_mock.emulator import Emulator
from segment_mock.journal import Entry
from segment_mock.lasting.emulator import LastingEmulator
from segment_mock.messages import Delivery
from segment_mock.settings import SettingError
from tests.persistence.engines import RedisServer

_KEYS = ("meta", "log", "blobs")
_DATABASES = 10_000  # a URL has at most four digits


class SqliteStores:
    """Files in a folder of their own."""

    def __init__(self, place: Path) -> None:
        self._place, self._numbers = place, count()

    def new(self) -> str:
        """Return the URL of an empty store."""
        return f"sqlite:///{self._place / f'{next(self._numbers)}.db'}"

    def copy(self, url: str) -> str:
        """Return the URL of a store with what the one at *url* has now."""
        copied = self.new()
        for suffix in ("", "-wal"):
            file = Path(f"{url.removeprefix('sqlite:///')}{suffix}")
            if file.exists():
                shutil.copyfile(file, f"{copied.removeprefix('sqlite:///')}{suffix}")
        return copied

    def end(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._place)


class RedisStores:
    """Databases of a server; number 0 has the copy."""

    def __init__(self, place: Path) -> None:
        self._place, self._numbers = place, count()
        self._server = RedisServer(place, databases=str(_DATABASES), appendfsync="no")

    def new(self) -> str:
        """Return the URL of an empty store."""
        number = 1 + next(self._numbers) % (_DATABASES - 1)
        with self._server.client(db=number) as client:
            client.flushdb()  # a mock of long ago may have left something
        return f"{self._server.url.removesuffix('/0')}/{number}"

    def copy(self, url: str) -> str:
        """Return the URL of a store with what the one at *url* has now."""
        with self._server.client() as client:
            client.flushdb()
        with self._server.client(db=int(url.rpartition("/")[2])) as client:
            for name in _KEYS:
                key = f"{{segment-mock}}:{name}"
                client.copy(key, key, destination_db=0)
        return self._server.url

    def end(self) -> None:
        """Stop the server."""
        self._server.stop()
        shutil.rmtree(self._place)


ENGINES: dict[str, type[SqliteStores | RedisStores]] = {"sqlite": SqliteStores, "redis": RedisStores}


class AnyStore:
    """Lets each mock have a store among *stores*, and compares it with a copy that was opened again."""

    def __init__(self, stores: SqliteStores | RedisStores) -> None:
        self._stores = stores
        self._of_test: list[LastingEmulator] | None = None
        self._of_fixtures: WeakKeyDictionary[LastingEmulator, object] = WeakKeyDictionary()
        self._new, self._close = lasting.new_emulator, LastingEmulator.close

    def begin(self) -> None:
        """Take the place of what makes and closes mocks."""
        for module in (lasting, segment_mock.mock, segment_mock.web.app):
            module.new_emulator = self._emulator  # type: ignore[attr-defined]
        LastingEmulator.close = lambda core: self._closed(core)  # type: ignore[method-assign]

    def end(self) -> None:
        """Put everything back."""
        for module in (lasting, segment_mock.mock, segment_mock.web.app):
            module.new_emulator = self._new  # type: ignore[attr-defined]
        LastingEmulator.close = self._close  # type: ignore[method-assign]
        self._stores.end()

    @contextmanager
    def test(self) -> Iterator[None]:
        """Compare, after a test within this block, every mock that is open."""
        self._of_test = []
        try:
            yield
            for core in self._of_test:
                self._compare(core)
            for core, compared in [*self._of_fixtures.items()]:
                if (core._size, core._compact_at) != compared or core._state.has_writes:
                    self._compare(core)
                    self._of_fixtures[core] = core._size, core._compact_at
        finally:
            for core in self._of_test:
                self._close(core)
            self._of_test = None

    def _emulator(self, settings: Mapping[str, Any]) -> Emulator:
        if settings.get("store") is not None or settings.get("standby"):
            return self._new(settings)
        core = self._new({**settings, "store": self._stores.new()})
        assert isinstance(core, LastingEmulator)
        if self._of_test is None:
            self._of_fixtures[core] = None
        else:
            self._of_test.append(core)
        return core

    def _closed(self, core: LastingEmulator) -> None:
        try:
            if core in self._of_fixtures or core in (self._of_test or ()):
                self._compare(core)
        finally:
            self._close(core)

    def _compare(self, core: LastingEmulator) -> None:
        if core._is_closed or core.outage:
            return
        expected = None
        while expected is None or picture(core) != expected:  # another thread continues
            core.save()
            expected = picture(core)
            place = self._stores.copy(core.settings["store"])
        copied = LastingEmulator({**core._settings_at_start, "store": place})
        try:
            assert picture(copied) == expected, "what came back from the store is not what was there"
        except AssertionError:
            self._of_fixtures.pop(core, None)
            raise
        finally:
            self._close(copied)


def picture(core: LastingEmulator) -> dict[str, Any]:
    """Return all that can be seen of *core* and that lasts, with all that can be returned to."""
    with core.world.lock:
        entries = [*core.journal]
        return {
            "records": {one.name: core.document(one.store, deleted=True) for one in core.world},
            "order of organizations": [one.name for one in core.world],
            "dropped organizations": core.world.dropped_organizations(),
            "counters": {one.name: {**one.counters} for one in core.world if one.counters},
            "journal": [_entry(entry) for entry in entries],
            "journal counters": (core.journal.last, core.journal.forgotten),
            "what a rewind undoes": {entry.id: _undone(core, entry.end) for entry in entries[-20:]},
            "what a restore undoes": {name: _undone(core, one.mark) for name, one in core.snapshots.items()},
            "rules": core.fault_rules.definitions(),
            "stubs": core.stubs.rows(),
            "refused hosts": {**core.refused},
            "clock": core.world.clock.setting,
            "streams": core.world.stream_positions(),
            "windows": {name: window.moments() for name, window in core._policy.windows.items()},
            "metrics": _metrics(core),
            "log": core.world.log.mark,
        }


def _entry(entry: Entry) -> dict[str, Any]:
    row = entry.as_dict()
    delivery = entry.response.delivery if entry.response else Delivery()
    row["delivery"] = (delivery.keep, delivery.chunk, delivery.pause, delivery.raw, delivery.end)
    row["bodies"] = (entry.request_body, entry.response_body)
    row["outcome"] = row["outcome"].replace("open", "abandoned")  # its process has ended before it was answered
    return row


def _metrics(core: LastingEmulator) -> Any:
    tally = core.tally.as_dict()
    rounded = {name: round(seconds, 3) for name, seconds in tally["seconds"].items()}
    # Threads come in another order.
    return {**tally, "calls": dict(tally["calls"]), "faults": dict(tally["faults"]), "seconds": rounded}


def _undone(core: Emulator, mark: int | None) -> Any:
    try:
        return json.loads(json.dumps(core.differences_since(core.world.log.mark if mark is None else mark)))
    except LookupError as error:
        return str(error)


_running = pytest.StashKey[AnyStore]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--any-store", choices=[*ENGINES], help="the engine on which the mocks of tests have their state")


def pytest_configure(config: pytest.Config) -> None:
    """Begin."""
    engine = config.getoption("--any-store")
    if engine:
        memory = Path("/dev/shm")  # what a disk takes for each new file is more than all the rest
        place = Path(tempfile.mkdtemp(prefix="any-store-", dir=memory if os.access(memory, os.W_OK) else None))
        config.stash[_running] = AnyStore(ENGINES[engine](place))
        config.stash[_running].begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End."""
    if _running in config.stash:
        config.stash[_running].end()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is for mocks in memory only."""
    for item in items if _running in config.stash else ():
        marker = item.get_closest_marker("memory_only")
        if marker is not None:
            item.add_marker(pytest.mark.skip(reason=f"memory only: {marker.args[0]}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Compare before the test's fixtures end."""
    if _running not in item.config.stash:
        return (yield)
    try:
        with item.config.stash[_running].test():
            return (yield)
    except SettingError as error:
        if "a function can't be armed where state lasts" not in str(error):
            raise
        pytest.skip(f"memory only: {error}")
