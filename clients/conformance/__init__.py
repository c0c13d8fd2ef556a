"""Holds the client libraries of all languages to the same behaviour; see ``README.md`` beside it."""
