"""Flask, and nowhere else: both APIs and the control plane as a WSGI application."""

from .app import control_client, create_app

__all__ = ["control_client", "create_app"]
