"""The live server: HTTP/1.1, TLS and CONNECT on sockets, in one event loop in one thread."""
