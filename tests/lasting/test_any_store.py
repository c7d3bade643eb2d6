"""The plugin that gives each mock of a test a store, and compares it with what comes back from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from segment_mock import SegmentMock
from tests.lasting.any_store import AnyStore, SqliteStores
from tests.lasting.test_opening import add_group


@pytest.fixture
def any_store(tmp_path: Path) -> Iterator[AnyStore]:
    (tmp_path / "stores").mkdir()
    plugin = AnyStore(SqliteStores(tmp_path / "stores"))
    plugin.begin()
    yield plugin
    plugin.end()


def test_mock_of_a_test_has_a_store_that_is_as_it_is(any_store: AnyStore) -> None:
    with any_store.test():
        mock = SegmentMock(data="demo")
        assert mock.settings["store"].startswith("sqlite://")
        add_group(mock, "A")


def test_test_fails_if_the_store_has_something_else(any_store: AnyStore) -> None:
    def run() -> None:
        with any_store.test():
            mock = SegmentMock()
            add_group(mock, "A")
            mock._core._state.changes = dict  # type: ignore[attr-defined]
            add_group(mock, "B")

    with pytest.raises(AssertionError, match="what came back from the store is not what was there"):
        run()
