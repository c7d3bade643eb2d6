"""The environment variables by which unchanged clients reach a server of segment-mock."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

_PROXY = ("HTTPS_PROXY", "HTTP_PROXY")
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "DENO_CERT", "GIT_SSL_CAINFO")
_HERE = "localhost,127.0.0.1,::1"
_NODE = Path(__file__).with_name("node_proxy.cjs")
_PYTHON = Path(__file__).with_name("python")


def environment(url: str, ca_file: Path | None, hosts: Iterable[str]) -> dict[str, str]:
    """Return the environment variables by which a program reaches the server at *url*.

    *ca_file* is the server's CA certificate, or None if it has none. The variables name a file with this certificate
    and the system's, so that the program trusts both. If the URL of a server with a certificate begins with ``http:``,
    the variables make the server the program's proxy. For the vendors' *hosts*, a Python program then connects to the
    server directly, without the proxy.
    """
    variables = {"SEGMENT_MOCK_URL": url, "SALSA_BASE_URL": url, "SEGMENTER_BASE_URL": url}
    if ca_file is None:
        return variables
    trusted = ca_file.with_name(f"bundle-{ca_file.name}")
    trusted.write_bytes(_bundle(ca_file.read_bytes()))
    variables |= {"SEGMENT_MOCK_CA_FILE": str(ca_file), **dict.fromkeys(_TRUST, str(trusted))}
    if url.startswith("https:"):
        return variables
    proxies = {**dict.fromkeys(_PROXY, url), "NO_PROXY": _HERE}
    # Node reads the proxy variables only if NODE_USE_ENV_PROXY is set; older versions need NODE_OPTIONS.
    node = {"NODE_USE_ENV_PROXY": "1", "NODE_OPTIONS": _node_options(os.environ.get("NODE_OPTIONS", ""))}
    address = url.partition("://")[2]
    python = {"_SEGMENT_MOCK_DIRECT": f"{address} {','.join(hosts)}", "PYTHONPATH": _python_path()}
    if address.startswith("["):
        python = {}  # the addresses that represent the server are IPv4
    return {**variables, **python, **proxies, **{name.lower(): value for name, value in proxies.items()}, **node}


def _python_path() -> str:
    before = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path not in ("", str(_PYTHON))]
    return os.pathsep.join([str(_PYTHON), *before])


class ChildEnvironment(dict[str, str]):
    """The environment variables by which child processes reach the server of a mock, for ``subprocess.run(env=...)``.

    As a context manager, it sets them in ``os.environ`` for all children that start within the block. At the end, it
    restores the previous values and calls *stop*, which stops the server.
    """

    def __init__(self, variables: Mapping[str, str], stop: Callable[[], None]) -> None:
        super().__init__(variables)
        self._stop = stop
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        _stop_forkserver()
        self._before = {name: os.environ.get(name) for name in self}
        os.environ.update(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _stop_forkserver()
        self._stop()


def _stop_forkserver() -> None:
    """Stop multiprocessing's forkserver, whose children have the environment of its own start."""
    forkserver: Any = sys.modules.get("multiprocessing.forkserver")
    if forkserver is not None and not sys.modules["multiprocessing"].active_children():
        forkserver._forkserver._stop()


def _node_options(before: str) -> str:
    ours = '--require "{}"'.format(str(_NODE).replace("\\", "\\\\").replace('"', '\\"'))
    return before if ours in before else f"{before} {ours}".strip()


def _bundle(ours: bytes) -> bytes:
    """Return the system's certificates (those of requests, if the system has none) and *ours*."""
    system = ssl.get_default_verify_paths().cafile
    if system is None:
        import certifi  # comes with requests

        system = certifi.where()
    return Path(system).read_bytes() + b"\n" + ours
