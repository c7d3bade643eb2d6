"""The control plane under ``/_mock``: what people and tests ask of the mock itself."""

from __future__ import annotations

import hmac
import json
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound, Unauthorized

from ..emulator import Emulator, catalogue
from ..settings import SettingError
from ._problem import as_json, problem, told

STATE_LIMIT = 256 * 2**20
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_OK = {"status": "ok"}


def admin(core: Emulator) -> Blueprint:
    """Return the control plane of *core*."""
    plane = Blueprint("_mock", __name__, url_prefix="/_mock")
    plane.before_request(lambda: _admit(core.settings["admin_token"]))
    plane.register_error_handler(HTTPException, problem)
    plane.register_error_handler(SettingError, lambda error: told(400, "Bad request", str(error), _hint()))
    for views in (_whole, _state, _faults, _journal, _clock):
        views(plane, core)
    return plane


_DATA = "the form is that of --data: vendor, collection, list of rows in wire names"
_FAULTS = "`segment-mock faults` lists the kinds, their settings and the conditions of a rule"


def _hint() -> str:
    return _FAULTS if request.path.startswith("/_mock/faults") else _DATA


def _whole(plane: Blueprint, core: Emulator) -> None:
    @plane.get("/health")
    def health() -> Response:
        return as_json(_OK)

    @plane.get("/ca.pem")
    def ca() -> Response:
        if core.ca_pem is None:
            raise NotFound("This server speaks no TLS: start it with --tls or --proxy.")
        return Response(core.ca_pem, content_type="application/x-pem-file")

    @plane.get("/vendors")
    def vendors() -> Response:
        return as_json(catalogue(core.vendors.values(), core.settings))

    @plane.post("/reset")
    def reset() -> Response:
        core.reset()
        return as_json(_OK)


def _state(plane: Blueprint, core: Emulator) -> None:
    @plane.get("/state")
    def state() -> Response:
        return as_json(core.state(request.args.get("organization", "")))

    @plane.put("/state")
    def load() -> Response:
        request.max_content_length = STATE_LIMIT
        core.load(_body(), request.args.get("organization", ""))
        return as_json(_OK)

    @plane.post("/snapshots/<name>")
    def snapshot(name: str) -> Response:
        core.snapshot(name)
        return as_json(_OK)

    @plane.post("/snapshots/<name>/restore")
    def restore(name: str) -> Response:
        try:
            core.restore(name)
        except LookupError as error:
            raise NotFound(str(error)) from None
        return as_json(_OK)


def _faults(plane: Blueprint, core: Emulator) -> None:
    @plane.get("/faults")
    def faults() -> Response:
        return as_json({"faults": [rule.as_dict() for rule in core.plan]})

    @plane.post("/faults")
    def arm() -> Response:
        rules = core.plan.load(_json())
        return as_json({"faults": [rule.as_dict() for rule in rules]}, 201)

    @plane.delete("/faults")
    def disarm_all() -> Response:
        core.plan.clear()
        return as_json(_OK)

    @plane.get("/faults/<number>")
    def fault(number: str) -> Response:
        rule = core.plan.get(number)
        if rule is None:
            raise NotFound(f"No fault has the id {number!r}.")
        return as_json(rule.as_dict())

    @plane.delete("/faults/<number>")
    def disarm(number: str) -> Response:
        if not core.plan.remove(number):
            raise NotFound(f"No fault has the id {number!r}.")
        return as_json(_OK)


def _journal(plane: Blueprint, core: Emulator) -> None:
    @plane.get("/journal")
    def journal() -> Response:
        args = request.args
        found = core.journal.entries(
            args.get("vendor"), args.get("operation"), _number("status"), _number("since"), _number("limit")
        )
        return as_json({"entries": [entry.as_dict() for entry in found], "forgotten": core.journal.forgotten})

    @plane.get("/journal/<int:number>")
    def entry(number: int) -> Response:
        found = core.journal.get(number)
        if found is None:
            raise NotFound(f"The journal has no entry {number}: it keeps the last {core.settings['journal_size']}.")
        return as_json(found.as_dict())

    @plane.delete("/journal")
    def clear() -> Response:
        core.journal.clear()
        return as_json(_OK)


def _clock(plane: Blueprint, core: Emulator) -> None:
    @plane.get("/clock")
    def clock() -> Response:
        return as_json({"now": core.world.clock.iso(), "frozen": core.world.clock.frozen})

    @plane.post("/clock")
    def turn() -> Response:
        body = _body()
        try:
            (deed, value), = body.items()  # fmt: skip
            core.world.clock.turn(deed, value)
        except (TypeError, ValueError) as error:
            raise BadRequest(f"{json.dumps(body)[:200]}: {error}; send freeze, set or advance, one of them.") from None
        return clock()


def _admit(token: str | None) -> None:
    """Keep out what is not this machine's, a browser's other site, or without the token."""
    if request.path in ("/_mock/health", "/_mock/ca.pem"):
        return
    if request.headers.get("Origin", request.host_url.rstrip("/")) != request.host_url.rstrip("/"):
        raise Forbidden("Another site's page may not call the control plane.")
    sent = request.headers.get("Authorization", "").encode()
    if token is not None and not hmac.compare_digest(sent, f"Bearer {token}".encode()):
        raise Unauthorized("Send the admin token: Authorization: Bearer TOKEN.")
    if token is None and request.environ.get("segment_mock.door") != "inprocess" and _host() not in _LOOPBACK:
        raise Forbidden(f"Host {_host()!r} is not this machine; with --admin-token any Host may call.")


def _host() -> str | None:
    return urlsplit(f"//{request.headers.get('Host', '')}").hostname


def _number(name: str) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise BadRequest(f"{name}: {text!r} is not a whole number.") from None


def _json() -> object:
    try:
        body: object = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}") from None
    return body


def _body() -> dict[str, object]:
    body = _json()
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body
