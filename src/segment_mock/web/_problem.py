"""Errors of the control plane as problem+json, each with a hint."""

from __future__ import annotations

import json
from typing import Any

from flask import Response
from werkzeug.exceptions import HTTPException

_HINTS = {404: "GET /_mock/vendors lists what is here", 405: "the Allow header names the methods"}


def as_json(data: Any, status: int = 200) -> Response:
    """Return *data* as a JSON reply, members in their own order."""
    return Response(json.dumps(data), status, content_type="application/json")


def told(status: int, title: str, detail: str, hint: str = "") -> Response:
    """Return a problem: *title* is its kind, *detail* this case of it, *hint* the way out."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "hint": hint}
    return Response(json.dumps(body), status, content_type="application/problem+json")


def problem(error: HTTPException) -> Response:
    """Return Werkzeug's *error* as a problem, its own headers kept."""
    status = error.code or 500
    response = told(status, error.name, error.description or error.name, _HINTS.get(status, ""))
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response
