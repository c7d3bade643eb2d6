"""The error texts of the project, and where a user finds help with each."""
