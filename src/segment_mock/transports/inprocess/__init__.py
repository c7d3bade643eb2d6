"""In process: unchanged clients of this process reach the core without a socket."""
