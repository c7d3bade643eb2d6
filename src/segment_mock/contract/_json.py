"""JSON in and out, with the same care for odd input everywhere."""

from __future__ import annotations

import json
import math
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from ._refusal import Refusal

Json: TypeAlias = dict[str, Any]

DEPTH = 100
"""How deep a body may be nested: what is echoed or exported has to fit on Python's stack once more."""
_DIGITS = 1000
_LARGE = 10_000
"""A body of so many bytes has more brackets than levels are allowed, so to count them is no use."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def dumps(body: Json) -> bytes:
    """Return *body* as compact JSON in ASCII, so that lone surrogates survive."""
    return "".join(_chunks(body, 0)).encode()


def parse(body: bytes) -> Any:
    """Return *body* as JSON; raises `Refusal` ``malformed`` with a sentence that says what is wrong."""
    if not body.strip():
        raise Refusal("malformed", "The request has no body; a JSON object is expected.")
    try:
        value = _decoded(body.removeprefix(BOM_UTF8).decode())
        if not _is_shallow(body):
            _measure(value)
    except UnicodeDecodeError as error:
        wrong = error.object[error.start]
        raise Refusal("malformed", f"The body is not UTF-8: byte {error.start} is {wrong:#04x}.") from None
    except RecursionError:
        raise Refusal("malformed", f"The body is nested too deeply; {DEPTH} levels are allowed.") from None
    except ValueError as error:
        raise Refusal("malformed", f"The body is not JSON: {error}") from None
    return value


def _decoded(text: str) -> Any:
    # What json does around its scanner takes longer than to scan a small body, and so does asking for each number.
    found = text.strip(" \t\n\r")
    try:
        value, end = (_decoder if len(found) > _DIGITS else _brief).raw_decode(found)
    except json.JSONDecodeError:
        end = -1
    return value if end == len(found) else _decoder.decode(text)


def _is_shallow(body: bytes) -> bool:
    """Tell whether *body* is surely nested no deeper than allowed; brackets within strings may make it unsure."""
    if len(body) < _LARGE and body.count(b"[") + body.count(b"{") <= DEPTH:
        return True
    brackets = body.translate(None, _NO_BRACKETS)
    for _ in range(DEPTH):
        if not brackets:
            return True
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return not brackets


def _measure(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH):
        inner = [each.values() if type(each) is dict else each for each in level]
        level = [child for children in inner for child in children if type(child) is dict or type(child) is list]
        if not level:
            return
    raise RecursionError


def _finite(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    raise ValueError(f"{text[:20]} is no number that JSON can carry")


def _whole(text: str) -> int:
    # Python needs minutes for millions of digits, or refuses them with advice that is not for clients.
    if len(text) <= _DIGITS:
        return int(text)
    raise ValueError(f"{text[:20]}... has more than {_DIGITS} digits")


def _encoding() -> Callable[[Any, int], Iterable[str]]:
    # json makes its quick encoder anew for each text, which takes as long as to encode two groups.
    make = getattr(json.encoder, "c_make_encoder", None)
    one = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)
    if make is None:
        return lambda body, _: one.iterencode(body)
    quick: Callable[[Any, int], Iterable[str]] = make(
        None, one.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False
    )
    return quick


_chunks = _encoding()
_decoder = json.JSONDecoder(parse_float=_finite, parse_int=_whole, parse_constant=_finite)
_brief = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)
