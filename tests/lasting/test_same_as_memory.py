"""A mock with a store gives the same responses as a mock in memory, although it is restarted repeatedly."""

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


class RestartableMock:
    """A mock with a store; `restart` replaces the mock as if its process had been killed."""

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self.mock = SegmentMock(**settings)

    def restart(self) -> None:
        """Close the store without closing the mock, and open a new mock with the same settings."""
        self.mock._core._store.close()  # type: ignore[attr-defined]
        self.mock = SegmentMock(**self._settings)

    def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, str]:
        """Send a request to the current mock; see the function `send`."""
        return send(self.mock, method, path, body, headers)


def send(mock: SegmentMock, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, str]:
    """Send a request and return status code and body of the response, or 0 and the exception's name."""
    with mock.session() as session:
        try:
            response = session.request(method, f"http://localhost{path}", json=body, headers=headers)
        except requests.RequestException as error:
            return 0, type(error).__name__
        return response.status_code, response.text


@contextmanager
def mock_pair(url: str, **settings: Any) -> Iterator[tuple[SegmentMock, RestartableMock]]:
    """Yield a mock in memory and one with the store *url*; both have the same settings and frozen clocks."""
    memory, lasting = SegmentMock(**settings), RestartableMock(store=url, **settings)
    send(memory, "GET", "/_mock/metrics", None, {})  # a mock in memory starts counting at this request
    for mock in (memory, lasting.mock):
        mock.clock.freeze("2026-01-01")
    try:
        yield memory, lasting
    finally:
        lasting.mock.close()


LIMITS = {1: 2, 3: 1, 4: None, 5: 3}
"""The value of the setting ``max_organizations`` for each seed; None means no limit."""
SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))]


@pytest.mark.parametrize("seed", SEEDS)
def test_sqlite_mock_gives_the_responses_of_a_mock_in_memory(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare_walks(sqlite_url(tmp_path), seed, monkeypatch)


@needs_redis
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_redis_mock_gives_the_responses_of_a_mock_in_memory(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis = RedisServer(tmp_path)
    try:
        compare_walks(redis.url, seed, monkeypatch)
    finally:
        redis.stop()


def compare_walks(url: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send 250 random requests to a mock with the store *url* and to a mock in memory, and compare the responses.

    The mock with the store restarts at random steps; after each restart, the visible state is compared too.
    """
    if seed % 2:
        monkeypatch.setattr("segment_mock.lasting.emulator._SMALLEST", 20_000)  # compact the log often
    settings = {
        "data": "demo" if seed % 2 else [], "journal_size": 40 if seed % 3 else 1000, "seed": seed,
        "credentials": "isolated" if seed in LIMITS else "any", "max_organizations": LIMITS.get(seed),
    }  # fmt: skip
    tokens = ("t", "u", "v", "w", "") if seed in LIMITS else ("t",)
    with mock_pair(url, **settings) as (memory, lasting):
        random = Random(seed)
        expected = Walk(seed, lambda *request: send(memory, *request), tokens)
        walk = Walk(seed, lasting.send, tokens)
        for number in range(250):
            assert walk.step() == expected.step(), f"step {number}"
            if random.random() < 0.1:
                lasting.restart()
                assert walk.visible_state() == expected.visible_state(), (
                    f"after the restart that followed step {number}"
                )
        assert walk.visible_state() == expected.visible_state()
