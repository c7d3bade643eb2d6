"""What is emulated, with its sources: for people who want to know what they can rely on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ..contract import Json, Vendor

_SECRETS = ("token", "key")


def catalogue(vendors: Iterable[Vendor], settings: Mapping[str, Any]) -> Json:
    """Return each vendor's operations, refusals and limits with their source, and the settings in force."""
    shown = {
        name: len(value) if name.endswith(_SECRETS) and value else value
        for name, value in settings.items()
        if name not in ("data", "faults")
    }
    return {"vendors": [_vendor(vendor, settings) for vendor in vendors], "settings": shown}


def _vendor(vendor: Vendor, settings: Mapping[str, Any]) -> Json:
    root = settings.get(f"{vendor.name}_path", vendor.root)
    return {
        "name": vendor.name,
        "title": vendor.title,
        "hosts": vendor.hosts,
        "key_header": vendor.key_header,
        "operations": [
            {
                "name": f"{vendor.name}.{row.name}",
                "method": row.method,
                "path": root + path,
                "source": row.source,
            }
            for row in vendor.operations
            for path in row.paths
        ],
        "refusals": [
            {"kind": kind, "status": row.status, "message": row.message, "source": row.source}
            for kind, row in vendor.refusals.items()
        ],
        "limits": asdict(vendor.limits),
    }
