"""Functions on images."""
