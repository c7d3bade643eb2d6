"""OpenAPI 3.1 of both vendors and of the control plane, made from the rows and schemas that answer the calls."""

from .control import control_document
from .vendor import vendor_document

__all__ = ["control_document", "vendor_document"]
