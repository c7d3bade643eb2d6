"""Parts that the plugin's tests share: code and options of the inner suites, which they write to files and run."""

from __future__ import annotations

from segment_mock import mock
from segment_mock.transports.inprocess import session

IMPORTED = (mock, session)
"""Modules that are imported here, so that inner runs in the same process need not import them again."""
RUN = ("-p", "no:hypothesispytest", "-p", "no:randomly", "-p", "no:cacheprovider")
"""Options of an inner run: without plugins that would slow it down or shuffle its tests."""
CLIENT = '''
import pytest
import requests
from segment_mock import faults

SEGMENTS = "https://api.salsalabs.org/api/integration/ext/v1/segments"


def upsert(session, name="A", token="t"):
    """Add or update one group; return the ``result`` of the item."""
    body = {"payload": {"segments": [{"name": name, "externalSystemId": name}]}}
    response = session.put(SEGMENTS, json=body, headers={"authToken": token}, timeout=60)
    response.raise_for_status()
    return response.json()["payload"]["segments"][0]["result"]
'''
