"""The language of expressions: graphs, signatures, and the values that functions take and return."""
