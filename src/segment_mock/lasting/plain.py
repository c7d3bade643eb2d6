"""Plain data in and out of bytes, exactly: numbers of any length, lone surrogates, bytes."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def encode(value: Any) -> bytes:
    """Return *value* as bytes. Beside JSON, it may contain bytes and tuples; raises TypeError for anything else."""
    try:
        return _encode(value)
    except (TypeError, UnicodeEncodeError, OverflowError):
        return json.dumps(value, separators=(",", ":"), default=_plain).encode()


def decode(content: bytes) -> Any:
    """Return the value that `encode` was given, with bytes as strings; see `bytes_of`."""
    try:
        return _decode(content)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return json.loads(content)


def bytes_of(text: str) -> bytes:
    """Return the bytes that `encode` wrote as *text*."""
    return b64decode(text)


def tuples(value: Any) -> Any:
    """Return *value*, a key that was written as JSON, with tuples instead of lists."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
