"""Tests of the wording of error messages, and the code that collects the messages from the source."""
