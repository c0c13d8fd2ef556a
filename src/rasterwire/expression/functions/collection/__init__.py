"""Functions on collections, and on the elements they hold."""
