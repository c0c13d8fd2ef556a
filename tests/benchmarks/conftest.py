"""Nothing here is a test, and one module is for another environment."""

collect_ignore_glob = ["*.py"]
