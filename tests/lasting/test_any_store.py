"""The pytest plugin ``any_store`` gives each mock a store, and fails a test if the store has another state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from segment_mock import SegmentMock
from tests.lasting.any_store import AnyStore, SqliteStores
from tests.lasting.test_opening import add_group


@pytest.fixture
def any_store(tmp_path: Path) -> Iterator[AnyStore]:
    """The plugin with SQLite stores, active during the test."""
    (tmp_path / "stores").mkdir()
    plugin = AnyStore(SqliteStores(tmp_path / "stores"))
    plugin.begin()
    yield plugin
    plugin.end()


def test_a_mock_gets_a_store_that_reproduces_its_state(any_store: AnyStore) -> None:
    with any_store.test():
        mock = SegmentMock(data="demo")
        assert mock.settings["store"].startswith("sqlite://")
        add_group(mock, "A")


def test_a_test_fails_if_the_store_has_another_state(any_store: AnyStore) -> None:
    def run() -> None:
        with any_store.test():
            mock = SegmentMock()
            add_group(mock, "A")
            mock._core._state.changes = dict  # type: ignore[attr-defined]
            add_group(mock, "B")

    with pytest.raises(AssertionError, match="the state from the store differs from the mock's state"):
        run()
