"""The reference pages, made from the code: ``python -m tests.docs_site.reference`` writes them."""
