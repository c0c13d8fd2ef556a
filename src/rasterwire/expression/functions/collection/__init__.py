"""Functions on collections, and on their elements."""
