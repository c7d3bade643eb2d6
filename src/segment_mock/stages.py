"""What happens to every call, whichever vendor's it is; the emulator says in which order."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from marshmallow import Schema, ValidationError

from .contract import Acceptor, Call, Json, Proceed, Refusal, Unclear, complaints, unread
from .journal import Journal
from .limits import Window
from .messages import Response

_NAMES = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "true or false"}
_log = logging.getLogger("segment_mock")
_calls = logging.getLogger("segment_mock.calls")


class Record:
    """Writes each exchange into the *journal* exactly as the client will see it, even if it never does."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Open an entry on arrival; close it with the answer, or as abandoned when none comes."""
        world, vendor = call.world, call.vendor
        secret = vendor.key_header.lower()
        name = f"{vendor.name}.{call.operation.name}"
        entry = self.journal.open(call.request, vendor.name, name, secret, call.arrived, world.log.mark)
        try:
            response = await proceed()
            entry.answer(response, world.clock.now())
        except BaseException:
            entry.outcome = "abandoned"
            raise
        finally:
            entry.organization = call.organization.name if call.organization else ""
            entry.written, entry.unread, entry.faults = call.changes, call.unread, tuple(call.struck)
            if call.refusal:
                entry.refusal = call.refusal.kind
                entry.hint = call.refusal.hint or vendor.refusals[call.refusal.kind].hint
            if len(world.log):
                with world.lock:
                    world.log.trim(self.journal.mark or 0)
            if _calls.isEnabledFor(logging.INFO):
                _calls.info("%s %s", entry.method, entry.target, extra={"entry": entry})
        return response


async def dress(call: Call, proceed: Proceed) -> Response:
    """Put a refusal from below into the vendor's own words; a defect of ours becomes ``broken``."""
    try:
        return await proceed()
    except Refusal as refusal:
        return call.dress(refusal)
    except Exception:
        _log.exception("%s.%s failed; this is a defect of segment-mock", call.vendor.name, call.operation.name)
        return call.refuse("broken", hint="a defect of segment-mock: its log has the traceback")


class Authenticate:
    """Finds the organization that the credential names, or refuses; *listed* are a vendor's own."""

    def __init__(self, credentials: str, listed: Mapping[str, Collection[str]]) -> None:
        self.known = listed if credentials == "listed" else None

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Let a call in whose vendor asks for no key, or whose key is one that the settings admit."""
        header = call.vendor.key_header
        credential = call.request.headers.get(header.lower(), "").strip()
        if header and not credential:
            raise Refusal("unauthorized", hint=f"send your credential in the header {header}")
        if self.known is not None and header and credential not in self.known[call.vendor.name]:
            raise Refusal("unauthorized", hint=f"with --credentials listed, name it by --{call.vendor.key_flag}")
        call.credential = credential
        call.organization = call.world.organization(credential)
        return await proceed()


class Throttle:
    """Counts each authenticated call against its credential's window."""

    def __init__(self, windows: Mapping[str, Window], enforced: bool) -> None:
        self.windows, self.enforced = windows, enforced

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Refuse a call that its vendor's window has no room for."""
        call.window = window = self.windows.get(call.vendor.name)
        if window and not window.admit(call.credential, call.world.clock.now()) and self.enforced:
            raise Refusal("throttled")
        return await proceed()


class Decode:
    """Reads the body as JSON and by the operation's schema into ``call.data``."""

    def __init__(self, measured: bool) -> None:
        self.measured = measured

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Refuse what is too large, no JSON, of the wrong shape, or longer than the vendor's batch."""
        if call.request.too_large:
            raise Refusal("too_large")
        if call.operation.acceptor is not None:
            call.data = _read(call, call.operation.acceptor)
        if self.measured and call.vendor.limits.items is not None:
            _measure(call, call.vendor.limits.items)
        return await proceed()


async def alone(call: Call, proceed: Proceed) -> Response:
    """Let one call at a time at the store; what it wrote vanishes again if it fails half-way."""
    if call.organization is None:
        return await proceed()
    log = call.world.log
    with call.world.lock:
        mark = log.mark
        try:
            with _lagging(call):
                response = await proceed()
        except BaseException:
            log.rollback(mark)
            raise
        call.changes = log.since(mark)
        if call.changes:
            log.commit(mark, call.organization.name, call.world.clock.now())
        return response


def _lagging(call: Call) -> AbstractContextManager[None]:
    lag, log, name = call.lag, call.world.log, call.store.organization
    if lag is None or not call.operation.reads:
        return nullcontext()
    if lag.seconds is None:
        return log.undone(log.calls_ago(lag.calls, name), name)
    return log.undone(log.as_of(call.world.clock.now() - lag.seconds, name), name)


def _read(call: Call, acceptor: Acceptor) -> Json:
    body = call.json
    if not isinstance(body, dict):
        raise Refusal("malformed", f"The body must be a JSON object, not {_NAMES.get(type(body), 'null')}.")
    try:
        data, surplus = acceptor.load(body)
    except Unclear:
        data, surplus = _explained(acceptor.schema, body), True
    if surplus:
        call.unread = tuple(unread(acceptor.schema, body))
    loaded: Json = data
    return loaded


def _explained(schema: Schema, body: Json) -> Any:
    try:
        return schema.load(body)
    except ValidationError as error:
        field, sentence = next(complaints(error.messages))
        raise Refusal("malformed", f"{field}: {sentence}", field=field) from None


def _measure(call: Call, limit: int) -> None:
    for name in call.operation.sized:
        value = call.vendor.unwrap(call.data).get(name)
        if (len(value) if isinstance(value, list) else value or 0) > limit:
            raise Refusal("too_many_items", field=name, limit=limit)
