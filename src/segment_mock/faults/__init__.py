"""What goes wrong, and when."""

from ._plan import Plan, Rule

__all__ = ["Plan", "Rule"]
