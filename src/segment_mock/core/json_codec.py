"""Read and write JSON with msgspec; the standard library handles what msgspec refuses, and words the errors."""

from __future__ import annotations

import json
import math
import re
from codecs import BOM_UTF8
from typing import Any, TypeAlias

import msgspec

from ..json_match import MAX_DEPTH as DEPTH
from ..json_match import MAX_DIGITS
from ..wording import json_reason
from .refusals import Refusal

Json: TypeAlias = dict[str, Any]

_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LONG_NUMBER = re.compile(rb"(?<![0-9])[0-9]{%d}" % (MAX_DIGITS + 1)).search
_TEN_DIGITS = re.compile(rb"[0-9]{10}").search
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def dumps(body: Json) -> bytes:
    """Return *body* as compact JSON in ASCII; lone surrogates survive."""
    try:
        text = _encode(body)
        if text.isascii():
            return text
    except (TypeError, UnicodeEncodeError):
        pass  # a key that is not a string, or a lone surrogate
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def parse(body: bytes) -> Any:
    """Return the value of a JSON *body*; raises `Refusal` ``malformed`` with a sentence that names the error."""
    try:
        has_long_number = len(body) > MAX_DIGITS and _has_long_number(body)
        value = _parse_exactly(body) if has_long_number else _decode(body)
        if body.count(b"[") + body.count(b"{") > DEPTH:
            _check_depth(body, value)
    except RecursionError:
        raise Refusal("malformed", f"The body is nested too deeply; {DEPTH} levels are allowed.") from None
    except (msgspec.DecodeError, ValueError):
        return _explained(body)
    return value


def _explained(body: bytes) -> Any:
    """Return a value that only the standard library reads, such as a lone surrogate; raises `Refusal` otherwise."""
    if not body.strip():
        raise Refusal("malformed", "The request has no body; a JSON object is expected.")
    try:
        value = _parse_exactly(body)
        _check_depth(body, value)
    except UnicodeDecodeError as error:
        wrong = error.object[error.start]
        raise Refusal("malformed", f"The body is not UTF-8: byte {error.start} is {wrong:#04x}.") from None
    except RecursionError:
        raise Refusal("malformed", f"The body is nested too deeply; {DEPTH} levels are allowed.") from None
    except ValueError as error:
        raise Refusal("malformed", f"The body is not JSON: {json_reason(error)}") from None
    return value


def _parse_exactly(body: bytes) -> Any:
    return _decoder.decode(body.removeprefix(BOM_UTF8).decode())


def _has_long_number(body: bytes) -> bool:
    # A sample of every hundredth byte has ten digits in a row if a number has more than 1000 digits.
    return _TEN_DIGITS(body[::100]) is not None and _LONG_NUMBER(body) is not None


def _is_shallow(body: bytes) -> bool:
    """Return whether *body* certainly does not exceed the depth; False if brackets in strings make it uncertain."""
    brackets = body.translate(None, _NO_BRACKETS)
    for _ in range(DEPTH):
        if not brackets:
            return True
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return not brackets


def _check_depth(body: bytes, value: Any) -> None:
    """Raise RecursionError if *value*, parsed from *body*, is nested too deeply."""
    if _is_shallow(body):
        return
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
    raise ValueError(f"{text[:20]} is not a number that JSON can carry")


def _short_enough(text: str) -> int:
    # Python needs minutes for millions of digits, or refuses them with advice that does not suit a client.
    if len(text) <= MAX_DIGITS:
        return int(text)
    raise ValueError(f"{text[:20]}... has more than {MAX_DIGITS} digits")


_decoder = json.JSONDecoder(parse_float=_finite, parse_int=_short_enough, parse_constant=_finite)
