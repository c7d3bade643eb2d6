"""Ways in. Each turns its client's bytes or calls into a `Request` and carries out the `Response`."""
