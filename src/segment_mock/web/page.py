"""A page to browse the OpenAPI documents, which needs no network."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from flask import Response, send_from_directory

from ..emulator import Emulator
from .views import Views

views = Views()
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>segment-mock</title><link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/swagger-ui-standalone-preset.js"></script>
<script>
SwaggerUIBundle({
  dom_id: "#page", urls: %s, layout: "StandaloneLayout", validatorUrl: null, deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
});
</script>
</body>
</html>
"""


@views.get("/docs", documented=False)
def get_page(core: Emulator) -> Response:
    """Return the page of the OpenAPI documents."""
    urls = [{"name": vendor.title, "url": f"openapi/{name}.json"} for name, vendor in core.vendors.items()]
    return Response(_PAGE % json.dumps([*urls, {"name": "control plane", "url": "openapi.json"}]))


@views.get("/docs/<name>", documented=False)
def get_page_file(core: Emulator, name: str) -> Response:
    """Return a file of the page."""
    return send_from_directory(_swagger_ui(), name)


def _swagger_ui() -> Path:
    # The package is a Flask extension; only its files are needed.
    spec = find_spec("flask_swagger_ui")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "dist"
