"""The comparison that product and suite share, under the name that tests import."""

from segment_mock.conform import Example, differences, examples, outcome

__all__ = ["Example", "differences", "examples", "outcome"]
