"""``--max-organizations``: the least recently used organization is dropped, and its next response has a hint."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from segment_mock import SegmentMock, SettingError, faults, removed
from segment_mock.core.limited_world import LimitedWorld
from segment_mock.core.world import organization_name

F: Any = faults
HINT = "X-Segment-Mock-Hint"


def limited_mock(limit: int = 2, **settings: Any) -> SegmentMock:
    """A mock with the demo data that keeps *limit* organizations."""
    return SegmentMock(data="demo", credentials="isolated", max_organizations=limit, limits="off", **settings)


def rename(mock: SegmentMock, key: str, name: str = "Renamed") -> requests.Response:
    """Rename the segment ``vip`` of the organization of *key* by a call."""
    with mock.session() as session:
        response = session.put("/segments", json={"id": "vip", "name": name}, headers={"x-api-key": key}, timeout=10)
    assert 200 == response.status_code
    return response


def name_of(mock: SegmentMock, key: str) -> str:
    """Return the name of the segment ``vip`` of the organization of *key*."""
    return next(row["name"] for row in mock.segmenter.of(key).segments if row["id"] == "vip")


def organizations(mock: SegmentMock) -> list[str]:
    """Return the names of the organizations in the order in which the page shows them."""
    with mock.session() as session:
        return [row["name"] for row in session.get("/_mock/organizations").json()["organizations"]]


def test_the_least_recently_used_organization_is_dropped_and_starts_again() -> None:
    with limited_mock() as mock:
        for key in ("a", "b", "a", "c"):
            rename(mock, key)

        assert ["Renamed", "VIP", "Renamed"] == [name_of(mock, key) for key in "abc"]
        assert ["", *(organization_name(key) for key in "ac")] == sorted(
            organizations(mock), key=["", *map(organization_name, "ac")].index
        )


def test_the_next_response_says_why_the_records_are_gone(caplog: pytest.LogCaptureFixture) -> None:
    with limited_mock(1) as mock, caplog.at_level(logging.WARNING, "segment_mock"):
        hints = [rename(mock, key).headers.get(HINT, "") for key in ("a", "b", "a", "a")]
        entries = [entry.hint for entry in mock.journal.entries()]

    assert ["", "", True, ""] == [hint and "dropped (--max-organizations 1)" in hint for hint in hints]
    assert hints == entries
    assert [organization_name("a"), organization_name("b")] == [record.args[0] for record in caplog.records]
    assert "--max-organizations" in caplog.text


def test_a_refused_call_has_the_same_hint() -> None:
    with limited_mock(1) as mock, mock.session() as session:
        for key in ("a", "b"):
            rename(mock, key)
        refused = session.put("/segments", data=b"{", headers={"x-api-key": "a"})

    assert 400 == refused.status_code
    assert "was dropped" in refused.headers[HINT]


def test_metrics_count_dropped_organizations_across_resets() -> None:
    with limited_mock(1) as mock, mock.session() as session:
        for key in ("a", "b", "c"):
            rename(mock, key)
        mock.reset()
        rename(mock, "d")
        families = text_string_to_metric_families(session.get("/_mock/metrics").text)

        assert 2 == next(
            row.value
            for family in families
            for row in family.samples
            if row.name == "segment_mock_organizations_dropped_total"
        )


def test_without_the_setting_no_organization_is_dropped() -> None:
    with SegmentMock(data="demo", credentials="isolated") as mock:
        for number in range(300):
            rename(mock, f"key {number}")

        assert 301 == len(organizations(mock))
        assert "Renamed" == name_of(mock, "key 0")


def test_the_organization_of_the_initial_data_is_never_dropped() -> None:
    with limited_mock(1) as mock:
        mock.segmenter.add_segment("Own")
        for key in ("a", "b"):
            rename(mock, key)

        assert "Own" in [row["name"] for row in mock.segmenter.segments]
        assert 2 == len(organizations(mock))


def test_reading_neither_drops_nor_counts_as_use() -> None:
    with limited_mock() as mock, mock.session() as session:
        for key in ("a", "b"):
            rename(mock, key)
        for key in ("a", "x", "y", "z"):
            assert mock.state(key)
            assert 200 == session.get(f"/_mock/state?organization={key}").status_code
            assert 200 == session.get(f"/_mock/records/salsa/segments?organization={key}").status_code
        rename(mock, "c")

        assert ["VIP", "Renamed", "Renamed"] == [name_of(mock, key) for key in "abc"]


def test_the_journal_keeps_the_entries_and_faults_stay_armed() -> None:
    with limited_mock(1) as mock:
        mock.faults.add(F.Latency(seconds=0), match={"headers": {"x-api-key": "a"}})
        for key in ("a", "b"):
            rename(mock, key)

        assert 1 == len(mock.faults)
        for name in ("a", organization_name("a")):
            assert [1] == [entry.id for entry in mock.journal.entries(organization=name)]


@pytest.mark.parametrize("named_again", [False, True])
def test_a_snapshot_restores_a_dropped_organization(named_again: bool) -> None:
    with limited_mock(1) as mock:
        rename(mock, "a", "First")
        before = mock.snapshot()
        rename(mock, "a", "Second")
        rename(mock, "b")
        if named_again:
            rename(mock, "a", "Third")
        after = mock.snapshot()
        then = {key: name_of(mock, key) for key in "ab"}
        mock.restore(before)
        restored = {key: name_of(mock, key) for key in "ab"}
        assert organization_name("a") in organizations(mock)
        mock.restore(after)

        assert {"a": "First", "b": "VIP"} == restored
        assert then == {key: name_of(mock, key) for key in "ab"}
        assert {"a": "Third" if named_again else "VIP", "b": "VIP" if named_again else "Renamed"} == then


def test_a_snapshot_restores_an_organization_that_was_dropped_again_without_a_write() -> None:
    with limited_mock(1) as mock, mock.session() as session:
        rename(mock, "a")
        snapshot = mock.snapshot()
        for key in ("b", "a", "b"):
            session.get("/segments", headers={"x-api-key": key})
        mock.restore(snapshot)

        assert "Renamed" == name_of(mock, "a")


def test_a_snapshot_restores_an_organization_that_was_empty_when_dropped() -> None:
    """A restore has removed its records, and a snapshot from before that restore has them."""
    with limited_mock(1) as mock:
        nothing = mock.snapshot()
        rename(mock, "a")
        something = mock.snapshot()
        mock.restore(nothing)
        for key in ("b", "c"):
            rename(mock, key)
        mock.restore(something)

        assert "Renamed" == name_of(mock, "a")
        assert organization_name("a") in organizations(mock)


def test_a_rewind_restores_a_dropped_organization() -> None:
    with limited_mock(1) as mock:
        rename(mock, "a")
        entry = mock.journal.entries()[0]
        rename(mock, "b")
        mock.rewind(entry)

        assert ["Renamed", "VIP"] == [name_of(mock, key) for key in "ab"]


def test_a_capsule_has_the_records_that_a_dropped_organization_had() -> None:
    with limited_mock(1) as mock:
        mock.segmenter.of("a").add_segment("Own")
        for key in ("a", "b"):
            rename(mock, key)
        records = mock.journal.capsule()["data"][organization_name("a")]["segmenter"]["segments"]

        assert "Own" in [row["name"] for row in records]
        assert "VIP" == name_of(mock, "a")


def test_changes_include_dropped_records() -> None:
    with limited_mock(1) as mock:
        mock.segmenter.of("a").add_segment("Own")
        with mock.expect_changes(segmenter={"segments": removed({"name": "Own"})}):
            rename(mock, "b", "VIP")


def test_a_loaded_state_is_dropped_like_any_other() -> None:
    with limited_mock(1) as mock:
        mock.load({"segmenter": {"segments": [{"id": "one", "name": "One"}]}}, "a")
        assert ["one"] == [row["id"] for row in mock.segmenter.of("a").segments]
        rename(mock, "b")

        assert "vip" in [row["id"] for row in mock.segmenter.of("a").segments]


def test_a_reset_forgets_what_was_dropped() -> None:
    with limited_mock(1) as mock:
        for key in ("a", "b"):
            rename(mock, key)
        mock.reset()

        assert HINT not in rename(mock, "a").headers


def test_memory_does_not_grow_with_the_number_of_credentials() -> None:
    with limited_mock(3, journal_size=5) as mock:
        world: LimitedWorld = mock._emulator.world
        alive = []
        for number in range(100):
            rename(mock, f"key {number}")
            alive.append(weakref.ref(world.look_up(f"key {number}")))
        gc.collect()

        assert 20 > sum(one() is not None for one in alive)


def test_a_call_writes_to_its_organization_even_if_another_thread_drops_it() -> None:
    """The organization is dropped between authentication and write, and has the written record afterwards."""
    with limited_mock(1) as mock:
        world: LimitedWorld = mock._emulator.world
        rename(mock, "a", "First")
        stays, goes = threading.Event(), threading.Event()
        lookup = world.organization

        def slow(credential: str = "") -> Any:
            organization = lookup(credential)
            if threading.current_thread() is thread:
                stays.set()
                goes.wait(20)
            return organization

        world.organization = slow  # type: ignore[method-assign]
        thread = threading.Thread(target=rename, args=(mock, "a", "Second"))
        thread.start()
        stays.wait(20)
        rename(mock, "b")
        goes.set()
        thread.join()

        assert ["Second", "VIP"] == [name_of(mock, key) for key in "ab"]


def test_threads_lose_no_organization_within_the_limit() -> None:
    """Four threads use one credential each while others come and go; each always finds its latest write."""
    with limited_mock(40) as mock:
        wrong: list[str] = []

        def work(key: str) -> None:
            for turn in range(25):
                rename(mock, key, f"{key} {turn}")
                rename(mock, f"{key} guest {turn % 5}")
                if name_of(mock, key) != f"{key} {turn}":
                    wrong.append(key)

        threads = [threading.Thread(target=work, args=(key,)) for key in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [] == wrong
        assert 25 == len(organizations(mock))


def test_random_use_agrees_with_a_model() -> None:
    """Each organization has its latest write, unless it was not among the last three that were used."""
    with limited_mock(3) as mock:
        rng, recent, written = mock._emulator.world.random_stream("test"), [], {}
        for turn in range(300):
            key = rng.choice("abcdef")
            if key not in recent:
                written[key] = "VIP"
            recent = [*(one for one in recent if one != key), key][-3:]
            if rng.random() < 0.7:
                written[key] = f"{key} {turn}"
                rename(mock, key, written[key])
            else:
                mock.session().get("/segments", headers={"x-api-key": key})
            for one in "abcdef":
                assert (written[one] if one in recent else "VIP") == name_of(mock, one)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_organizations": 3}, "max_organizations: it needs credentials='isolated' (--credentials isolated)"),
        ({"max_organizations": 0, "credentials": "isolated"}, "max_organizations: expected at least 1, got 0"),
        ({"max_organizations": "many", "credentials": "isolated"}, "max_organizations"),
    ],
)
def test_an_invalid_limit_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError) as caught:
        SegmentMock(**settings)

    assert words in str(caught.value)


def test_dropping_an_unwritten_organization_adds_nothing_to_the_log() -> None:
    world = LimitedWorld(limit=1)
    for number in range(100):
        world.organization(str(number))

    assert (0, 99) == (world.log.mark, world.dropped)
