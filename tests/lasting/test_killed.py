"""Server processes with a store: after a kill, as a standby, as a second server, and without Redis."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import requests

from tests.lasting.servers import Server
from tests.lasting.torture import torture
from tests.persistence.engines import RedisServer, needs_redis, sqlite_url

pytestmark = pytest.mark.slow
UPSERT = "/api/integration/ext/v1/segments"


def upsert_body(name: str) -> dict[str, object]:
    """Return the JSON body of the request that creates the group *name*."""
    return {"payload": {"segments": [{"name": name}]}}


def add_group(url: str, name: str = "One") -> str:
    """Create a group on the server *url* and return its id."""
    response = requests.put(f"{url}{UPSERT}", json=upsert_body(name), headers={"authToken": "t"}, timeout=60)
    return str(response.json()["payload"]["segments"][0]["segmentId"])


def group_ids(url: str) -> list[str]:
    """Return the ids of all groups on the server *url*."""
    rows = requests.get(f"{url}/_mock/state", timeout=60).json()["salsa"]["segments"]
    return [row["segmentId"] for row in rows]


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("redis", marks=needs_redis)])
def test_random_calls_get_the_same_responses_while_servers_are_killed(tmp_path: Path, engine: str) -> None:
    assert "each stored once" in torture(engine, 3, 6, tmp_path)


def test_second_server_on_a_file_exits_with_2_and_names_the_pid_of_the_first(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    first = Server(url, tmp_path / "first")
    try:
        first.wait()
        second = Server(url, tmp_path / "second")
        assert second.process.wait(60) == 2
        assert f"process {first.process.pid} writes to it; standby (--standby) waits" in second.log
        assert "Traceback" not in second.log
    finally:
        first.kill()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_standby_takes_over_with_every_acknowledged_group(tmp_path: Path, end: int) -> None:
    url = sqlite_url(tmp_path)
    first = Server(url, tmp_path / "first")
    id_ = add_group(first.wait())
    second = Server(url, tmp_path / "second", "--standby")
    try:
        first.kill(end)
        assert group_ids(second.wait()) == [id_]
        assert "standing by: " in second.log or not second.log.startswith("standing")
    finally:
        second.kill()


def test_sigterm_ends_a_standby_with_exit_code_0(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    first = Server(url, tmp_path / "first")
    try:
        first.wait()
        second = Server(url, tmp_path / "second", "--standby")
        second.wait_for("standing by")
        second.kill(signal.SIGTERM)
        assert second.process.returncode == 0
        assert not second.is_ready
    finally:
        first.kill()


@needs_redis
def test_password_of_a_store_is_not_in_responses_or_logs(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path, requirepass="hunter2")
    url = redis.url.replace("redis://", "redis://:hunter2@")
    server = Server(url, tmp_path / "server")
    try:
        server_url = server.wait()
        pages = [requests.get(f"{server_url}/_mock/{path}", timeout=60) for path in ("settings", "vendors")]
        redis.stop()
        pages.append(
            requests.put(f"{server_url}{UPSERT}", json=upsert_body("Lost"), headers={"authToken": "t"}, timeout=60)
        )
        assert [page.status_code for page in pages] == [200, 200, 503]
        assert not [page.text for page in pages if "hunter2" in page.text + str(page.headers)]
        assert "redis://***@127.0.0.1" in pages[0].json()["settings"]["store"]
        assert "can't be reached" in pages[2].json()["detail"]
        assert pages[2].headers["X-Segment-Mock-Hint"].startswith("segment-mock: the store redis://***@")
        server.kill(signal.SIGTERM)
        assert "hunter2" not in server.log
    finally:
        server.kill()


@needs_redis
def test_calls_get_503_while_redis_is_down_and_succeed_after_its_restart(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    server = Server(redis.url, tmp_path / "server")
    try:
        server_url = server.wait()
        id_ = add_group(server_url)
        redis.stop()
        refusal = requests.put(
            f"{server_url}{UPSERT}", json=upsert_body("Lost"), headers={"authToken": "t"}, timeout=60
        )
        assert (refusal.status_code, refusal.headers["Content-Type"]) == (503, "application/problem+json")
        assert refusal.json()["title"] == "Store unavailable"
        assert requests.get(f"{server_url}/_mock/health", timeout=60).status_code == 200
        redis.start()
        while requests.get(f"{server_url}/_mock/state", timeout=60).status_code == 503:
            pass
        assert group_ids(server_url) == [id_]
        add_group(server_url, "Two")
        assert len(group_ids(server_url)) == 2
    finally:
        server.kill()
        redis.stop()
