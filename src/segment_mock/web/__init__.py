"""Both APIs and the control plane as a WSGI application. Only this package imports Flask."""

from .app import control_client, create_app

__all__ = ["control_client", "create_app"]
