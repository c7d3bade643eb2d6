"""The fixture for a vendor's sandbox."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conform.targets import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Start a `Sandbox`."""
    with ExitStack() as stack:

        def start(*args: Any) -> Sandbox:
            sandbox = Sandbox(*args)
            thread = threading.Thread(target=sandbox.server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(sandbox.server.server_close)
            stack.callback(thread.join)
            stack.callback(sandbox.server.shutdown)
            return sandbox

        yield start
