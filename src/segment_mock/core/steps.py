"""The steps of a call, the same for all vendors: plain functions, called one after the other.

`begin` opens the journal's entry and `end` closes it. In between, `perform` authenticates, limits the rate,
decodes the body and runs the operation in a transaction. A refusal is worded as the vendor does.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError

from ..callsite import caller, running_test
from ..journal import Entry, Journal
from ..messages import CLOSED, Response, header_text
from .call import Call, Lag
from .hints import advise, credential_hint
from .json_codec import Json
from .refusals import Refusal
from .schemas import flatten_errors
from .world import RateWindow

_log = logging.getLogger("segment_mock")
_STALE = Response(503, delivery=CLOSED)
"""The response to a call during which the mock was reset: the connection closes; nothing is performed or counted."""
_TYPE_NAMES = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "true or false"}
_OWN_FRAMES = 3
"""`begin` and who calls it are this project's, and need not be looked at."""
_PREVIEW = 1000
"""How many items of a list are validated first, so that one wrong item among a million is found quickly."""


@dataclass(frozen=True)
class Policy:
    """The settings that decide who may call, how often, and with how many items.

    *accepted* has the credentials of each vendor, None if any credential is accepted. *key_headers* are the
    headers in which the vendors expect a credential. *windows* count the calls of each vendor; calls over the limit are
    refused only if *limited*.
    """

    accepted: Mapping[str, Collection[str]] | None
    key_headers: Collection[str]
    windows: Mapping[str, RateWindow]
    limited: bool


def begin(call: Call, journal: Journal) -> Entry:
    """Open the journal's entry of *call*."""
    vendor, request = call.vendor, call.request
    secret, mark = vendor.key_header.lower(), call.world.log.mark
    entry = journal.open(request, vendor.name, call.operation_name, secret, call.arrived, mark)
    if request.transport == "inprocess":
        entry.caller, entry.test = caller(_OWN_FRAMES), running_test()
    return entry


def end(call: Call, entry: Entry, response: Response | None, journal: Journal) -> None:
    """Close *entry* with the response exactly as the client will see it, or with None if the call got none."""
    world = call.world
    entry.organization = call.organization.name if call.organization else ""
    entry.written, entry.unread, entry.faults = call.changes, call.unread, tuple(call.fired_faults)
    if call.refusal:
        entry.refusal = call.refusal.kind
    if call.refusal or call.hints:
        entry.hint = call.hint
    oldest = journal.close(entry, response, world.clock.now(), world.log.mark)
    if world.log.reach < oldest:
        with world.lock:
            world.log.trim(oldest)


def perform(call: Call, policy: Policy) -> Response:
    """Return the vendor's response to *call*.

    A refusal, or a defect of this project, becomes an error in the vendor's format.
    """
    if call.operation.answer is not None:
        return call.operation.answer()
    try:
        try:
            if call.generation != call.world.generation:  # the mock was reset while a fault waited
                return _STALE
            authenticate(call, policy)
            limit_rate(call, policy)
            decode(call, policy)
            response = transaction(call)
            return call.with_hint(response) if call.hints else response
        except Refusal as refusal:
            return call.render_refusal(refusal)
    except Exception as error:
        return _broken(call, error)


def authenticate(call: Call, policy: Policy) -> None:
    """Find the organization that the call's credential names; refuse a credential that is missing or not listed."""
    header = call.vendor.key_header
    credential = call.request.headers.get(header.lower(), "").strip()
    if not credential.isascii():
        credential = header_text(credential)
    if header and not credential:
        raise Refusal("unauthorized", hint=credential_hint(header, call.request.headers, policy.key_headers))
    if header and policy.accepted is not None and not _is_listed(credential, policy.accepted[call.vendor.name]):
        raise Refusal("unauthorized", hint=f"--credentials listed accepts only those of --{call.vendor.key_flag}")
    call.credential = credential
    call.organization = organization = call.world.organization(credential)
    if organization.notice:
        call.hints.append(organization.notice)
        organization.notice = ""


def limit_rate(call: Call, policy: Policy) -> None:
    """Count the call in its credential's window; refuse it if the window is full and limits are in force."""
    call.window = window = policy.windows.get(call.vendor.name)
    if window and not window.admit(call.credential, call.world.clock.now()) and policy.limited:
        raise Refusal("throttled", hint="--limits off turns the vendor's limits off")


def decode(call: Call, policy: Policy) -> None:
    """Load the body by the operation's schema into ``call.data``.

    Refuses a body that is too large, not JSON, of the wrong shape, or longer than the vendor's batch limit.
    """
    if call.request.too_large:
        raise Refusal("too_large")
    validator = call.operation.validator
    if validator is not None:
        try:
            body = call.json
        except Refusal:
            encoding = call.request.headers.get("content-encoding", "identity").strip()
            if encoding.lower() not in ("", "identity"):
                call.hints.append(f"the body has Content-Encoding: {encoding[:100]}; send it uncompressed")
            raise
        if not isinstance(body, dict):
            raise Refusal("malformed", f"The body must be a JSON object, not {_TYPE_NAMES.get(type(body), 'null')}.")
        unknown: list[bool] = []
        try:
            call.data = validator.load(body, unknown)
        except ValidationError:
            advise(call, validator.schema, body, refused=True)
            call.data = _explained(validator.schema, body)
        else:
            if unknown:
                advise(call, validator.schema, body)
    if policy.limited and call.vendor.limits.items is not None:
        _measure(call, call.vendor.limits.items)


def transaction(call: Call) -> Response:
    """Run the operation with exclusive access to the store, and undo its writes if it fails."""
    log = call.world.log
    with call.world.lock:
        if call.generation != call.world.generation:  # another test may be running
            return _STALE
        if call.organization is not None and call.organization.is_dropped:  # by another thread, since `authenticate`
            call.organization = call.world.organization(call.credential)
        mark = log.mark
        try:
            if call.lag is None:
                result = call.operation.perform(call, call.data)
            else:
                with _lagging(call, call.lag):
                    result = call.operation.perform(call, call.data)
            call.count(result)
            response = call.reply(result)
        except BaseException:
            log.rollback(mark)
            raise
        if log.mark != mark:
            call.changes = log.since(mark)
            log.commit(mark, call.changes[0].organization, call.world.clock.now())
        return response


def _broken(call: Call, error: Exception) -> Response:
    """Log *error*, a defect, and answer as the vendor does; plainly, if its own words are what fails."""
    hint = "this is a defect of segment-mock; its log has the traceback"
    if not call.vendor.is_shipped:
        name = type(error).__name__
        hint = f"this is a defect of the vendor {call.vendor.name}: {name}: {error}; the log has the traceback"
    _log.error("%s failed; %s", call.operation_name, hint.partition(";")[0], exc_info=error)
    try:
        return call.refuse("broken", hint=hint)
    except Exception:
        _log.exception("%s: the response to a refusal can't be rendered", call.vendor.name)
        call.refusal = None
        return call.with_hint(Response(500, {"Content-Type": "text/plain"}, b"Internal Server Error\n"), hint)


def _is_listed(credential: str, credentials: Collection[str]) -> bool:
    from hmac import compare_digest  # loads OpenSSL

    # Compare in constant time, and always with every credential.
    credential_bytes = credential.encode("utf-8", "surrogatepass")
    return any([compare_digest(credential_bytes, one.encode("utf-8", "surrogatepass")) for one in credentials])  # noqa: C419


def _explained(schema: Schema, body: Json) -> Any:
    preview = _shortened(body, 1)
    if preview != body:
        _loaded(schema, preview)
    return _loaded(schema, body)


def _shortened(body: Json, levels: int) -> Json:
    short = {}
    for name, value in body.items():
        if isinstance(value, list):
            value = value[:_PREVIEW]
        short[name] = _shortened(value, levels - 1) if levels and isinstance(value, dict) else value
    return short


def _loaded(schema: Schema, body: Json) -> Any:
    try:
        return schema.load(body)
    except ValidationError as error:
        field, sentence = next(flatten_errors(error.messages))
        raise Refusal("malformed", f"{field}: {sentence}", field=field) from None


def _measure(call: Call, limit: int) -> None:
    sized = call.operation.sized
    payload = call.vendor.unwrap(call.data) if sized else {}
    for name in sized:
        value = payload.get(name)
        if (len(value) if isinstance(value, list) else value or 0) > limit:
            raise Refusal("too_many_items", field=name, limit=limit)


def _lagging(call: Call, lag: Lag) -> AbstractContextManager[None]:
    log, name = call.world.log, call.store.organization
    if not call.operation.reads:
        return nullcontext()
    if lag.seconds is None:
        mark = log.calls_ago(lag.calls, name)
    else:
        mark = log.as_of(call.world.clock.now() - lag.seconds, name)
    call.has_lagged = any(change.organization == name for change in log.since(mark))
    return log.undone(mark, name)
