"""requests, in addition to urllib3: proxies of the environment are not looked up for intercepted hosts."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from .registry import REGISTRY, Patch, Seam


def seams(module: ModuleType) -> Iterable[Seam]:
    """Return the seams of ``requests.sessions``."""
    yield Seam(module, "get_environ_proxies", _get_environ_proxies)


def _get_environ_proxies(patch: Patch) -> Any:
    def get_environ_proxies(url: str, no_proxy: Any = None) -> Any:
        ours = REGISTRY.transport_for(urlsplit(url).hostname or "") is not None
        return {} if ours else patch.original(url, no_proxy=no_proxy)

    return get_environ_proxies
