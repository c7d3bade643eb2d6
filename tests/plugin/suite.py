"""What the suites have in common that the plugin's tests write and run."""

from __future__ import annotations

from segment_mock import mock
from segment_mock.transports.inprocess import session

IMPORTED = (mock, session)
"""What is imported here is not imported again by each of the runs."""
RUN = ("-p", "no:hypothesispytest", "-p", "no:randomly", "-p", "no:cacheprovider")
"""Without what these runs don't need and what would take time; tests in the order in which they stand."""
CLIENT = '''
import pytest
import requests
from segment_mock import faults

SEGMENTS = "https://api.salsalabs.org/api/integration/ext/v1/segments"


def upsert(session, name="A", token="t"):
    """Add or update one group; return what Salsa says of it."""
    body = {"payload": {"segments": [{"name": name, "externalSystemId": name}]}}
    reply = session.put(SEGMENTS, json=body, headers={"authToken": token}, timeout=5)
    reply.raise_for_status()
    return reply.json()["payload"]["segments"][0]["result"]
'''
