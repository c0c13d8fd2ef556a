"""Functions on dates and spans of time."""
