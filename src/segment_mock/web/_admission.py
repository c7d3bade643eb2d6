"""Who may call the control plane: this machine, or whoever has the token; no other site's page."""

from __future__ import annotations

import hmac

from flask import request
from werkzeug.exceptions import Forbidden, RequestEntityTooLarge, Unauthorized

from ..doors import host_of, is_loopback

_OPEN = ("/_mock/health", "/_mock/ca.pem")


def admit(token: str | None) -> None:
    """Keep out what is not this machine's, a browser's other site, or without the *token* where there is one.

    Raises Forbidden, Unauthorized, and RequestEntityTooLarge for a body that the door did not keep.
    """
    if request.path in _OPEN:
        return
    host = request.headers.get("Host", "")
    # A page tells its scheme too, but the door does not know which one it was asked by.
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        raise Forbidden("Another site's page may not call the control plane.")
    if token is not None and not _is_bearer(token):
        raise Unauthorized("Send the admin token: Authorization: Bearer TOKEN.")
    # Without a token any name but this machine's may be one that a hostile name server leads here.
    if token is None and request.environ.get("segment_mock.door") != "inprocess" and not is_loopback(host_of(host)):
        raise Forbidden(f"Host {host[:100]!r} is not this machine; with --admin-token any Host may call.")
    if request.environ.get("segment_mock.too_large"):
        raise RequestEntityTooLarge


def _is_bearer(token: str) -> bool:
    sent = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(sent, f"Bearer {token}".encode("utf-8", "surrogateescape"))
