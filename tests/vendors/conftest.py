"""A client of each vendor over a world as small as the test."""

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
    """Fail a call that relies on an assumption whose row does not list its operation: the reference would lack it."""
    assume = Call.assume

    def checked(call, name):
        row = call.vendor.assumptions.get(name)
        operations = row.operations if row else ()
        if operations and call.operation.paths and call.operation.name not in operations:
            pytest.fail(f"assumption {name!r} of {call.vendor.name}: add {call.operation.name!r} to its operations")
        return assume(call, name)

    monkeypatch.setattr(Call, "assume", checked)


class Vendor:
    """Sends what a test tells it to one mock, by its session."""

    def __init__(self, mock, root, key):
        self.mock, self.root, self.headers = mock, root, key
        self.session = mock.session()

    def send(self, method, path, body=None, **headers):
        """Send *body*, as JSON unless it is bytes, to *path* below the root, or to a whole URL."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        all_headers = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.session.request(method, path if "://" in path else self.root + path, data=data, headers=all_headers)

    def spend(self, calls, method, path, body, **headers):
        """Send *body* repeatedly without the session, which takes ten times as long, and return the statuses."""
        all_headers = {name.lower(): value for name, value in {**self.headers, **headers}.items()}
        request = Request(method, self.root + path, all_headers, json.dumps(body).encode())
        answer = self.mock._emulator.answer
        return [run_sync(answer(request), self.mock.clock.advance).status for _ in range(calls)]


class Salsa(Vendor):
    """Salsa by its operations; each returns the payload of a 200."""

    def search(self, **payload):
        return self._done(self.send("POST", "/segments/search", {"payload": payload}))

    def upsert(self, *items):
        return self._done(self.send("PUT", "/segments", {"payload": {"segments": [*items]}}))

    def delete(self, *ids):
        items = [{"segmentId": key} for key in ids]
        return self._done(self.send("DELETE", "/segments", {"payload": {"segments": items}}))

    @property
    def names(self):
        """The names of all groups."""
        return [segment["name"] for segment in self.mock.salsa.segments]

    @staticmethod
    def _done(reply):
        assert reply.status_code == 200, reply.text
        return reply.json()["payload"]


class Segmenter(Vendor):
    """The Segmenter by its operations; each returns the response."""

    def create(self, **body):
        return self.send("POST", "", {"name": "s", "broadcastMediumId": "email", "segmentType": "static", **body})

    def update(self, **body):
        reply = self.send("PUT", "", body)
        assert (reply.status_code, reply.json()) == (200, {"data": {"isUpdated": True}, "errorMessage": ""})

    @property
    def members(self):
        """The people of the first segment."""
        return self.mock.segmenter.segments[0]["persons"]


def _client(kind, vendor, root, key):
    mocks = []

    def make(segments=(), *, settings=None, **collections):
        data = {vendor: {"segments": [*segments], **collections}}
        mocks.append(SegmentMock(data=data, **(settings or {})))
        return kind(mocks[-1], root, key)

    yield make
    for mock in mocks:
        mock.close()


@pytest.fixture
def salsa():
    """Return a function that makes a Salsa of these segments, collections and settings."""
    yield from _client(Salsa, "salsa", "/api/integration/ext/v1", {"authToken": "token"})


@pytest.fixture
def segmenter():
    """Return a function that makes a Segmenter of these segments, collections and settings."""
    yield from _client(Segmenter, "segmenter", "/segments", {"x-api-key": "key"})


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that puts a module with *text* on the path and declares it as a vendor."""
    before = {*sys.modules}
    monkeypatch.syspath_prepend(tmp_path)

    def install(text, module="hallo_mock", package="hallo-mock", name="hallo"):
        (tmp_path / f"{module}.py").write_text(text)
        declare(tmp_path, {name: module}, package)
        _packages._declared.cache_clear()
        return tmp_path

    yield install
    _packages._declared.cache_clear()
    for module in {*sys.modules} - before:
        if module.endswith("_mock") and module != "segment_mock":
            del sys.modules[module]
