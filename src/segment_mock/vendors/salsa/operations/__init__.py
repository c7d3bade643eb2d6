"""The Salsa operations, one file for each resource."""
