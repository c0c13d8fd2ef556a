"""The command line."""

import os

# gRPC reads it when it is imported. What it writes to standard error by itself repeats an error in its own terms.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from rasterwire.cli.main import main

__all__ = ["main"]
