"""The control plane as a callable, for doors that speak in plain requests and responses."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.test import EnvironBuilder, run_wsgi_app

from ..emulator import Emulator
from ..messages import Request, Response
from ._app import create_app


def control(emulator: Emulator) -> Callable[[Request], Response]:
    """Return a function that answers requests for ``/_mock`` by the Flask application."""
    app = create_app(emulator)

    def answer(request: Request) -> Response:
        path, _, query = request.target.partition("?")
        headers = [(name, value) for name, value in request.headers.items() if name != "content-length"]
        origin = {"segment_mock.door": request.door, "segment_mock.too_large": request.too_large}
        builder = EnvironBuilder(
            path,
            query_string=query,
            method=request.method,
            headers=headers,
            data=request.body,
            environ_base=origin,
        )
        chunks, status, sent, *_ = run_wsgi_app(app.wsgi_app, builder.get_environ(), buffered=True)
        body = b"".join(chunks)
        kept = {name: value for name, value in sent.items() if name.lower() not in ("content-length", "date")}
        return Response(int(status[:3]), kept, body)

    return answer
