"""The code that a warm live call runs, from the request's bytes to the response's: functions, files and lines.

``python benchmarks/path.py [--list]``. The call is a PUT that adds one group, the third of its kind on one connection.
``--list`` prints each function with how often it was called and how many of its lines ran. A comprehension is a part
of its function, as in Python 3.12 and later.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from http.client import HTTPResponse
from pathlib import Path
from socket import create_connection
from types import CodeType, FrameType
from typing import Any

import segment_mock
from scenario import world

PARTS = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")
SOURCE = str(Path(segment_mock.__file__).parent)
PATH = "/api/integration/ext/v1/segments"
WARM = 3
"""The number of the call that is counted."""


class Trace:
    """Counts the code that runs while the server handles the bytes of the warm call.

    It covers threads that start after its installation. Each call has to arrive in one piece.
    """

    def __init__(self) -> None:
        self.received = 0
        self.ended = threading.Event()
        self.calls: Counter[CodeType] = Counter()
        self.lines: set[tuple[CodeType, int]] = set()

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        """Handle one event of the interpreter."""
        code = frame.f_code
        if not code.co_filename.startswith(SOURCE):
            return None
        is_outermost = code.co_name == "data_received"
        if is_outermost and event == "call":
            self.received += 1
        if self.received == WARM and not self.ended.is_set():
            if event == "call" and code.co_name not in PARTS:
                self.calls[code] += 1
            elif event == "line":
                self.lines.add((code, frame.f_lineno))
            elif is_outermost and event == "return":
                self.ended.set()
        return self


def main() -> None:
    """Print how many functions, files and lines one call runs."""
    trace = Trace()
    threading.settrace(trace)
    with world() as mock:
        server = mock.serve()
        threading.settrace(None)  # type: ignore[arg-type]
        host, _, port = server.url.rpartition("/")[2].partition(":")
        with create_connection((host, int(port))) as connection:
            for number in range(WARM):
                connection.sendall(put({"name": f"Volunteers {number}", "description": "Help"}))
                response = HTTPResponse(connection)
                response.begin()
                assert b'"ADDED"' in response.read()
            trace.ended.wait()
    report(trace, with_list="--list" in sys.argv[1:])


def put(group: dict[str, str]) -> bytes:
    """Return the bytes of a request that adds *group*."""
    body = json.dumps({"payload": {"segments": [group]}})
    head = f"PUT {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nauthToken: any\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def report(trace: Trace, *, with_list: bool) -> None:
    """Print the counts, and with *with_list* every function."""
    lines = Counter(code for code, _ in trace.lines)
    places = {code: f"{code.co_filename.removeprefix(SOURCE)[1:]}:{code.co_firstlineno}" for code in trace.calls}
    if with_list:
        for code, calls in trace.calls.items():
            print(f"{places[code]:45} {getattr(code, 'co_qualname', code.co_name):45} {calls:3} {lines[code]:3}")
    files = {code.co_filename for code in trace.calls}
    functions, lines_run, calls = len(trace.calls), len(trace.lines), sum(trace.calls.values())
    print(f"{functions} functions in {len(files)} files, {lines_run} lines, {calls} calls")


if __name__ == "__main__":
    main()
