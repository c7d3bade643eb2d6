"""OpenAPI 3.1 of the vendors and the control plane, and JSON Schema of files: from what answers and loads them."""

from .control import control_document
from .files import FILES, file_schema
from .vendor import vendor_document

__all__ = ["FILES", "control_document", "file_schema", "vendor_document"]
