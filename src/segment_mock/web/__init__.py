"""Flask, and nowhere else: both APIs and the control plane as a WSGI application."""

from ._app import create_app
from ._bridge import control

__all__ = ["control", "create_app"]
