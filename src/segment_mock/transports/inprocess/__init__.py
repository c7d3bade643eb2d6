"""The in-process transport: unchanged clients in this process reach the core without a socket."""
