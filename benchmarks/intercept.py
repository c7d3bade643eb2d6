"""Unchanged clients in process compared with static stubs, the cost of interception for a test, and the start of TLS.

``python benchmarks/intercept.py [--quick] [--json FILE]``. The stub repeats the response that our mock computes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from time import process_time
from typing import Any

import httpx
import requests
import responses
import respx
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from harness import Report, interleaved, seconds
from scenario import HOST, PAYLOAD, SEARCH, response_body, world

PLAIN, HTTPX = 1.15, 1.25  # maximum ratio to the stub
TLS = 0.040
URL = HOST + SEARCH.path
HEADERS = {"authToken": "any"}
Within = Callable[[], AbstractContextManager[Any]]


def main() -> int:
    """Measure everything; return the exit code."""
    report = Report.start("Intercepted: a call of an unchanged client, entering, TLS")
    rounds, repeats = (7, 60) if report.quick else (15, 200)
    calls(report, rounds, repeats)
    with world() as mock:
        enter = mock.intercept

        def entered() -> None:
            with enter():
                pass

        entered()
        report.add("entering and leaving mock.intercept()", [seconds(entered, 500)() for _ in range(rounds)])
    starts(report, rounds)
    return report.finish()


def calls(report: Report, rounds: int, repeats: int) -> None:
    """Compare a search by an unchanged client with the same search against a static stub."""
    body, retrying = response_body(), requests.Session()
    retrying.mount("https://", HTTPAdapter(max_retries=Retry(3)))
    mock = world()

    @contextmanager
    def stubbed() -> Any:
        with responses.RequestsMock() as stub:
            yield stub.add("POST", URL, body=body, content_type="application/json")

    @contextmanager
    def routed() -> Any:
        with respx.mock as routes:
            yield routes.post(URL).respond(content=body, content_type="application/json")

    plain, client = requests.Session(), httpx.Client()
    sides = {
        "ours": within(mock.intercept, plain.post, repeats),
        "ours with Retry": within(mock.intercept, retrying.post, repeats),
        "responses": within(stubbed, plain.post, repeats),
        "ours by httpx": within(mock.intercept, client.post, repeats),
        "respx": within(routed, client.post, repeats),
    }
    samples = interleaved(sides, rounds)
    report.compare(
        "intercepted requests / static stub of responses", samples["ours"], samples["responses"], at_most=PLAIN
    )
    name = "the same, its adapter with urllib3's Retry / responses"
    report.compare(name, samples["ours with Retry"], samples["responses"])
    name = "intercepted httpx / static stub of respx"
    report.compare(name, samples["ours by httpx"], samples["respx"], at_most=HTTPX)


def within(enter: Within, post: Callable[..., Any], repeats: int) -> Callable[[], float]:
    """Return a side that measures a search with *post* within the context manager that *enter* returns."""

    def search() -> None:
        response = post(URL, json=PAYLOAD, headers=HEADERS)
        assert response.status_code == 200
        assert response.json()["payload"]["count"] == 4

    def measured() -> float:
        with enter():
            search()
            return seconds(search, repeats)()

    return measured


def starts(report: Report, rounds: int) -> None:
    """Measure the start of a server with its own CA and certificate, and check its bound."""
    times = []
    for _ in range(rounds):
        with world() as mock:
            began = process_time()
            mock.serve(tls=True)
            times.append(process_time() - began)
    report.add("mock.serve(tls=True), processor time", times[1:])
    if sorted(times[1:])[len(times) // 2] > TLS * report.slack:
        report.fail(f"serve(tls=True) takes longer than {TLS * 1000:g} ms")


if __name__ == "__main__":
    sys.exit(main())
