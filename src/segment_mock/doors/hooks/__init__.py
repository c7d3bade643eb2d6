"""What is put into each client library while a mock answers for the vendors' hosts: a file a library."""
