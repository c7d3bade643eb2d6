"""A mock whose state lasts answers as one in memory does, however often its process ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock
from tests.lasting.walk import Walk
from tests.persistence.engines import RedisServer, needs_redis, sqlite_url


class Restarted:
    """A mock over a store, which ends and begins again as if its process had been killed."""

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self.mock = SegmentMock(**settings)

    def kill(self) -> None:
        self.mock._core._store.close()  # type: ignore[attr-defined]
        self.mock = SegmentMock(**self._settings)

    def ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, str]:
        return ask(self.mock, method, path, body, headers)


def ask(mock: SegmentMock, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, str]:
    with mock.session() as session:
        try:
            reply = session.request(method, f"http://localhost{path}", json=body, headers=headers)
        except requests.RequestException as error:
            return 0, type(error).__name__
        return reply.status_code, reply.text


@contextmanager
def both(url: str, **settings: Any) -> Iterator[tuple[SegmentMock, Restarted]]:
    memory, lasting = SegmentMock(**settings), Restarted(store=url, **settings)
    ask(memory, "GET", "/_mock/metrics", None, {})  # it counts from here on
    for mock in (memory, lasting.mock):
        mock.clock.freeze("2026-01-01")
    try:
        yield memory, lasting
    finally:
        lasting.mock.close()


LIMITS = {1: 2, 3: 1, 4: None, 5: 3}
"""How many organizations are kept, by seed; None keeps all."""
SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))]


@pytest.mark.parametrize("seed", SEEDS)
def test_replies_and_state_are_those_of_a_mock_in_memory(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk_beside_memory(sqlite_url(tmp_path), seed, monkeypatch)


@needs_redis
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_replies_on_redis_are_those_of_a_mock_in_memory(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis = RedisServer(tmp_path, appendfsync="no")
    try:
        walk_beside_memory(redis.url, seed, monkeypatch)
    finally:
        redis.stop()


def walk_beside_memory(url: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take 250 steps, with a restart now and then, and compare what is seen with a mock in memory."""
    if seed % 2:
        monkeypatch.setattr("segment_mock.lasting.emulator._SMALLEST", 20_000)  # compact again and again
    settings = {
        "data": "demo" if seed % 2 else [], "journal_size": 40 if seed % 3 else 1000, "seed": seed,
        "credentials": "isolated" if seed in LIMITS else "any", "max_organizations": LIMITS.get(seed),
    }  # fmt: skip
    tokens = ("t", "u", "v", "w", "") if seed in LIMITS else ("t",)
    with both(url, **settings) as (memory, lasting):
        random = Random(seed)
        expected = Walk(seed, lambda *request: ask(memory, *request), tokens)
        walk = Walk(seed, lasting.ask, tokens)
        for number in range(250):
            assert walk.step() == expected.step(), f"step {number}"
            if random.random() < 0.1:
                lasting.kill()
                assert walk.look() == expected.look(), f"after the restart that followed step {number}"
        assert walk.look() == expected.look()
