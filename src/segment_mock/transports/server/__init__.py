"""The live server: HTTP/1.1, TLS and CONNECT on sockets, by one event loop in one thread."""
