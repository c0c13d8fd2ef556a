"""Holds the client libraries of all languages to the same behaviour; see ``README.md`` beside it."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # before grpc is loaded: the faults of the cases are no news
