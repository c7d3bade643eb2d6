"""The Flask application: a rule for each vendor operation, all answered by the core."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from math import isinf
from typing import Any
from urllib.parse import quote

from flask import Flask, Request, Response, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge
from werkzeug.routing import Rule

from .. import messages
from ..clock import Clock
from ..doors.drive import drive
from ..doors.inprocess import WouldHangForever
from ..emulator import Emulator
from ._admin import admin
from ._delivery import SOCKETS, Leaving, Vain
from ._problem import problem

BODY_LIMIT = 16 * 2**20
_PLACE = re.compile(r"\{(\w+)\}")


def create_app(emulator: Emulator | None = None, **settings: Any) -> Flask:
    """Return both APIs and ``/_mock`` as a Flask application for any WSGI server.

    *settings* are those of `SegmentMock`; raises `SettingError` for a bad one. Waiting is real
    under a server and moves the world's clock under Flask's test client. A reply that a fault breaks
    off is broken off as far as the server lets us: see `Leaving`.
    """
    core = emulator or Emulator(settings)
    app = Flask("segment_mock", static_folder=None)
    app.url_rule_class = _Rule
    # The core folds slashes itself; Flask would redirect, and the vendors do not.
    app.url_map.merge_slashes = False
    app.register_blueprint(admin(core))

    def vendor(**_: str) -> Response:
        return _answer(core, request._get_current_object())  # type: ignore[attr-defined]

    def missed(error: HTTPException) -> Response:
        return problem(error) if request.path.startswith("/_mock") else vendor()

    for method, path, name in core.routes.rows():
        rule = _PLACE.sub(r"<\1>", path)
        app.add_url_rule(rule, name, vendor, methods=[method], provide_automatic_options=False)
    app.register_error_handler(404, missed)
    app.register_error_handler(405, missed)
    return app


class _Rule(Rule):
    """A rule that works out how its URL is built once somebody asks; nobody does here, and for all it takes 15 ms."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = super()._compile_builder
        return lambda _, *values, **more: compiled(append_unknown)(self, *values, **more)


def _answer(core: Emulator, flask: Request) -> Response:
    clock = core.world.clock
    wait = clock.wait if _served(flask) else partial(_pass, clock)
    try:
        reply = drive(core.answer(_read(flask)), wait)
    except WouldHangForever as error:
        return Vain(error)
    if reply.delivery is not messages.WHOLE:
        return Leaving(reply, wait, clock.now())
    body = b"" if flask.method == "HEAD" else reply.body
    response = Response(body, reply.status, dict(reply.headers))
    response.headers["Content-Length"] = str(len(reply.body))
    return response


def _served(flask: Request) -> bool:
    return any(name in flask.environ for name in (*SOCKETS, "SERVER_SOFTWARE"))


def _pass(clock: Clock, seconds: float) -> None:
    if isinf(seconds):
        why = getattr(seconds, "why", "") or "a stage"
        raise WouldHangForever(f"{why} keeps the answer back for ever; a test client has no timeout")
    clock.advance(seconds)


def _read(flask: Request) -> messages.Request:
    flask.max_content_length = BODY_LIMIT
    try:
        body, too_large = flask.get_data(cache=False), False
    except RequestEntityTooLarge:
        body, too_large = b"", True
    except ClientDisconnected:  # half a body is none
        body, too_large = b"", False
    headers = {name.lower(): value for name, value in flask.headers.items()}
    path = quote(flask.environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=~")
    query = flask.environ.get("QUERY_STRING", "")
    target = f"{path}?{query}" if query else path
    return messages.Request(flask.method, target, headers, body, "wsgi", too_large=too_large)
