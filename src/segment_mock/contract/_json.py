"""JSON in and out, with the same care for odd input everywhere."""

from __future__ import annotations

import json
import math
from typing import Any, TypeAlias

from ._refusal import Refusal

Json: TypeAlias = dict[str, Any]


def dumps(body: Json) -> bytes:
    """Return *body* as compact JSON in ASCII, so that lone surrogates survive."""
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def parse(body: bytes) -> Any:
    """Return *body* as JSON; raises `Refusal` ``malformed`` with a sentence that says what is wrong."""
    if not body.strip():
        raise Refusal("malformed", "The request has no body; a JSON object is expected.")
    try:
        return _decoder.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Refusal("malformed", f"The body is not UTF-8: byte {error.start} is {body[error.start]:#04x}.") from None
    except RecursionError:
        raise Refusal("malformed", "The body is nested too deeply.") from None
    except ValueError as error:
        raise Refusal("malformed", f"The body is not JSON: {error}") from None


def _finite(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    raise ValueError(f"{text[:20]} is no number that JSON can carry")


_decoder = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)
