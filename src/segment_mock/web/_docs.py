"""The documents of both APIs and of the control plane, and a page to browse them with no network."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, current_app, send_from_directory
from werkzeug.exceptions import NotFound

from ..emulator import Emulator
from ..settings import suggestion
from ._problem import as_json

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


def documents(plane: Blueprint, core: Emulator) -> None:
    """Add the views of *core*'s documents to *plane*."""

    @plane.get("/openapi.json")
    def control() -> Response:
        from .openapi import control_document  # apispec, which few ask for

        return as_json(control_document(current_app.url_map.iter_rules(), core))

    @plane.get("/openapi/<vendor>.json")
    def openapi(vendor: str) -> Response:
        from .openapi import vendor_document

        if vendor not in core.vendors:
            raise NotFound(f"{vendor!r} is no vendor{suggestion(vendor, core.vendors)}; there are {[*core.vendors]}.")
        return as_json(vendor_document(core.vendors[vendor], core.settings))

    @plane.get("/docs")
    def docs() -> Response:
        urls = [{"name": row.title, "url": f"openapi/{name}.json"} for name, row in core.vendors.items()]
        return Response(_PAGE % json.dumps([*urls, {"name": "control plane", "url": "openapi.json"}]))

    @plane.get("/docs/<name>")
    def page(name: str) -> Response:
        return send_from_directory(_files(), name)


def _files() -> Path:
    # The package is a Flask extension; of it we want the files alone.
    found = find_spec("flask_swagger_ui")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "dist"
