"""What an unchanged client needs in its environment to reach a server of ours."""

from __future__ import annotations

import ssl
from pathlib import Path

_PROXY = ("HTTPS_PROXY", "HTTP_PROXY")
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "DENO_CERT", "GIT_SSL_CAINFO")
_HERE = "localhost,127.0.0.1,::1"


def bundle(ours: bytes) -> bytes:
    """Return the system's certificates, or requests' where the system has none, and *ours*."""
    system = ssl.get_default_verify_paths().cafile
    if system is None:
        import certifi  # comes with requests

        system = certifi.where()
    return Path(system).read_bytes() + b"\n" + ours


def environment(url: str, ca_bundle: str | None) -> dict[str, str]:
    """Return the variables for clients of the server at *url*; with *ca_bundle* they use it as their proxy."""
    told = {"SEGMENT_MOCK_URL": url, "SALSA_BASE_URL": url, "SEGMENTER_BASE_URL": url}
    if ca_bundle is None:
        return told
    told |= {name: form for name in _TRUST for form in [ca_bundle]}
    proxies = {**dict.fromkeys(_PROXY, url), "NO_PROXY": _HERE}
    # Node asks for this word before it looks at the others.
    return {**told, **proxies, **{name.lower(): value for name, value in proxies.items()}, "NODE_USE_ENV_PROXY": "1"}
