"""Fixtures for the tests of mocks with a store."""

from __future__ import annotations

from tests.persistence.conftest import _no_lease_thread_is_left_running, _patience_with_redis

__all__ = ["_no_lease_thread_is_left_running", "_patience_with_redis"]
