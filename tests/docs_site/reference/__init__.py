"""Generates the reference pages from the code; ``python -m tests.docs_site.reference`` writes them."""
