"""The transports. Each turns a client's bytes or calls into a `Request`, and sends the `Response`."""
