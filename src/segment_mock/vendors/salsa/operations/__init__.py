"""What each Salsa operation does, a file a resource."""
