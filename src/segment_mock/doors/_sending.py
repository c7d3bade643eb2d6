"""How requests itself sends, whatever a library of stubs would have it do."""

from __future__ import annotations

import warnings
from importlib.util import module_from_spec
from typing import Any

from requests import adapters


def own_send() -> Any:
    """Return ``HTTPAdapter.send`` as requests has it: a library of stubs puts its own there, and refuses our hosts.

    What stands there and has an attribute ``own`` tells it by that.
    """
    send: Any = adapters.HTTPAdapter.send
    if (send.__module__, send.__qualname__) == (adapters.__name__, "HTTPAdapter.send"):
        return send
    return getattr(send, "own", None) or _copied().HTTPAdapter.send


def _copied() -> Any:
    spec: Any = adapters.__spec__
    copy: Any = module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # urllib3's, that there is no SOCKS, was told when requests was imported
        spec.loader.exec_module(copy)
    return copy
