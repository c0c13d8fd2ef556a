"""Functions on dates and date ranges."""
