"""The error messages of the project, and the documentation of each."""
