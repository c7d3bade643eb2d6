"""The control plane under ``/_mock``: what people and tests ask of the mock itself."""

from __future__ import annotations

import json

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, HTTPException, NotFound

from ..contract import Refusal, parse
from ..emulator import Emulator, catalogue
from ..settings import SettingError
from ._admission import admit
from ._docs import documents
from ._journal import journal_views
from ._problem import as_json, problem, told

BODY_LIMIT = 256 * 2**20
_OK = {"status": "ok"}


def admin(core: Emulator) -> Blueprint:
    """Return the control plane of *core*."""
    plane = Blueprint("_mock", __name__, url_prefix="/_mock")
    plane.before_request(lambda: admit(core.settings["admin_token"]))
    plane.register_error_handler(HTTPException, problem)
    plane.register_error_handler(SettingError, lambda error: told(400, "Bad request", str(error), _hint()))
    for views in (_whole, _state, _faults, journal_views, _clock, documents):
        views(plane, core)
    return plane


_DATA = "the form is that of --data: vendor, collection, list of rows in wire names"
_FAULTS = "`segment-mock faults` lists the kinds, their settings and the conditions of a rule"


_JOURNAL = "the filters are those of mock.journal.entries: operation, status, json, after ..."


def _hint() -> str:
    places = {"/_mock/faults": _FAULTS, "/_mock/journal": _JOURNAL}
    return next((hint for place, hint in places.items() if request.path.startswith(place)), _DATA)


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


def _json() -> object:
    request.max_content_length = BODY_LIMIT
    try:
        body: object = parse(request.get_data(cache=False))
    except Refusal as refusal:
        raise BadRequest(refusal.message) from None
    return body


def _body() -> dict[str, object]:
    body = _json()
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body
