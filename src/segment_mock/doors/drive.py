"""Running the core from a place that has no event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from ..messages import Response


def drive(call: Coroutine[float, None, Response], wait: Callable[[float], Any]) -> Response:
    """Run *call* to its end and return its answer; *wait* is given the seconds of every pause.

    What *wait* raises ends the call where it stands.
    """
    try:
        while True:
            wait(call.send(None))
    except StopIteration as end:
        answer: Response = end.value
        return answer
    finally:
        call.close()
