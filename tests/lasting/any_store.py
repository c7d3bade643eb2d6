"""A pytest plugin that gives each mock of a test a store, and checks that the store reproduces the mock's state.

Run it as ``pytest -p tests.lasting.any_store --any-store redis tests/store``. A mock whose test names a store keeps
that one. After each test, and when a mock is closed, the plugin copies the store as a killed process would leave it.
It opens another mock with the copy, and compares the visible state of both mocks.

Mark a test that makes no sense with a store as ``memory_only(reason)``. A test that arms a function as a fault needs
no mark: a mock with a store refuses functions, and the plugin then skips the test.
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
from segment_mock.persistence import redis as engine
from segment_mock.settings import SettingError
from tests.persistence.engines import RedisServer
from tests.waiting import PATIENCE

_KEYS = ("meta", "log", "blobs")
_DATABASES = 10_000  # a URL has at most four digits


class SqliteStores:
    """Creates and copies SQLite stores in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count()

    def new(self) -> str:
        """Return the URL of an empty store."""
        return f"sqlite:///{self._folder / f'{next(self._numbers)}.db'}"

    def copy(self, url: str) -> str:
        """Copy the store *url* and return the URL of the copy."""
        copy = self.new()
        for suffix in ("", "-wal"):
            file = Path(f"{url.removeprefix('sqlite:///')}{suffix}")
            if file.exists():
                shutil.copyfile(file, f"{copy.removeprefix('sqlite:///')}{suffix}")
        return copy

    def remove(self, url: str) -> None:
        """Remove the files of the store *url*, which is closed; those of all tests would need gigabytes of memory."""
        for suffix in ("", "-wal", "-shm", ".lock"):
            Path(f"{url.removeprefix('sqlite:///')}{suffix}").unlink(missing_ok=True)

    def end(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder)


class RedisStores:
    """Creates and copies stores in the databases of a Redis server, whose files are in *folder*.

    Database 0 holds the latest copy.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count()
        self._timeout, engine.TIMEOUT = engine.TIMEOUT, PATIENCE  # a busy machine may suspend Redis for seconds
        self._server = RedisServer(folder, databases=str(_DATABASES))

    def new(self) -> str:
        """Return the URL of an empty store."""
        number = 1 + next(self._numbers) % (_DATABASES - 1)
        with self._server.client(db=number) as client:
            client.flushdb()  # numbers are used again, so an earlier mock may have left data
        return f"{self._server.url.removesuffix('/0')}/{number}"

    def copy(self, url: str) -> str:
        """Copy the store *url* to database 0 and return the URL of the copy."""
        with self._server.client() as client:
            client.flushdb()
        with self._server.client(db=int(url.rpartition("/")[2])) as client:
            for name in _KEYS:
                key = f"{{segment-mock}}:{name}"
                client.copy(key, key, destination_db=0)
        return self._server.url

    def remove(self, url: str) -> None:
        """Remove the keys of the store *url*, which is closed."""
        with self._server.client(db=int(url.rpartition("/")[2])) as client:
            client.flushdb()

    def end(self) -> None:
        """Stop the server."""
        engine.TIMEOUT = self._timeout
        self._server.stop()
        shutil.rmtree(self._folder)


ENGINES: dict[str, type[SqliteStores | RedisStores]] = {"sqlite": SqliteStores, "redis": RedisStores}


class AnyStore:
    """Gives each new mock one of *stores*, and compares its state with that of a mock opened from a copy."""

    def __init__(self, stores: SqliteStores | RedisStores) -> None:
        self._stores = stores
        self._of_test: list[LastingEmulator] | None = None
        self._of_fixtures: WeakKeyDictionary[LastingEmulator, object] = WeakKeyDictionary()
        self._new, self._close = lasting.new_emulator, LastingEmulator.close

    def begin(self) -> None:
        """Replace the functions that create and close the emulators of mocks."""
        for module in (lasting, segment_mock.mock, segment_mock.web.app):
            module.new_emulator = self._create  # type: ignore[attr-defined]
        LastingEmulator.close = lambda core: self._compare_and_close(core)  # type: ignore[method-assign]

    def end(self) -> None:
        """Restore the replaced functions, and remove the stores."""
        for module in (lasting, segment_mock.mock, segment_mock.web.app):
            module.new_emulator = self._new  # type: ignore[attr-defined]
        LastingEmulator.close = self._close  # type: ignore[method-assign]
        self._stores.end()

    @contextmanager
    def test(self) -> Iterator[None]:
        """Run a test in this block; afterwards, compare every open mock with a copy of its store."""
        self._of_test = []
        try:
            yield
            for core in self._of_test:
                self._compare(core)
            for core, compared_position in [*self._of_fixtures.items()]:
                if (core._size, core._compact_at) != compared_position or core._state.has_writes:
                    self._compare(core)
                    self._of_fixtures[core] = core._size, core._compact_at
        finally:
            for core in self._of_test:
                self._close_and_remove(core)
            self._of_test = None

    def _create(self, settings: Mapping[str, Any]) -> Emulator:
        if settings.get("store") is not None or settings.get("standby"):
            return self._new(settings)
        core = self._new({**settings, "store": self._stores.new()})
        assert isinstance(core, LastingEmulator)
        if self._of_test is None:
            self._of_fixtures[core] = None
        else:
            self._of_test.append(core)
        return core

    def _compare_and_close(self, core: LastingEmulator) -> None:
        if core not in self._of_fixtures and core not in (self._of_test or ()):
            self._close(core)
            return
        try:
            self._compare(core)
        finally:
            self._close_and_remove(core)

    def _close_and_remove(self, core: LastingEmulator) -> None:
        if not core._is_closed:
            self._close(core)
            self._stores.remove(core.settings["store"])

    def _compare(self, core: LastingEmulator) -> None:
        if core._is_closed or core.outage:
            return
        while True:
            expected = visible_state(core)
            core.save()  # what is expected is then in the store, even if another thread still changes the state
            url = self._stores.copy(core.settings["store"])
            if visible_state(core) == expected:
                break
            self._stores.remove(url)
        copy = LastingEmulator({**core._settings_at_start, "store": url})
        try:
            different = [*_different_parts(expected, visible_state(copy))]
            assert not different, f"the state from the store differs from the mock's state: {', '.join(different)}"
        except AssertionError:
            self._of_fixtures.pop(core, None)
            raise
        finally:
            self._close_and_remove(copy)


def visible_state(core: LastingEmulator) -> dict[str, Any]:
    """Return the state of *core* that must survive a restart, including the changes that a rewind would undo."""
    with core.world.lock:
        entries = [*core.journal]
        return {
            "records": {
                organization.name: core.document(organization.store, deleted=True) for organization in core.world
            },
            "order of organizations": [organization.name for organization in core.world],
            "dropped organizations": core.world.dropped_organizations(),
            "counters": {
                organization.name: {**organization.counters} for organization in core.world if organization.counters
            },
            "journal": [_entry(entry) for entry in entries],
            "journal counters": (core.journal.last, core.journal.forgotten),
            "what a rewind undoes": {entry.id: _changes_since(core, entry.end) for entry in entries[-20:]},
            "what a restore undoes": {
                name: _changes_since(core, snapshot.mark) for name, snapshot in core.snapshots.items()
            },
            "rules": core.fault_rules.definitions(),
            "stubs": core.stubs.rows(),
            "refused hosts": {**core.refused},
            "clock": core.world.clock.setting,
            "streams": core.world.stream_positions(),
            "windows": {name: window.moments() for name, window in core._policy.windows.items()},
            "metrics": _metrics(core),
            "log": core.world.log.mark,
        }


def _different_parts(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Yield the path and both values of each part that differs."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in {**expected, **actual}:
            yield from _different_parts(expected.get(name), actual.get(name), f"{path}/{name}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for number, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from _different_parts(one, other, f"{path}/{number}")
    elif expected != actual:
        yield f"{path or 'the state'} is {actual!r}, not {expected!r}"


def _entry(entry: Entry) -> dict[str, Any]:
    row = entry.as_dict()
    delivery = entry.response.delivery if entry.response else Delivery()
    row["delivery"] = (delivery.keep, delivery.chunk, delivery.pause, delivery.raw, delivery.end)
    row["bodies"] = (entry.request_body, entry.response_body)
    row["outcome"] = row["outcome"].replace("open", "abandoned")  # after a restart, no process answers the call
    return row


def _metrics(core: LastingEmulator) -> Any:
    tally = core.tally.as_dict()
    rounded = {name: round(seconds, 3) for name, seconds in tally["seconds"].items()}
    # Threads may count in another order.
    return {**tally, "calls": dict(tally["calls"]), "faults": dict(tally["faults"]), "seconds": rounded}


def _changes_since(core: Emulator, mark: int | None) -> Any:
    try:
        return json.loads(json.dumps(core.differences_since(core.world.log.mark if mark is None else mark)))
    except LookupError as error:
        return str(error)


_running = pytest.StashKey[AnyStore]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option ``--any-store``."""
    parser.addoption("--any-store", choices=[*ENGINES], help="the engine on which the mocks of tests have their state")


def pytest_configure(config: pytest.Config) -> None:
    """If the option is used, create a temporary folder for the stores, and activate the plugin."""
    engine = config.getoption("--any-store")
    if engine:
        memory = Path("/dev/shm")  # creating files on a disk would take most of the time
        folder = Path(tempfile.mkdtemp(prefix="any-store-", dir=memory if os.access(memory, os.W_OK) else None))
        config.stash[_running] = AnyStore(ENGINES[engine](folder))
        config.stash[_running].begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Deactivate the plugin."""
    if _running in config.stash:
        config.stash[_running].end()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests marked ``memory_only``."""
    for item in items if _running in config.stash else ():
        marker = item.get_closest_marker("memory_only")
        if marker is not None:
            item.add_marker(pytest.mark.skip(reason=f"memory only: {marker.args[0]}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Compare the mocks of a test before its fixtures close them."""
    if _running not in item.config.stash:
        return (yield)
    try:
        with item.config.stash[_running].test():
            return (yield)
    except SettingError as error:
        if "a Python function can't be armed with a store" not in str(error):
            raise
        pytest.skip(f"memory only: {error}")
