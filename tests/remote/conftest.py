"""Fixtures: a mock in this process, or a mock that is used over the control plane of its server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from segment_mock import SegmentMock, connect

MakeMock = Callable[..., Any]


@pytest.fixture(params=["inprocess", "remote"])
def make_mock(request: pytest.FixtureRequest) -> Iterator[MakeMock]:
    """A function that creates a mock with settings: a `SegmentMock`, or a `RemoteMock` of a server."""
    with ExitStack() as stack:

        def create(**settings: Any) -> Any:
            mock = stack.enter_context(SegmentMock(**settings))
            return mock if request.param == "inprocess" else stack.enter_context(connect(mock.serve().url))

        yield create


@pytest.fixture
def mock(make_mock: MakeMock) -> Any:
    """A mock with default settings."""
    return make_mock()
