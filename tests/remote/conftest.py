"""One mock, in this process and behind a server's control plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from segment_mock import SegmentMock, connect

MakeMock = Callable[..., Any]


@pytest.fixture(params=["inprocess", "remote"])
def make(request: pytest.FixtureRequest) -> Iterator[MakeMock]:
    """Makes mocks with settings: a `SegmentMock`, or a `RemoteMock` of a server that has one."""
    with ExitStack() as stack:

        def make_mock(**settings: Any) -> Any:
            mock = stack.enter_context(SegmentMock(**settings))
            return mock if request.param == "inprocess" else stack.enter_context(connect(mock.serve().url))

        yield make_mock


@pytest.fixture
def mock(make: MakeMock) -> Any:
    """A mock without settings."""
    return make()
