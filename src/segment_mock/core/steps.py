"""The steps that every call takes, whichever vendor it is for."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from marshmallow import Schema, ValidationError

from ..callsite import caller, running_test
from ..journal import Journal
from ..messages import CLOSED, Response
from . import Call, Json, Lag, Proceed, Refusal, Undecided, Validator, advise, credential_hint, flatten_errors
from .rate_limit import RateWindow


class Authenticate:
    """Finds the organization that the credential names, or refuses.

    *listed* are a vendor's own credentials, *headers* those in which any vendor expects one.
    """

    def __init__(self, credentials: str, listed: Mapping[str, Collection[str]], headers: Collection[str] = ()) -> None:
        self.known, self.headers = listed if credentials == "listed" else None, headers

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Let a call in whose vendor asks for no key, or whose key is one that the settings admit."""
        if call.is_stale:
            return Response(503, delivery=CLOSED)
        header = call.vendor.key_header
        credential = call.request.headers.get(header.lower(), "").strip()
        if header and not credential:
            raise Refusal("unauthorized", hint=credential_hint(header, call.request.headers, self.headers))
        if self.known is not None and header and not _is_among(credential, self.known[call.vendor.name]):
            raise Refusal("unauthorized", hint=f"with --credentials listed, name it by --{call.vendor.key_flag}")
        call.credential = credential
        call.organization = call.world.organization(credential)
        return await proceed()


class Throttle:
    """Counts each authenticated call against its credential's window."""

    def __init__(self, windows: Mapping[str, RateWindow], enforced: bool) -> None:
        self.windows, self.enforced = windows, enforced

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Refuse a call that its vendor's window has no room for."""
        call.window = window = self.windows.get(call.vendor.name)
        if window and not window.admit(call.credential, call.world.clock.now()) and self.enforced:
            raise Refusal("throttled", hint="--limits off lifts the vendor's limits")
        return await proceed()


def _is_among(credential: str, known: Collection[str]) -> bool:
    # As long for a near miss as for a far one, and whichever of them it is.
    sent = credential.encode("utf-8", "surrogatepass")
    return any([hmac.compare_digest(sent, one.encode("utf-8", "surrogatepass")) for one in known])  # noqa: C419 - every one


_NAMES = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "true or false"}
_BEGINNING = 1000
"""So many items of a list are held against the schema before all of them are."""


class Decode:
    """Reads the body as JSON and by the operation's schema into ``call.data``."""

    def __init__(self, measured: bool) -> None:
        self.measured = measured

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Refuse what is too large, no JSON, of the wrong shape, or longer than the vendor's batch."""
        if call.request.too_large:
            raise Refusal("too_large")
        if call.operation.validator is not None:
            call.data = _read(call, call.operation.validator)
        if self.measured and call.vendor.limits.items is not None:
            _measure(call, call.vendor.limits.items)
        return await proceed()


def _read(call: Call, validator: Validator) -> Json:
    try:
        body = call.json
    except Refusal:
        encoding = call.request.headers.get("content-encoding", "identity").strip()
        if encoding.lower() not in ("", "identity"):
            call.hints.append(f"the body has Content-Encoding: {encoding[:100]}; send it uncompressed")
        raise
    if not isinstance(body, dict):
        raise Refusal("malformed", f"The body must be a JSON object, not {_NAMES.get(type(body), 'null')}.")
    try:
        data, surplus = validator.load(body)
    except Undecided:
        advise(call, validator.schema, body, refused=True)
        data, surplus = _explained(validator.schema, body), False
    if surplus:
        advise(call, validator.schema, body)
    loaded: Json = data
    return loaded


def _explained(schema: Schema, body: Json) -> Any:
    # Of a million wrong items the first is told, so the others need not be looked at.
    begun = _shortened(body, 1)
    if begun != body:
        _loaded(schema, begun)
    return _loaded(schema, body)


def _shortened(body: Json, deeper: int) -> Json:
    told = {}
    for name, value in body.items():
        if isinstance(value, list):
            value = value[:_BEGINNING]
        told[name] = _shortened(value, deeper - 1) if deeper and isinstance(value, dict) else value
    return told


def _loaded(schema: Schema, body: Json) -> Any:
    try:
        return schema.load(body)
    except ValidationError as error:
        field, sentence = next(flatten_errors(error.messages))
        raise Refusal("malformed", f"{field}: {sentence}", field=field) from None


def _measure(call: Call, limit: int) -> None:
    for name in call.operation.sized:
        value = call.vendor.unwrap(call.data).get(name)
        if (len(value) if isinstance(value, list) else value or 0) > limit:
            raise Refusal("too_many_items", field=name, limit=limit)


async def alone(call: Call, proceed: Proceed) -> Response:
    """Let one call at a time at the store; what it wrote vanishes again if it fails half-way."""
    if call.organization is None:
        return await proceed()
    log = call.world.log
    with call.world.lock:
        if call.is_stale:
            return Response(503, delivery=CLOSED)
        mark = log.mark
        try:
            if call.lag is None:
                response = await proceed()
            else:
                with _lagging(call, call.lag):
                    response = await proceed()
        except BaseException:
            log.rollback(mark)
            raise
        if log.mark != mark:
            call.changes = log.since(mark)
            log.commit(mark, call.organization.name, call.world.clock.now())
        return response


def _lagging(call: Call, lag: Lag) -> AbstractContextManager[None]:
    log, name = call.world.log, call.store.organization
    if not call.operation.reads:
        return nullcontext()
    if lag.seconds is None:
        return log.undone(log.calls_ago(lag.calls, name), name)
    return log.undone(log.as_of(call.world.clock.now() - lag.seconds, name), name)


_log = logging.getLogger("segment_mock")


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
        if call.request.transport == "inprocess":
            entry.caller, entry.test = caller(), running_test()
        try:
            response = await proceed()
            entry.answer(response, world.clock.now())
        except BaseException:
            entry.outcome = "abandoned"
            raise
        finally:
            entry.organization = call.organization.name if call.organization else ""
            entry.written, entry.unread, entry.faults = call.changes, call.unread, tuple(call.fired_faults)
            if call.refusal:
                entry.refusal = call.refusal.kind
            if call.refusal or call.hints:
                entry.hint = call.hint
            self.journal.close(entry, world.log.mark)
            if len(world.log):
                with world.lock:
                    world.log.trim(self.journal.mark or 0)
        return response


async def dress(call: Call, proceed: Proceed) -> Response:
    """Put a refusal from below into the vendor's own words; a defect of ours becomes ``broken``."""
    try:
        response = await proceed()
        return call.with_hint(response) if call.hints else response
    except Refusal as refusal:
        return call.render_refusal(refusal)
    except Exception:
        _log.exception("%s.%s failed; this is a defect of segment-mock", call.vendor.name, call.operation.name)
        return call.refuse("broken", hint="a defect of segment-mock: its log has the traceback")
