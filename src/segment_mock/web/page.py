"""The page ``/_mock/`` and the page of the OpenAPI documents. Neither loads anything from the network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from flask import Response, send_from_directory

from ..emulator import Emulator
from .views import Views, as_json

views = Views()
_STATIC = Path(__file__).with_name("static")
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Swagger UI has styles in its markup, and pictures as data URLs.
_DOCS_POLICY = _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "img-src 'self'", "img-src 'self' data:"
)
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@views.get("/", documented=False, public=True)
def get_page(core: Emulator) -> Response:
    """Return the page, which gets its data from the control plane as any other client does."""
    return _page("index.html", _POLICY)


@views.get("/static/<name>", documented=False, public=True)
def get_page_file(core: Emulator, name: str) -> Response:
    """Return a file of the page."""
    response = send_from_directory(_STATIC, name)
    # The system's table of media types may differ.
    response.headers["Content-Type"] = _TYPES.get(Path(name).suffix, response.headers["Content-Type"])
    response.headers.update({**_SAFE, "Content-Security-Policy": _POLICY})
    return response


@views.get("/docs", documented=False, public=True)
def get_docs(core: Emulator) -> Response:
    """Return the page of the OpenAPI documents, which requests them with the admin token."""
    return _page("docs.html", _DOCS_POLICY)


@views.get("/docs/documents", documented=False)
def get_docs_list(core: Emulator) -> Response:
    """Return the name and the URL of each OpenAPI document."""
    urls = [{"name": vendor.title, "url": f"openapi/{name}.json"} for name, vendor in core.vendors.items()]
    return as_json({"documents": [*urls, {"name": "control plane", "url": "openapi.json"}]})


@views.get("/docs/<name>", documented=False, public=True)
def get_docs_file(core: Emulator, name: str) -> Response:
    """Return a file of Swagger UI."""
    return send_from_directory(_swagger_ui(), name)


def _page(name: str, policy: str) -> Response:
    html = (_STATIC / name).read_bytes()
    headers = {**_SAFE, "Content-Security-Policy": policy}
    return Response(html, content_type="text/html; charset=utf-8", headers=headers)


def _swagger_ui() -> Path:
    # The package is a Flask extension; only its files are needed.
    spec = find_spec("flask_swagger_ui")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "dist"
