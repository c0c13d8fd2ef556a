"""Functions on geometries."""
