"""The catalog of a STAC API."""
