"""What all tests share."""

pytest_plugins = ["pytester"]
collect_ignore = ["stranger"]  # runs against the built wheel
