"""Fixtures: a client for each vendor, connected to a mock with only the data that the test needs."""

import importlib
import json
import sys

import pytest

from segment_mock import SegmentMock
from segment_mock.core import Call
from segment_mock.messages import Request, run_sync
from segment_mock.vendors import _packages
from tests.vendors.package import declare


@pytest.fixture(autouse=True)
def _reference_has_each_assumption(monkeypatch):
    """Fail a test whose call relies on an assumption that does not list the operation; the reference would omit it."""
    assume = Call.assume

    def assume_listed(call, name):
        row = call.vendor.assumptions.get(name)
        operations = row.operations if row else ()
        if operations and call.operation.paths and call.operation.name not in operations:
            pytest.fail(f"assumption {name!r} of {call.vendor.name}: add {call.operation.name!r} to its operations")
        return assume(call, name)

    monkeypatch.setattr(Call, "assume", assume_listed)


class VendorClient:
    """A client of one mock: adds the vendor's root path and credential to each request."""

    def __init__(self, mock, root, key):
        self.mock, self.root, self.headers = mock, root, key
        self.session = mock.session()

    def send(self, method, path, body=None, **headers):
        """Send *body* (as JSON unless it is bytes) to *path* below the root, or to an absolute URL."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        all_headers = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.session.request(method, path if "://" in path else self.root + path, data=data, headers=all_headers)

    def send_repeatedly(self, calls, method, path, body, **headers):
        """Send *body* *calls* times and return the statuses; bypasses the session, which is ten times slower."""
        all_headers = {name.lower(): value for name, value in {**self.headers, **headers}.items()}
        request = Request(method, self.root + path, all_headers, json.dumps(body).encode())
        answer = self.mock._emulator.answer
        return [run_sync(answer(request), self.mock.clock.advance).status for _ in range(calls)]


class SalsaClient(VendorClient):
    """A client with a method for each Salsa operation, which expects status 200 and returns the payload."""

    def search(self, **payload):
        return self._payload(self.send("POST", "/segments/search", {"payload": payload}))

    def upsert(self, *items):
        return self._payload(self.send("PUT", "/segments", {"payload": {"segments": [*items]}}))

    def delete(self, *ids):
        items = [{"segmentId": key} for key in ids]
        return self._payload(self.send("DELETE", "/segments", {"payload": {"segments": items}}))

    @property
    def names(self):
        """The names of all groups."""
        return [segment["name"] for segment in self.mock.salsa.segments]

    @staticmethod
    def _payload(response):
        assert response.status_code == 200, response.text
        return response.json()["payload"]


class SegmenterClient(VendorClient):
    """A client with a method for each operation of the Segmenter."""

    def create(self, **body):
        return self.send("POST", "", {"name": "s", "broadcastMediumId": "email", "segmentType": "static", **body})

    def update(self, **body):
        response = self.send("PUT", "", body)
        assert (response.status_code, response.json()) == (200, {"data": {"isUpdated": True}, "errorMessage": ""})

    @property
    def members(self):
        """The people of the first segment."""
        return self.mock.segmenter.segments[0]["persons"]


def _client(client_class, vendor, root, key):
    mocks = []

    def make(segments=(), *, settings=None, **collections):
        data = {vendor: {"segments": [*segments], **collections}}
        mocks.append(SegmentMock(data=data, **(settings or {})))
        return client_class(mocks[-1], root, key)

    yield make
    for mock in mocks:
        mock.close()


@pytest.fixture
def salsa():
    """Return a function that creates a client of a new mock with these segments, collections and settings of Salsa."""
    yield from _client(SalsaClient, "salsa", "/api/integration/ext/v1", {"authToken": "token"})


@pytest.fixture
def segmenter():
    """Return a function that creates a client of a new mock with these segments, collections and settings."""
    yield from _client(SegmenterClient, "segmenter", "/segments", {"x-api-key": "key"})


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that writes a module with the source *text* to the path and declares it as a vendor."""
    before = {*sys.modules}
    monkeypatch.syspath_prepend(tmp_path)

    def install(text, module="hallo_mock", package="hallo-mock", name="hallo"):
        (tmp_path / f"{module}.py").write_text(text)
        importlib.invalidate_caches()  # a folder that changes twice within a tick of the file system looks unchanged
        declare(tmp_path, {name: module}, package)
        _packages._declared.cache_clear()
        return tmp_path

    yield install
    _packages._declared.cache_clear()
    for module in {*sys.modules} - before:
        if module.endswith("_mock") and module != "segment_mock":
            del sys.modules[module]
