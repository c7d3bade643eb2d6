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


def test_the_stores_of_a_test_are_removed_after_it(any_store: AnyStore, tmp_path: Path) -> None:
    with any_store.test():
        with SegmentMock() as mock:
            add_group(mock, "A")
        add_group(SegmentMock(), "B")
        assert [*(tmp_path / "stores").iterdir()]

    assert [] == [*(tmp_path / "stores").iterdir()]


def test_a_test_fails_if_the_store_has_another_state(any_store: AnyStore) -> None:
    def run() -> None:
        with any_store.test():
            mock = SegmentMock()
            add_group(mock, "A")
            mock._core._state.changes = dict  # type: ignore[attr-defined]
            add_group(mock, "B")

    message = "the state from the store differs from the mock's state: .*/salsa/segments is .*'A'.*, not .*'B'"
    with pytest.raises(AssertionError, match=message):
        run()


def test_a_change_of_another_thread_during_the_comparison_is_no_difference(any_store: AnyStore) -> None:
    """The thread has changed the state, but has not saved it yet when the store is copied."""
    with any_store.test():
        mock = SegmentMock()
        add_group(mock, "A")
        core = mock._core
        save = core.save

        def save_before_a_change() -> None:
            save()
            core.save = save  # type: ignore[method-assign]
            core.refused["other.example"] = 1

        core.save = save_before_a_change  # type: ignore[assignment]
