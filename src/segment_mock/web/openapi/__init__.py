"""OpenAPI 3.1 documents of the vendors and the control plane, and JSON Schema of files, made from the code."""

from .control import control_document
from .files import FILES, file_schema
from .vendor import vendor_document

__all__ = ["FILES", "control_document", "file_schema", "vendor_document"]
