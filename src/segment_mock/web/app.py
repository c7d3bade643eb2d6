"""The Flask application: a route for each vendor operation, a catch-all route, and the control plane."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import partial
from math import isinf
from types import NoneType
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge
from werkzeug.routing import BaseConverter, Map, Rule
from werkzeug.test import EnvironBuilder, run_wsgi_app

from .. import messages
from ..clock import Clock
from ..core.call import all_options
from ..emulator import Emulator
from ..json_match import brief
from ..lasting import new_emulator
from ..persistence import StoreInUse
from ..settings import SettingError, suggestion
from ..transports import wsgi
from ..transports.inprocess.waiting import Wait, WouldHangForever, would_hang
from ..vendors import find_vendors
from .admin import control_plane
from .events import INTERVAL
from .views import http_problem, problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from typing_extensions import Unpack

    from ..mock_settings import MockSettings
    from ..transports.server.server import LiveServer

_ARGUMENT = re.compile(r"\{(\w+)\}")


def create_app(
    emulator: Emulator | None = None, *, upstream: str | None = None, **settings: Unpack[MockSettings]
) -> Flask:
    """Return a Flask application with all APIs and the control plane ``/_mock``, for any WSGI server.

    *settings* are the settings of `SegmentMock`. Pauses take real time under a server, and move the mock's clock under
    Flask's test client. How exactly a fault can break off a response depends on the WSGI server.

    With *upstream*, the URL of a running ``segment-mock serve``, the application has no records and forwards every call
    to that server, so that many workers share one mock. *admin_token* is then the only other setting. The default of
    *upstream* is the variable SEGMENT_MOCK_UPSTREAM; SEGMENT_MOCK_ADMIN_TOKEN and SEGMENT_MOCK_CA_FILE (for https)
    supply the token and the certificate.

    *emulator* is an existing mock's core, for internal use. Raises `SettingError` for an invalid setting.

        app = create_app(data="demo")  # gunicorn --threads 8 module:app
    """
    if emulator is None and (upstream := upstream or os.environ.get("SEGMENT_MOCK_UPSTREAM")):
        return _front(upstream, settings)
    if not isinstance(emulator, (Emulator, NoneType)):
        raise SettingError(f"emulator: {brief(emulator)} is not the core of a mock; pass settings, such as data='demo'")
    core = emulator or _opened(settings)
    app = Flask("segment_mock", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = messages.body_limit_for("/_mock", core.settings["body_limit"])
    app.request_class, app.url_rule_class = _Request, _Rule
    app.extensions["segment_mock.emulator"] = core
    # The core merges slashes itself; Flask would redirect, which the vendors do not do.
    app.url_map = Map(merge_slashes=False)  # Werkzeug 2.3 ignores a change of the attribute
    app.url_map.converters["elsewhere"] = _Elsewhere
    app.before_request(_refuse_several_processes)
    app.register_blueprint(control_plane(core))
    app.register_error_handler(HTTPException, http_problem)

    def vendor(**_: str) -> Response:
        if request.path == "/" and request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            return Response(status=302, headers={"Location": "/_mock/", "Vary": "Accept"})
        return _answer(core, request._get_current_object())  # type: ignore[attr-defined]

    for method, path, name in core.routes.rows():
        rule = _ARGUMENT.sub(r"<\1>", path)
        app.add_url_rule(rule, name, vendor, methods=[method], provide_automatic_options=False)
    # A rule without methods accepts every method; the core refuses those that no vendor has.
    app.url_map.add(_Rule("/<elsewhere:path>", endpoint="elsewhere"))
    app.endpoint("elsewhere")(vendor)
    return app


def _opened(settings: MockSettings) -> Emulator:
    try:
        return new_emulator(settings)
    except StoreInUse as error:
        raise StoreInUse(
            f"{error}. If this is one of several workers, let each forward to one `segment-mock serve`: "
            "create_app(upstream=URL)"
        ) from None


def _front(upstream: str, settings: MockSettings) -> Flask:
    from ..transports.front import Front

    options = [option.name for option in all_options(find_vendors())]
    for name in settings:
        if name not in options:
            raise SettingError(f"unknown setting {name!r}{suggestion(name, options)}")
        if name != "admin_token":
            raise SettingError(f"{name}: an app with an upstream can't have this setting; set it on the server")
    token = settings.get("admin_token")
    if token is None:  # an empty token is refused: a caller that passes one wants protection
        token = os.environ.get("SEGMENT_MOCK_ADMIN_TOKEN")
    app = Flask("segment_mock", static_folder=None)
    app.wsgi_app = Front(upstream, token, ca_file=os.environ.get("SEGMENT_MOCK_CA_FILE") or None)  # type: ignore[method-assign]
    return app


def _refuse_several_processes() -> Response | None:
    """Refuse a call if the server has several processes, because each would have its own records."""
    if not request.environ.get("wsgi.multiprocess"):
        return None
    return problem(
        503,
        "Several processes",
        "This server runs create_app() in several processes, each of which would have its own records, faults and "
        "journal.",
        "run it in one process with threads (gunicorn -w 1 --threads 8), or start `segment-mock serve` and let every "
        "process forward to that: create_app(upstream=URL)",
    )


class _Elsewhere(BaseConverter):
    """Every path except those of the control plane, including slashes and line breaks."""

    regex = r"(?!_mock(?:/|$))(?s:.*)"
    part_isolating = False
    weight = 1000


class _Request(Request):
    """A request with its own body limit; before Flask 3.1, only the application has one."""

    _limit: int | None = None

    @property
    def max_content_length(self) -> int | None:
        return super().max_content_length if self._limit is None else self._limit

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._limit = value


class _Rule(Rule):
    """A rule that compiles its URL builder on first use; for all rules at once, it takes 15 ms."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = super()._compile_builder
        return lambda _, *values, **more: compiled(append_unknown)(self, *values, **more)


class FaultyResponse(Response):
    """A response that a fault breaks or slows down, see `wsgi.deliver`."""

    def __init__(self, mock_response: messages.Response, wait: Callable[[float], Any], now: float) -> None:
        super().__init__(b"", mock_response.status, dict(mock_response.headers))
        self.headers["Content-Length"] = str(len(mock_response.body))
        self._mock_response, self._wait, self._now = mock_response, wait, now

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send the response without Flask."""
        headers = self.get_wsgi_headers(environ).to_wsgi_list()
        return wsgi.deliver(
            self._mock_response, environ, lambda: start_response(self.status, headers), self._wait, self._now
        )


class RaisingResponse(Response):
    """A response that raises *error* when the server or a test client calls it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(b"")
        self._error = error

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Raise the error at a point at which Flask does not convert it to a page."""
        raise self._error


def control_client(core: Emulator) -> Callable[[messages.Request, LiveServer | None], messages.Response]:
    """Return a function by which other transports send requests for ``/_mock`` to the Flask application.

    The function gets the request, and the live server that received it, if any.
    """
    app = create_app(core)

    def answer(request: messages.Request, server: LiveServer | None = None) -> messages.Response:
        path, _, query = request.target.partition("?")
        more: list[Callable[[], bytes]] = []
        builder = EnvironBuilder(
            path,
            query_string=query,
            method=request.method,
            headers=[(name, value) for name, value in request.headers.items() if name != "content-length"],
            data=request.body,
            environ_base={
                "segment_mock.transport": request.transport,
                "segment_mock.too_large": request.too_large,
                "segment_mock.server": server,
                "segment_mock.more": more if server else None,
            },
        )
        environ = builder.get_environ()
        if "host" not in request.headers:
            del environ["HTTP_HOST"]  # the builder's default, which would be this machine
        chunks, status, headers, *_ = run_wsgi_app(app.wsgi_app, environ, buffered=True)
        response_headers = {
            name: value for name, value in headers.items() if name.lower() not in ("content-length", "date")
        }
        delivery = messages.Delivery(more=more[0], pause=INTERVAL) if more else messages.WHOLE
        return messages.Response(int(status[:3]), response_headers, b"".join(chunks), delivery)

    return answer


def _answer(core: Emulator, flask: Request) -> Response:
    clock = core.world.clock
    wait = clock.wait if wsgi.is_served(flask.environ) else partial(_advance, clock, flask)
    try:
        mock_response = messages.run_sync(core.answer(_read(flask, core.settings["body_limit"])), wait)
    except WouldHangForever as error:
        return RaisingResponse(error)
    if mock_response.delivery is not messages.WHOLE:
        return FaultyResponse(mock_response, wait, clock.now())
    body = b"" if flask.method == "HEAD" else mock_response.body
    response = Response(body, mock_response.status, dict(mock_response.headers))
    response.headers["Content-Length"] = str(len(mock_response.body))
    return response


def _advance(clock: Clock, flask: Request, seconds: float) -> None:
    if isinf(seconds):
        call = f"{flask.method} {wsgi.request_target(flask.environ)}"
        raise would_hang(Wait(seconds, call, getattr(seconds, "why", "")), "a test client can't have one")
    clock.move_to(clock.now() + seconds)


def _read(flask: Request, body_limit: int) -> messages.Request:
    flask.max_content_length = body_limit
    try:
        body, too_large = flask.get_data(cache=False), False
    except RequestEntityTooLarge:
        body, too_large = b"", True
    except ClientDisconnected:  # treat an incomplete body as empty
        body, too_large = b"", False
    headers = {name.lower(): value for name, value in flask.headers.items()}
    return messages.Request(
        flask.method, wsgi.request_target(flask.environ), headers, body, "wsgi", too_large=too_large
    )
